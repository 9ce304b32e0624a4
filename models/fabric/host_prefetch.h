// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "models/x86/paging.h"

namespace mmusim {

/// Remembers where in the host's memory the page tables are that walks read lately, so that entries for upcoming
/// accesses can be prefetched into the host's caches. No result depends on this table, which may be old or incomplete.
class RecentTables {
 public:
  /// Notes that the page table (level 1, 8-byte entries) that maps `va` is at `table`, on the host at `page` (may be
  /// nullptr). Host memory stays where it is as long as the simulated memory lives.
  void remember(VirtAddr va, PhysAddr table, const std::byte* page) {
    const uint64_t region = va.raw() >> kRegionShift;
    tables_[region % kTables] = {region, table, page};
  }
  bool knows(VirtAddr va) const { return table(va).region == va.raw() >> kRegionShift; }
  /// Returns the host address of the entry for `va`, or nullptr.
  const std::byte* entry(VirtAddr va) const {
    const Table& t = table(va);
    if (t.region != va.raw() >> kRegionShift || t.page == nullptr) return nullptr;
    return t.page + offset(va);
  }
  /// Returns the physical address of the entry for `va`; only where entry() is not nullptr.
  PhysAddr entry_pa(VirtAddr va) const { return table(va).table + offset(va); }
  void prefetch(VirtAddr va) const {
    if (const std::byte* at = entry(va); at != nullptr) __builtin_prefetch(at);
  }

 private:
  static constexpr unsigned kTables = 1024;
  static constexpr unsigned kRegionShift = 21;  // what one page table maps
  struct Table {
    uint64_t region = ~uint64_t{0};
    PhysAddr table;
    const std::byte* page = nullptr;
  };
  static uint64_t offset(VirtAddr va) { return (va.raw() >> kPageShift & (kEntriesPerTable - 1)) * sizeof(uint64_t); }
  const Table& table(VirtAddr va) const { return tables_[(va.raw() >> kRegionShift) % kTables]; }
  std::array<Table, kTables> tables_;
};

}  // namespace mmusim
