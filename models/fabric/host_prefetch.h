// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "models/x86/paging.h"

namespace mmusim {

/// Where the host keeps the page tables that walks read lately, so that what a coming access will need can be brought
/// into the host's caches. Only about speed: nothing depends on a hint, which may be old or missing.
class TableHints {
 public:
  /// The page table (level 1, 8-byte entries) that maps `va` is at `table`, on the host at `page` (may be nullptr).
  /// Host memory stays where it is as long as the simulated memory lives.
  void remember(VirtAddr va, PhysAddr table, const std::byte* page) {
    const uint64_t region = va.raw() >> kRegionShift;
    hints_[region % kHints] = {region, table, page};
  }
  bool knows(VirtAddr va) const { return hint(va).region == va.raw() >> kRegionShift; }
  /// Host address of the entry for `va`, or nullptr.
  const std::byte* entry(VirtAddr va) const {
    const Hint& h = hint(va);
    if (h.region != va.raw() >> kRegionShift || h.page == nullptr) return nullptr;
    return h.page + offset(va);
  }
  /// The same in simulated memory; only where entry() is not nullptr.
  PhysAddr entry_pa(VirtAddr va) const { return hint(va).table + offset(va); }
  void prefetch(VirtAddr va) const {
    if (const std::byte* at = entry(va); at != nullptr) __builtin_prefetch(at);
  }

 private:
  static constexpr unsigned kHints = 1024;
  static constexpr unsigned kRegionShift = 21;  // what one page table maps
  struct Hint {
    uint64_t region = ~uint64_t{0};
    PhysAddr table;
    const std::byte* page = nullptr;
  };
  static uint64_t offset(VirtAddr va) { return (va.raw() >> kPageShift & (kEntriesPerTable - 1)) * sizeof(uint64_t); }
  const Hint& hint(VirtAddr va) const { return hints_[(va.raw() >> kRegionShift) % kHints]; }
  std::array<Hint, kHints> hints_;
};

}  // namespace mmusim
