// SPDX-License-Identifier: MIT
#include "sim/system/functional_machine.h"

#include <bit>
#include <cstddef>

#include "models/walker/walk_procedure.h"
#include "models/x86/translate.h"

namespace mmusim {

/// Entries straight from memory.
class FunctionalMachine::EntryPort {
 public:
  explicit EntryPort(FunctionalMachine& machine)
      : next_page(machine.next_page_), coalescing(machine.coalescing_), machine_(machine) {}

  void looked_up() {}
  uint64_t read(const Walk& walk) {
    ++machine_.entry_reads_;
    if (walk.level() == 1 && !machine_.hints_.knows(walk.va())) [[unlikely]]
      machine_.hints_.remember(walk.va(), walk.entry_pa().align_down(kPageBytes),
                               machine_.memory_.page(walk.entry_pa()));
    return walk.entry_bytes() == sizeof(uint64_t) ? machine_.memory_.load64(walk.entry_pa())
                                                  : machine_.memory_.load(walk.entry_pa(), walk.entry_bytes());
  }
  bool update(PhysAddr pa, uint64_t, uint64_t to) {
    machine_.memory_.store(pa, to, machine_.control_.entry_bytes());
    return true;
  }
  uint64_t peek(PhysAddr pa) const { return machine_.memory_.load64(pa); }

  const bool next_page;
  const bool coalescing;

 private:
  FunctionalMachine& machine_;
};

FunctionalMachine::FunctionalMachine(const PlatformConfig& platform)
    : types_(platform.memory_types),
      first_level_(platform.lsu.tlbs),
      second_level_(platform.second_level),
      structure_caches_(platform.walker.structure_caches, &second_level_.data()),
      counter_names_(platform.counter_names),
      next_page_(platform.walker.next_page_prefetch),
      coalescing_(platform.walker.coalescing) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  control_ = ControlState(registers, platform.processor);
}

void FunctionalMachine::set_control(const ControlState& control) {
  control_ = control;
  first_level_.forget();
}

namespace {

bool in_one_page(const MemAccess& access) { return (access.va.raw() & (kPageBytes - 1)) + access.bytes <= kPageBytes; }

/// How many accesses from the first on stay in its page and are of its kind and privilege; the first is in one page.
size_t run_in_page(std::span<const MemAccess> accesses) {
  using Words = std::array<uint64_t, 2>;
  constexpr uint64_t kKindAndFlags = 0xffff0000;  // of the second word
  static_assert(offsetof(MemAccess, kind) == 10 && offsetof(MemAccess, depends_on) == 12);
  const auto first = std::bit_cast<Words>(accesses.front());
  size_t n = 1;
  for (; n < accesses.size(); ++n) {
    const auto other = std::bit_cast<Words>(accesses[n]);
    if (((other[0] ^ first[0]) >> kPageShift | ((other[1] ^ first[1]) & kKindAndFlags)) != 0) break;
    if (!in_one_page(accesses[n])) break;
  }
  return n;
}

}  // namespace

void FunctionalMachine::execute(std::span<const MemAccess> accesses) {
  constexpr size_t kAhead = 12;  // so many accesses before its own an entry is asked of the host's memory
  for (size_t i = 0; i < accesses.size();) {
    const MemAccess& access = accesses[i];
    const PageMemos::Memo* memo = first_level_.recall(access);
    if (memo != nullptr && shadow_ == nullptr && in_one_page(access)) [[likely]] {
      memo->array->touch(memo->slot);  // as often as you like: it is the most recently used
      const size_t run = run_in_page(accesses.subspan(i));
      recalled_[PageMemos::kind_of(access)] += run;
      i += run;
    } else {
      if (i + kAhead < accesses.size()) hints_.prefetch(accesses[i + kAhead].va);
      this->access(access);
      ++i;
    }
  }
}

AccessResult FunctionalMachine::access(const MemAccess& access) {
  const AccessType type = access_type_of(access);
  ++accesses_[static_cast<unsigned>(type.kind)];
  const VirtAddr last = access.va + (access.bytes - 1U);
  if (!control_.canonical(access.va) || !control_.canonical(last)) {
    ++faults_;
    return {{}, FaultReason::kNonCanonical};
  }
  AccessResult result = translate_page(access.va, type);
  if (in_one_page(access) || result.fault) [[likely]]
    return result;
  const VirtAddr second = control_.linear(access.va.align_down(kPageBytes) + kPageBytes);
  result.fault = translate_page(second, type).fault;
  return result;
}

AccessResult FunctionalMachine::translate_page(VirtAddr va, AccessType type) {
  const FirstLevel::Search first = first_level_.search(va, type, control_, types_);
  if (first.serves) return answer(va, type, first.tlb->at(first.place, va), std::nullopt);
  const TranslateRequest request{va, type, WalkCause::kLoad, 0, /*in_first_level=*/static_cast<bool>(first.place)};
  const SecondLevelState::Lookup second = second_level_.lookup(request, control_);
  if (!second.place) return walk(request, first, second);
  first_level_.keep(va, type, control_, types_, first, second.translation, second.place.kind == EntryKind::k16K);
  return answer(va, type, second.translation, std::nullopt);
}

AccessResult FunctionalMachine::walk(const TranslateRequest& request, const FirstLevel::Search& first,
                                     const SecondLevelState::Lookup& second) {
  const VirtAddr va = request.va;
  const AccessType type = request.type;
  if (mapper_ != nullptr) mapper_->ensure_mapped(va);
  EntryPort port(*this);
  const WalkOutcome outcome = perform_walk(structure_caches_, control_, va, type, port);
  walks_[static_cast<unsigned>(type.kind)].complete(page_group(outcome.translation.size, /*coalesced=*/false));
  if (outcome.start_level < walks_by_start_.size()) ++walks_by_start_[outcome.start_level];
  if (outcome.fault) {
    second_level_.invalidate(on_page_fault(control_, va));
    first_level_.invalidate(on_page_fault(control_, va));
  } else {
    second_level_.fill(request, control_, outcome, second);
    first_level_.keep(va, type, control_, types_, first, outcome.translation, outcome.coalescible);
  }
  return answer(va, type, outcome.translation, outcome.fault);
}

/// What the access to `va` hears.
AccessResult FunctionalMachine::answer(VirtAddr va, AccessType type, const Translation& translation,
                                       std::optional<FaultReason> fault) {
  if (shadow_ != nullptr) [[unlikely]]
    shadow_->translated(0, control_, va, type, translation, fault, access_number(), CycleTime(0));
  if (fault) [[unlikely]] {
    ++faults_;
    return {{}, fault};
  }
  return {translation.address(control_.linear(va)), std::nullopt};
}

unsigned FunctionalMachine::invalidate(const Invalidation& operation) {
  ++flushes_;
  const unsigned removed = first_level_.invalidate(operation) + second_level_.invalidate(operation) +
                           structure_caches_.invalidate(control_, operation);
  if (shadow_ != nullptr) {
    const auto check = [&](const TlbLevel& tlb, const char* name) {
      shadow_->check_contents(0, control_, tlb, name, CycleTime(0));
    };
    shadow_->flushed(0, operation);
    first_level_.for_each_tlb(check);
    second_level_.for_each_tlb(check);
  }
  return removed;
}

uint64_t FunctionalMachine::access_number() const {
  uint64_t number = 0;
  for (size_t kind = 0; kind < accesses_.size(); ++kind) number += accesses_[kind] + recalled_[kind];
  return number;
}

bool FunctionalMachine::write_cr3(uint64_t value) {
  const auto loaded = load_cr3(control_, value, PhysMemEntries{memory_});
  if (!loaded) return false;
  const Invalidation removed = on_mov_cr3(control_, value);
  if (!removed.nothing()) invalidate(removed);
  control_ = *loaded;
  first_level_.forget();
  return true;
}

MachineTotals FunctionalMachine::totals() const {
  MachineTotals t;
  for (const AccessKind kind : {AccessKind::kRead, AccessKind::kWrite}) {
    const auto k = static_cast<unsigned>(kind);
    t.accesses += accesses_[k] + recalled_[k];
    t.lookups += first_level_.stats().lookups[k] + recalled_[k];
    t.l1_dtlb_misses += first_level_.stats().misses[k];
  }
  t.stlb_misses = second_level_.stats().misses;
  for (unsigned k = 0; k < walks_.size(); ++k) {
    t.walks += walks_[k].started;
    t.translation[k] = {accesses_[k] + recalled_[k], second_level_.stats().hits_by_page[k],
                        second_level_.stats().misses_by_page[k], walks_[k]};
  }
  t.entry_reads = entry_reads_;
  t.flushes = flushes_;
  return t;
}

}  // namespace mmusim
