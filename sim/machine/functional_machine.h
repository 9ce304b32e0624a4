// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <span>

#include "models/base/access.h"
#include "models/base/phys_mem.h"
#include "models/core/recent_pages.h"
#include "models/fabric/host_prefetch.h"
#include "models/walker/nested_structures.h"
#include "models/x86/nested_invalidation.h"
#include "sim/machine/guests.h"
#include "sim/machine/platform.h"
#include "sim/machine/totals.h"
#include "sim/machine/translation_checker.h"

namespace mmusim {

/// The translation structures of one in-order core without time: the same TLBs, paging-structure caches and walks, fed
/// in the same order, so the same hits, misses and entry reads as the timed machine counts, much faster. No data
/// caches, no DRAM, no cycles.
class FunctionalMachine {
 public:
  /// `paranoid`: as MachineOptions::paranoid.
  explicit FunctionalMachine(const PlatformConfig& platform, bool paranoid = false,
                             const VirtualizationConfig& virtualization = {});

  /// As Machine::memory(), physical_memory() and host_tables().
  PhysMem& memory() { return guests_ ? (*guests_)[guest_].memory : memory_; }
  PhysMem& physical_memory() { return memory_; }
  HostTables* host_tables() { return guests_ ? &(*guests_)[guest_].host : nullptr; }
  Guests* guests() { return guests_.get(); }
  const ControlState& control() const { return control_; }
  void set_control(const ControlState& control);
  void set_mapper(DemandMapper* mapper) { mapper_ = mapper; }
  /// Returns the checker if the machine is paranoid, else nullptr. Software that changes page tables reports it there.
  TranslationChecker* checker() { return checker_ ? &*checker_ : nullptr; }

  /// Runs accesses in program order. Faults are counted.
  void execute(std::span<const MemAccess> accesses);
  /// Translates one access: where its first byte is, or why it faults.
  AccessResult access(const MemAccess& access);
  unsigned invalidate(const Invalidation& operation);
  unsigned invalidate(const NestedInvalidation& operation);  ///< as Machine::invalidate()
  bool write_cr3(uint64_t value);                            ///< as Machine::write_cr3()
  void enter_guest(unsigned guest);                          ///< as Machine::enter_guest()

  /// Adds an observer of translations, which outlives the machine's use.
  void observe(Observer& observer) { observers_.add(observer); }
  /// Accesses begun so far; while one runs, its number.
  uint64_t accesses_begun() const;
  uint64_t faults() const { return faults_; }
  CounterNames counter_names() const { return counter_names_; }
  /// As Machine::totals(); everything about time is 0.
  MachineTotals totals() const;
  /// Walks by level of the first entry read (index 1 = PTE).
  const std::array<uint64_t, 6>& walks_by_first_level() const { return walks_by_start_; }

 private:
  class EntryPort;
  class GuestPort;

  unsigned remove(const Invalidation& operation);
  AccessResult perform(const MemAccess& access, AccessType type);
  AccessResult perform_across(const MemAccess& access, AccessType type);
  AccessResult non_canonical();
  /// One page of an access. Faults are counted.
  AccessResult translate_page(VirtAddr va, AccessType type);
  AccessResult walk(const TlbQuery& query, AccessType type, bool in_first_level, bool upgrade);
  void prefetch_after(VirtAddr va, AccessType type, PageSize size);
  AccessResult answer(VirtAddr va, AccessType type, const Translation& translation, std::optional<FaultReason> fault);

  void note_table(RecentTables& tables, VirtAddr va, PhysAddr entry);
  void prefetch_tables(std::span<const MemAccess> to_come) const;
  void prefetch_nested(VirtAddr soon, VirtAddr later) const;
  WalkOutcome walk_tables(VirtAddr va, AccessType type);
  WalkOutcome walk_guest_tables(VirtAddr va, AccessType type);

  PhysMem memory_;
  std::unique_ptr<Guests> guests_;  // of a machine that runs guests
  unsigned guest_ = 0;              // that runs
  std::unique_ptr<NestedContext> nested_;
  std::unique_ptr<CoreGuests> core_guests_;
  ControlState control_;
  DemandMapper* mapper_ = nullptr;
  ObserverList observers_;
  std::optional<TranslationChecker> checker_;
  FirstLevel first_level_;
  SecondLevelState second_level_;
  StructureCaches structure_caches_;
  CounterNames counter_names_;
  RecentPages recent_pages_;
  RecentTables recent_tables_;
  std::unique_ptr<RecentTables> nested_tables_;  // of a guest: those of the host, by guest-physical address
  bool next_page_;
  bool coalescing_;
  EnumArray<AccessKind, uint64_t> accesses_{};
  EnumArray<AccessKind, uint64_t> recalled_{};  // of these, served by the recent-page table: one lookup each
  EnumArray<AccessKind, WalkCounts> walks_{};
  std::unique_ptr<TlbPrefetcher> prefetcher_;
  std::vector<uint64_t> wanted_pages_;  // by the prefetcher
  uint64_t prefetch_walks_ = 0;
  uint64_t entry_reads_ = 0, faults_ = 0, flushes_ = 0;
  std::array<uint64_t, 6> walks_by_start_{};
};

}  // namespace mmusim
