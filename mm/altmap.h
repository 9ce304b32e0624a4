// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>

#include "models/base/types.h"

namespace mmusim::mm {

/// struct vmem_altmap: storage for struct pages that a device or a memory block brings along [vmemmap spec 4.6].
/// Numbers are pages.
struct Altmap {
  Pfn base;
  uint64_t reserve = 0;       ///< used by the driver, at the start
  uint64_t free = 0;          ///< may hold struct pages
  uint64_t align = 0;         ///< lost to alignment
  uint64_t alloc = 0;         ///< holds struct pages
  bool inaccessible = false;  ///< the memory cannot be written yet: no poisoning

  /// vmem_altmap_offset: first usable data page, relative to base.
  uint64_t offset() const { return reserve + free; }

  /// altmap_alloc_block_buf: `bytes` is a multiple of 4096. nullopt when it does not fit.
  std::optional<Pfn> alloc_block(uint64_t bytes) {
    const uint64_t pages = bytes >> kPageShift;
    const uint64_t next = base.raw + reserve + alloc + align;
    const uint64_t grain = pages & (~pages + 1);
    const uint64_t pad = (next + grain - 1) / grain * grain - next;
    const uint64_t available = free - std::min(free, alloc + align);
    if (pages + pad > available) return std::nullopt;
    alloc += pages;
    align += pad;
    return Pfn(next + pad);
  }
  /// vmem_altmap_free.
  void release(uint64_t pages) { alloc -= pages; }
};

}  // namespace mmusim::mm
