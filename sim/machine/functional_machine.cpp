// SPDX-License-Identifier: MIT
#include "sim/machine/functional_machine.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "models/walker/nested_procedure.h"
#include "models/walker/walk_procedure.h"
#include "models/x86/translate.h"

namespace mmusim {

/// Entries straight from memory.
class FunctionalMachine::EntryPort {
 public:
  explicit EntryPort(FunctionalMachine& machine)
      : next_page(machine.next_page_), coalescing(machine.coalescing_), machine_(machine) {}

  void looked_up() {}
  void restarted() {}
  uint64_t read(const Walk& walk) {
    ++machine_.entry_reads_;
    if (walk.level() == 1) machine_.note_table(machine_.recent_tables_, walk.va(), walk.entry_pa());
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

/// Entries of both dimensions straight from host memory.
class FunctionalMachine::GuestPort {
 public:
  explicit GuestPort(FunctionalMachine& machine) : machine_(machine) {}

  void looked_up() {}
  void nested_looked_up() {}
  uint64_t read_guest(const GuestEntry& entry) {
    ++machine_.entry_reads_;
    if (entry.level == 1 && entry.bytes == kEntryBytes)
      machine_.note_table(machine_.recent_tables_, entry.va, entry.at);
    return machine_.memory_.load(entry.at, entry.bytes);
  }
  uint64_t read_nested(const SubWalk& walk, bool) {
    ++machine_.nested_->counts.reads_by_level[walk.level()][HitLevel::kL1];
    if (walk.level() == 1) machine_.note_table(*machine_.nested_tables_, VirtAddr(walk.gpa().raw()), walk.entry_pa());
    return machine_.memory_.load64(walk.entry_pa());
  }
  bool update(PhysAddr pa, uint64_t from, uint64_t to, unsigned bytes) {
    if (machine_.memory_.load(pa, bytes) != from) return false;
    machine_.memory_.store(pa, to, bytes);
    return true;
  }
  void exit(Cycles) {}

 private:
  FunctionalMachine& machine_;
};

FunctionalMachine::FunctionalMachine(const PlatformConfig& platform, bool paranoid,
                                     const VirtualizationConfig& virtualization)
    : first_level_(platform.lsu.tlbs),
      second_level_(platform.second_level),
      structure_caches_(platform.walker.structure_caches, &second_level_.data()),
      counter_names_(platform.counter_names),
      next_page_(platform.walker.next_page_prefetch),
      coalescing_(platform.walker.coalescing),
      prefetcher_(make_tlb_prefetcher(platform.second_level.prefetcher)) {
  second_level_.connect(first_level_);
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  control_ = ControlState(registers, platform.processor);
  if (paranoid) observers_.add(checker_.emplace(memory_, 1));
  if (!virtualization.guest()) return;
  guests_ = std::make_unique<Guests>(memory_, virtualization, platform);
  HostTables& host = (*guests_)[0].host;
  nested_ = std::make_unique<NestedContext>(platform.walker.nested, host.control(), host);
  nested_tables_ = std::make_unique<RecentTables>();
  core_guests_ = std::make_unique<CoreGuests>(*guests_, *nested_, control_, [this] { invalidate(on_invept()); });
  control_ = core_guests_->tagged(control_);
  if (!virtualization.tags) nested_->left_guest = [this] { invalidate(on_vm_transition(/*tagged=*/false)); };
  if (checker_) checker_->set_nested(&host.control(), 0);
}

void FunctionalMachine::set_control(const ControlState& control) {
  control_ = core_guests_ ? core_guests_->tagged(control) : control;
  recent_pages_.forget();
}

namespace {

bool in_one_page(const MemAccess& access) { return (access.va.raw() & (kPageBytes - 1)) + access.bytes <= kPageBytes; }

/// Returns how many accesses from the first on stay in its page and are of its kind and privilege. The first crosses no page.
size_t run_in_page(std::span<const MemAccess> accesses) {
  using Words = std::array<uint64_t, 3>;
  constexpr uint64_t kBytes = 0xffff, kKindAndFlags = 0xffff0000;  // of the second word
  static_assert(offsetof(MemAccess, kind) == 10 && offsetof(MemAccess, depends_on) == 12);
  const auto first = std::bit_cast<Words>(accesses.front());
  const uint64_t page = first[0] & ~(kPageBytes - 1);
  size_t n = 1;
  for (; n < accesses.size(); ++n) {
    const auto other = std::bit_cast<Words>(accesses[n]);
    const uint64_t offset = other[0] - page;
    const uint64_t last = offset + (other[1] & kBytes) - 1;
    if (((offset | last) >> kPageShift | ((other[1] ^ first[1]) & kKindAndFlags)) != 0) break;
  }
  return n;
}

}  // namespace

/// Returns the answer to the access to `va`.
[[gnu::always_inline]] inline AccessResult FunctionalMachine::answer(VirtAddr va, AccessType type,
                                                                     const Translation& translation,
                                                                     std::optional<FaultReason> fault) {
  const PhysAddr pa = translation.address(control_.linear(va));
  if (observers_.wants(kTranslationNotices)) [[unlikely]]
    observers_.translated({0, control_, va, type, pa, &translation, fault, accesses_begun(), CycleTime(0)});
  if (fault) [[unlikely]] {
    ++faults_;
    return {{}, fault};
  }
  return {pa, std::nullopt};
}

[[gnu::always_inline]] inline AccessResult FunctionalMachine::translate_page(VirtAddr va, AccessType type) {
  const TlbQuery query(va, control_.space());
  const FirstLevel::Search first = first_level_.search(query, type, control_);
  if (first.serves) {
    const Translation translation = first.tlb->at(first.place, va);
    recent_pages_.remember(va, translation.address(control_.linear(va)), type,
                           FirstLevel::held(*first.tlb, first.place));
    return answer(va, type, translation, std::nullopt);
  }
  const SecondLevelState::Lookup second =
      second_level_.lookup(query, type, /*in_first_level=*/static_cast<bool>(first.place), control_);
  if (!second.place) return walk(query, type, static_cast<bool>(first.place), second.upgrade);
  first_level_.keep(query, type.kind(), second.translation, second.place.kind == EntryKind::k16K,
                    /*absent=*/!first.place);
  return answer(va, type, second.translation, std::nullopt);
}

[[gnu::always_inline]] inline AccessResult FunctionalMachine::perform(const MemAccess& access, AccessType type) {
  ++accesses_[type.kind()];
  if (!in_one_page(access)) [[unlikely]]
    return perform_across(access, type);
  if (!control_.canonical(access.va)) [[unlikely]]
    return non_canonical();
  return translate_page(access.va, type);
}

/// Notes that the level-1 entry at `entry` is the one for `va`, for prefetch_tables().
[[gnu::always_inline]] inline void FunctionalMachine::note_table(RecentTables& tables, VirtAddr va, PhysAddr entry) {
  if (!tables.knows(va)) [[unlikely]]
    tables.remember(va, entry.align_down(kPageBytes), memory_.page(entry));
}

/// Prefetches for `soon` the nested entry of its page, for `later` the guest's entry, which says what that page is.
/// Inline, because a compiler that sees no effect but prefetches leaves the call out.
[[gnu::always_inline]] inline void FunctionalMachine::prefetch_nested(VirtAddr soon, VirtAddr later) const {
  recent_tables_.prefetch(later);
  const std::byte* const entry = recent_tables_.entry(soon);
  if (entry == nullptr) return;
  uint64_t value;
  std::memcpy(&value, entry, sizeof value);
  nested_tables_->prefetch(VirtAddr(entry_address(value).raw()));
}

/// Prefetches the entries that accesses to come need into the host's caches.
[[gnu::always_inline]] inline void FunctionalMachine::prefetch_tables(std::span<const MemAccess> to_come) const {
  constexpr size_t kAhead = 12;  // so many accesses before its own
  if (to_come.size() <= kAhead) return;
  if (nested_) [[unlikely]] {
    prefetch_nested(to_come[kAhead].va, to_come[std::min(2 * kAhead, to_come.size() - 1)].va);
  } else {
    recent_tables_.prefetch(to_come[kAhead].va);
  }
}

void FunctionalMachine::execute(std::span<const MemAccess> accesses) {
  for (size_t i = 0; i < accesses.size();) {
    const MemAccess& access = accesses[i];
    const RecentPages::Page* page = recent_pages_.find(access);
    if (page != nullptr && !observers_.wants(kTranslationNotices) && in_one_page(access)) [[likely]] {
      page->touch();  // one touch is enough: repeats leave the LRU order unchanged
      const size_t run = run_in_page(accesses.subspan(i));
      recalled_[page->kind] += run;
      i += run;
    } else {
      prefetch_tables(accesses.subspan(i));
      perform(access, access_type_of(access));
      ++i;
    }
  }
}

AccessResult FunctionalMachine::access(const MemAccess& access) { return perform(access, access_type_of(access)); }

AccessResult FunctionalMachine::perform_across(const MemAccess& access, AccessType type) {
  if (!control_.canonical(access.va) || !control_.canonical(access.va + (access.bytes - 1U))) return non_canonical();
  AccessResult result = translate_page(access.va, type);
  if (result.fault) return result;
  const VirtAddr second = control_.linear(access.va.align_down(kPageBytes) + kPageBytes);
  result.fault = translate_page(second, type).fault;
  return result;
}

AccessResult FunctionalMachine::non_canonical() {
  ++faults_;
  return {{}, FaultReason::kNonCanonical};
}

/// Out of line, so that native walks stay in one function. perf: 3 % of a native walk's instructions.
[[gnu::noinline]] WalkOutcome FunctionalMachine::walk_guest_tables(VirtAddr va, AccessType type) {
  GuestPort port(*this);
  return perform_nested_walk(structure_caches_, *nested_, control_, va, type, port);
}

[[gnu::always_inline]] inline WalkOutcome FunctionalMachine::walk_tables(VirtAddr va, AccessType type) {
  if (nested_) [[unlikely]]
    return walk_guest_tables(va, type);
  EntryPort port(*this);
  return perform_walk(structure_caches_, control_, va, type, port);
}

/// Miss path of translate_page(). It is out of line so that the hit path stays in registers.
/// `in_first_level`, `upgrade`: there is an entry in the first level, and in some level, but it does not serve.
AccessResult FunctionalMachine::walk(const TlbQuery& query, AccessType type, bool in_first_level, bool upgrade) {
  const VirtAddr va = query.va;
  if (second_level_.has_third() && !upgrade) [[unlikely]] {
    if (const auto hit = second_level_.find_in_third(query, type, control_)) {
      first_level_.keep(query, type.kind(), hit->translation, hit->coalescible, /*absent=*/!in_first_level);
      return answer(va, type, hit->translation, std::nullopt);
    }
  }
  if (mapper_ != nullptr) mapper_->ensure_mapped(va);
  const WalkOutcome outcome = walk_tables(va, type);
  walks_[type.kind()].complete(page_group(outcome.translation.size(), /*coalesced=*/false));
  ++walks_by_start_[outcome.start_level];
  if (outcome.fault) [[unlikely]] {
    second_level_.invalidate(on_page_fault(control_, va));
    first_level_.invalidate(on_page_fault(control_, va));
  } else {
    second_level_.fill(query, type.kind(), outcome, upgrade, /*absent=*/!upgrade);
    first_level_.keep(query, type.kind(), outcome.translation, outcome.coalescible, /*absent=*/!in_first_level);
    if (prefetcher_ != nullptr) [[unlikely]]
      prefetch_after(va, type, outcome.translation.size());
  }
  return answer(va, type, outcome.translation, outcome.fault);
}

/// Walks what the prefetcher wants after the miss of a page of that size, as SecondLevelTlb does, but at once.
void FunctionalMachine::prefetch_after(VirtAddr va, AccessType type, PageSize size) {
  if (nested_ || type.is_fetch()) return;
  const unsigned shift = shift_of(kind_of(size));
  wanted_pages_.clear();
  prefetcher_->missed(va.raw() >> shift, wanted_pages_);
  const AccessType read(AccessKind::kRead, type.privilege());
  for (const uint64_t page : wanted_pages_) {
    const TlbQuery query(VirtAddr(page << shift), control_.space());
    if (second_level_.data().find(query) || !can_prefetch(control_, query.va, read, PhysMemEntries{memory()})) continue;
    const WalkOutcome outcome = walk_tables(query.va, read);
    ++prefetch_walks_;
    second_level_.keep_prefetched(second_level_.data(), query, outcome.translation);
  }
}

unsigned FunctionalMachine::invalidate(const Invalidation& operation) {
  ++flushes_;
  const unsigned removed = remove(core_guests_ ? core_guests_->of_running(operation) : operation);
  if (checker_) {
    const auto check = [&](const TlbLevel& tlb, const char* name) {
      checker_->check_contents(0, control_, tlb, name, CycleTime(0));
    };
    checker_->flushed(0, operation);
    first_level_.for_each_tlb(check);
    second_level_.for_each_tlb(check);
  }
  return removed;
}

unsigned FunctionalMachine::invalidate(const NestedInvalidation& operation) {
  recent_pages_.forget();
  return remove(core_guests_->combined(operation)) + core_guests_->remove_guest_physical(operation);
}

unsigned FunctionalMachine::remove(const Invalidation& operation) {
  return first_level_.invalidate(operation) + second_level_.invalidate(operation) +
         structure_caches_.invalidate(control_, operation);
}

void FunctionalMachine::enter_guest(unsigned guest) {
  if (guest == guest_) return;
  const VirtualizationConfig& config = host_tables()->config();
  if (!config.tags) invalidate(on_vm_transition(/*tagged=*/false));
  control_ = core_guests_->enter(guest, control_);
  guest_ = guest;
  recent_pages_.forget();
  ++nested_->counts.exits;
  nested_->counts.exit_cycles += config.exit_cycles;
  if (checker_) checker_->set_nested(&host_tables()->control(), guest);
}

uint64_t FunctionalMachine::accesses_begun() const {
  uint64_t number = 0;
  for (const AccessKind kind : kAllOf<AccessKind>) number += accesses_[kind] + recalled_[kind];
  return number;
}

bool FunctionalMachine::write_cr3(uint64_t value) {
  const auto loaded = load_cr3(control_, value, PhysMemEntries{memory()});
  if (!loaded) return false;
  const Invalidation removed = on_mov_cr3(control_, value);
  if (!removed.nothing()) invalidate(removed);
  set_control(*loaded);
  return true;
}

MachineTotals FunctionalMachine::totals() const {
  MachineTotals t;
  for (const AccessKind k : {AccessKind::kRead, AccessKind::kWrite}) {
    t.accesses += accesses_[k] + recalled_[k];
    t.lookups += first_level_.stats().lookups[k] + recalled_[k];
    t.l1_dtlb_misses += first_level_.stats().misses[k];
  }
  t.stlb_misses = second_level_.stats().misses;
  for (const AccessKind k : kAllOf<AccessKind>) {
    t.walks += walks_[k].started;
    t.translation[k] = {accesses_[k] + recalled_[k], second_level_.stats().hits_by_page[k],
                        second_level_.stats().misses_by_page[k], walks_[k]};
  }
  t.walks += prefetch_walks_;
  t.entry_reads = entry_reads_;
  if (nested_) t.add_nested(nested_->counts);
  t.flushes = flushes_;
  return t;
}

}  // namespace mmusim
