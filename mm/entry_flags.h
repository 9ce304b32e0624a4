// SPDX-License-Identifier: MIT
#pragma once

#include "mm/config.h"

namespace mmusim::mm {

/// Bits of a paging-structure entry, under the kernel's names [vmemmap spec 2.1].
inline constexpr uint64_t kPagePresent = 0x1;
inline constexpr uint64_t kPageRw = 0x2;
inline constexpr uint64_t kPageAccessed = 0x20;
inline constexpr uint64_t kPageDirty = 0x40;
inline constexpr uint64_t kPagePse = 0x80;
inline constexpr uint64_t kPageGlobal = 0x100;
inline constexpr uint64_t kPageSavedDirty = uint64_t{1} << 58;
inline constexpr uint64_t kPageNx = uint64_t{1} << 63;
inline constexpr uint64_t kEntryAddressMask = 0x000ffffffffff000;

inline constexpr uint64_t kPageTable = 0x67;    ///< _PAGE_TABLE: every table pointer of vmemmap and direct map
inline constexpr uint64_t kKernpgTable = 0x63;  ///< _KERNPG_TABLE: the static tables of the kernel image
inline constexpr uint64_t kPageKernelExecLarge = 0x1e3;

/// [P-3] "none" ignores the accessed and dirty bits.
constexpr bool entry_none(uint64_t entry) { return (entry & ~(kPageAccessed | kPageDirty)) == 0; }
constexpr bool entry_leaf(uint64_t entry) { return (entry & kPagePse) != 0; }
constexpr PhysAddr entry_address(uint64_t entry) { return PhysAddr(entry & kEntryAddressMask); }
/// Address of the page a 2 MiB or 1 GiB leaf maps: bit 12 is PAT there.
constexpr PhysAddr leaf_address(uint64_t entry, uint64_t bytes) {
  return PhysAddr(entry & kEntryAddressMask & ~(bytes - 1));
}

/// Leaf values after __default_kernel_pte_mask and __supported_pte_mask [P-2].
struct LeafFlags {
  uint64_t page_kernel;        ///< 4 KiB, writable
  uint64_t page_kernel_large;  ///< 2 MiB and 1 GiB
  uint64_t page_kernel_ro;     ///< 4 KiB, read-only

  explicit LeafFlags(const KernelConfig& config) {
    uint64_t supported = ~uint64_t{0};
    if (!config.cpu.pge || config.pti) supported &= ~kPageGlobal;
    if (!config.cpu.nx) supported &= ~kPageNx;
    page_kernel = 0x8000000000000163 & supported;
    page_kernel_large = 0x80000000000001e3 & supported;
    page_kernel_ro = effective_profile(config).page_kernel_ro & supported;
  }
};

}  // namespace mmusim::mm
