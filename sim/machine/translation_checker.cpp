// SPDX-License-Identifier: MIT
#include "sim/machine/translation_checker.h"

#include <iterator>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/nested_translate.h"

namespace mmusim {

namespace {

Walk complete_walk(const ControlState& control, VirtAddr va, const PhysMem& memory) {
  Walk walk(control, va);
  while (!walk.done()) walk.feed(memory.load(walk.entry_pa(), control.entry_bytes()));
  return walk;
}

/// Memory whose entries stay as they are: counts what would be stored.
struct ReadOnlyEntries {
  const PhysMem& memory;
  unsigned stores = 0;
  uint64_t load_entry(PhysAddr pa, unsigned bytes) const { return memory.load(pa, bytes); }
  void store_entry(PhysAddr, uint64_t, unsigned) { ++stores; }
};

/// Leaves out flags of nested entries that map the guest's tables: a page that is global in the guest is in the TLBs also
/// where the tables of the present address space have not been used yet.
class CheckedPort : public PureNestedPort<ReadOnlyEntries> {
 public:
  using PureNestedPort::PureNestedPort;
  uint64_t read_nested(const SubWalk& walk, NestedUse use) {
    use_ = use;
    return PureNestedPort::read_nested(walk, use);
  }
  bool update_nested(PhysAddr at, uint64_t from, uint64_t to) {
    return !is_final(use_) || PureNestedPort::update_nested(at, from, to);
  }

 private:
  NestedUse use_ = NestedUse::kFinalRead;
};

/// True if nested entries for the guest's tables are yet to be made, when a walk needs them: the tables say nothing then.
/// The verdict has both a fault and an update that comes first.
template <class Verdict>
bool lacks_nested_tables(const Verdict& v) {
  return v.fault == FaultReason::kNested && v.needs_update;
}

std::string text_of(const Translation& t) {
  return fmt::format("frame {} of {} KiB, rights {}, key {}, memory type index {}{}{}", t.frame(),
                     bytes_of(t.size()) / kKiB, t.rights().bits(), t.key(), t.pat_index(), t.dirty() ? ", dirty" : "",
                     t.global() ? ", global" : "");
}

}  // namespace

std::string TranslationChecker::difference(VirtAddr va, const Translation& got, const Translation& expected) {
  // Sizes may differ: parts of large pages, and small pages that share an entry, are what TLBs hold. An entry that is
  // clean though the page is dirty is only slower.
  const bool same = got.address(va) == expected.address(va) && got.rights() == expected.rights() &&
                    got.key() == expected.key() && got.pat_index() == expected.pat_index() &&
                    got.global() == expected.global() && (!got.dirty() || expected.dirty());
  if (same) return {};
  return fmt::format("it has {} ({}), the page tables say {} ({})", got.address(va), text_of(got), expected.address(va),
                     text_of(expected));
}

void TranslationChecker::set_nested(const NestedControl* control, unsigned guest) {
  nested_ = control;
  guest_ = guest;
  if (all_stale_.size() <= guest) all_stale_.resize(guest + 1, std::vector<Stale>(cores_));
}

TranslationChecker::Verdict TranslationChecker::verdict(const ControlState& control, VirtAddr va,
                                                        std::optional<AccessType> type) const {
  if (nested_ != nullptr) return nested_verdict(control, va, type);
  const Walk walk = complete_walk(control, va, *memory_);
  Verdict v;
  v.fault = walk.fault();
  if (v.fault) return v;
  v.translation = walk.translation();
  if (!type) return v;
  v.fault = check_rights(control, v.translation, *type);
  v.needs_update = walk.needs_update(*type);
  return v;
}

/// As verdict() of a guest. Without `type` the access is a read that no rights of the guest's forbid.
TranslationChecker::Verdict TranslationChecker::nested_verdict(const ControlState& control, VirtAddr va,
                                                               std::optional<AccessType> type) const {
  ReadOnlyEntries entries{*memory_};
  CheckedPort port(entries);
  ControlRegisters registers = control.registers();
  registers.ac = true;
  registers.pkru = registers.pkrs = 0;
  const ControlState open(registers, control.traits());
  const ControlState& guest = type ? control : open;
  NestedWalk walk(guest, *nested_, port);
  const NestedOutcome outcome =
      walk.translate(va, type.value_or(AccessType(AccessKind::kRead, Privilege::kSupervisor)));
  Verdict v;
  v.fault = outcome.exit ? FaultReason::kNested : outcome.fault;
  const bool of_tables = outcome.exit && !is_final(outcome.exit->use);
  v.needs_update = entries.stores != 0 || (of_tables && outcome.exit->reason == NestedFaultReason::kNotPresent);
  if (!v.fault) v.translation = combined(guest, *nested_, outcome);
  return v;
}

/// Returns what is wrong with a translation of which the tables say this; empty: nothing.
std::string TranslationChecker::judge(const UsedTranslation& used, const Verdict& tables) {
  const bool hit = used.translation == nullptr;
  if (lacks_nested_tables(tables) && !used.fault) return {};
  if (used.fault != tables.fault) {
    const char* says = used.fault ? name_of(*used.fault) : "no fault";
    return fmt::format("{}, the page tables say {}", hit ? "it hits" : fmt::format("it says {}", says),
                       tables.fault ? name_of(*tables.fault) : "no fault");
  }
  if (used.fault) return {};
  if (hit && tables.translation.address(used.va) != used.pa) {
    return fmt::format("it has {}, the page tables say {}", used.pa, tables.translation.address(used.va));
  }
  if (!hit) {
    const std::string what = difference(used.va, *used.translation, tables.translation);
    if (!what.empty()) return what;
  }
  return tables.needs_update ? "an accessed or dirty flag is not set in the page tables" : "";
}

void TranslationChecker::translated(const UsedTranslation& used) {
  ++translations_;
  const std::string what = judge(used, verdict(used.control, used.va, used.type));
  if (what.empty()) return;
  if (may_be_stale(used.core, used.va)) {
    ++stale_seen_;
    return;
  }
  stop(used.core, used.control, used.va, fmt::format("the {} of access {}", name_of(used.type.kind()), used.access),
       what, used.now);
}

void TranslationChecker::entry_changed(VirtAddr va, uint64_t bytes) {
  for (Stale& held : stale()) {
    if (bytes == 0) {
      held.anything = true;
      continue;
    }
    uint64_t& known = held.pieces[va.raw()];
    known = std::max(known, bytes);
  }
}

/// Pieces stay as long as any address of them may be cached: what one INVLPG leaves of a larger piece stays whole.
void TranslationChecker::flushed(unsigned core, const Invalidation& operation) {
  Stale& held = stale()[core];
  if (operation.tlb == InvalidationScope::kAll && operation.globals &&
      operation.structures == InvalidationScope::kAll) {
    held.pieces.clear();
    held.anything = false;
    return;
  }
  if (!names_address(operation.tlb) || !operation.globals) return;
  const auto page = held.pieces.find(operation.va.align_down(kPageBytes).raw());
  if (page != held.pieces.end() && page->second <= kPageBytes) held.pieces.erase(page);
}

bool TranslationChecker::may_be_stale(unsigned core, VirtAddr va) const {
  const Stale& held = stale()[core];
  if (held.anything) return true;
  // The pieces of one level do not overlap; those that could cover `va` begin at its page, or at its table's first.
  for (const unsigned shift : {12U, 21U, 30U, 39U, 48U}) {
    const auto piece = held.pieces.find(va.align_down(uint64_t{1} << shift).raw());
    if (piece != held.pieces.end() && va.raw() - piece->first < piece->second) return true;
  }
  return false;
}

void TranslationChecker::check_contents(unsigned core, const ControlState& control, const TlbLevel& tlb,
                                        const char* name, CycleTime now) {
  for (unsigned number = 0; number < tlb.arrays(); ++number) {
    const TlbArray& array = tlb.array(number);
    array.for_each([&](unsigned slot, VirtAddr first, EntryKind kind, uint16_t space, bool global) {
      const SpaceTag own = control.space();
      if (kind == EntryKind::kPde || space != (global ? own.global : own.own)) return;
      const unsigned pages = kind == EntryKind::k16K ? 4 : 1;
      for (unsigned i = 0; i < pages; ++i) {
        const VirtAddr va = first + i * kPageBytes;
        ++entries_;
        const Verdict tables = verdict(control, va, std::nullopt);
        if (lacks_nested_tables(tables)) continue;
        const std::string what = tables.fault ? fmt::format("the page tables say {}", name_of(*tables.fault))
                                              : difference(va, array.at(slot, kind, va), tables.translation);
        if (what.empty()) continue;
        if (!may_be_stale(core, va)) {
          stop(core, control, va, fmt::format("slot {} of array {} of the {} after a flush", slot, number, name), what,
               now);
        }
        ++stale_seen_;
      }
    });
  }
}

void TranslationChecker::stop(unsigned core, const ControlState& control, VirtAddr va, const std::string& who,
                              const std::string& what, CycleTime now) {
  std::string entries;
  const Walk walk = nested_ == nullptr ? complete_walk(control, va, *memory_) : Walk(control, va);
  for (const Walk::Step& step : walk.steps()) {
    entries += fmt::format("\n  level {} entry at {}: 0x{:016x}", step.level, step.entry_pa, step.entry);
  }
  internal_error(
      __FILE__, __LINE__,
      fmt::format("core{} in cycle {}: the translation of {} by {} is wrong: {}{}", core, now, va, who, what, entries));
}

}  // namespace mmusim
