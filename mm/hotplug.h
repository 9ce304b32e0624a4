// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>

#include "mm/direct_map.h"
#include "mm/kernel.h"
#include "mm/memmap_init.h"
#include "mm/remove_pagetable.h"
#include "mm/sparse.h"

namespace mmusim::mm {

/// Memory that comes and goes: mm/memory_hotplug.c, and arch_add_memory below it [vmemmap spec 5.3, 5.4].
class Hotplug {
 public:
  Hotplug(Context& context, Memblock& memblock, Buddy& buddy, Sparse& sparse, Vmemmap& vmemmap, MemmapInit& init,
          RemovePagetable& remove)
      : context_(context),
        memblock_(memblock),
        buddy_(buddy),
        sparse_(sparse),
        vmemmap_(vmemmap),
        init_(init),
        remove_(remove) {}

  /// After boot: the direct map that can grow, and the memory blocks of boot memory (all online).
  void start(DirectMap& direct_map);

  /// arch_add_memory: direct map, then __add_pages.
  Errno arch_add_memory(PhysAddr start, uint64_t bytes, unsigned node, const PopulateSource& source);
  /// arch_remove_memory: __remove_pages, then the direct map.
  void arch_remove_memory(PhysAddr start, uint64_t bytes, Altmap* altmap);
  /// __add_pages [L-3].
  Errno add_pages(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source);
  /// __remove_pages.
  void remove_pages(Pfn pfn, uint64_t pages, Altmap* altmap);

  /// add_memory_resource.
  Errno add_memory(PhysAddr start, uint64_t bytes, unsigned node, bool memmap_on_memory);
  Errno online(PhysAddr start, uint64_t bytes, OnlineZone zone);
  Errno offline(PhysAddr start, uint64_t bytes);
  Errno remove_memory(PhysAddr start, uint64_t bytes);

  /// mhp_range_allowed: whether the range lies within the physical address space; says so in the log if not.
  bool range_allowed(PhysAddr start, uint64_t bytes);

  uint64_t block_bytes() const { return block_bytes_; }

 private:
  struct Block {
    unsigned node = 0;
    bool online = false;
    std::optional<Altmap> altmap;
  };

  bool aligned(PhysAddr start, uint64_t bytes) const;
  bool supports_memmap_on_memory(uint64_t bytes) const;
  Errno online_block(uint64_t index, Block& block, OnlineZone zone);
  Errno offline_block(uint64_t index, Block& block);
  void scan_for_offline(Pfn start, Pfn end);
  Pfn block_start(uint64_t index) const { return Pfn(index * (block_bytes_ >> kPageShift)); }
  Pfn usable_start(uint64_t index, const Block& block) const {
    return block_start(index) + (block.altmap ? block.altmap->alloc : 0);
  }

  Context& context_;
  Memblock& memblock_;
  Buddy& buddy_;
  Sparse& sparse_;
  Vmemmap& vmemmap_;
  MemmapInit& init_;
  RemovePagetable& remove_;
  DirectMap* direct_map_ = nullptr;
  uint64_t block_bytes_ = kSectionBytes;
  std::map<uint64_t, Block> blocks_;  // by block number
  bool warned_altmap_ = false;
};

}  // namespace mmusim::mm
