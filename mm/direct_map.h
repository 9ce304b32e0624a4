// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "mm/buddy.h"
#include "mm/memblock.h"
#include "mm/page_table.h"
#include "mm/result.h"

namespace mmusim::mm {

/// The source of pages for direct-map tables: during boot the reserved ranges or brk and memblock, later the buddy
/// allocator [D-6].
class EarlyTablePages {
 public:
  /// `image`: the reserved range that holds the kernel image. `avoid`: ranges that hold something we need (pgdats).
  EarlyTablePages(Context& context, Memblock& memblock, Buddy& buddy, EarlyTables source,
                  const std::vector<Memblock::Reserved>& avoid);

  /// A zeroed page; nullopt if there is none.
  std::optional<PhysAddr> alloc();
  /// Sets the range that memblock may use so far: [start, end) is mapped.
  void set_mapped(PhysAddr start, PhysAddr end) {
    mapped_start_ = start;
    mapped_end_ = end;
  }

 private:
  std::optional<PhysAddr> next_reserved();

  Context& context_;
  Memblock& memblock_;
  Buddy& buddy_;
  EarlyTables source_;
  std::vector<Memblock::Reserved> pool_;  // taken from the end, highest page first
  PhysAddr mapped_start_{0};
  PhysAddr mapped_end_{0};
};

/// The kernel's linear mapping of all memory, and the mapping of its own image [vmemmap spec 8].
class DirectMap {
 public:
  DirectMap(Context& context, PageTables& tables, TopLevelSync& sync, Memblock& memblock, EarlyTablePages& pages)
      : context_(context), tables_(tables), sync_(sync), memblock_(memblock), pages_(pages) {}

  /// Maps [start, end) of the image region with 2 MiB leaves, as the static tables of head_64.S do.
  Errno map_kernel_image(PhysAddr start, PhysAddr end);
  /// init_mem_mapping [D-3].
  Errno init_mem_mapping();
  /// init_memory_mapping: [start, end) with the largest pages that fit [D-2].
  Errno init_memory_mapping(PhysAddr start, PhysAddr end);

 private:
  struct Piece {
    PhysAddr start;
    PhysAddr end;
    unsigned largest_level;  // of a leaf: 1 (4 KiB), 2 (2 MiB) or 3 (1 GiB)
  };

  std::vector<Piece> split_mem_range(PhysAddr start, PhysAddr end) const;
  void adjust_page_sizes(std::vector<Piece>& pieces) const;
  unsigned largest_leaf_level() const;
  uint64_t init_range_memory_mapping(PhysAddr start, PhysAddr end);
  Errno kernel_physical_mapping_init(const Piece& piece);
  Errno fill_table(Table table, unsigned level, PhysAddr start, PhysAddr end, unsigned largest_level);

  Context& context_;
  PageTables& tables_;
  TopLevelSync& sync_;
  Memblock& memblock_;
  EarlyTablePages& pages_;
  Errno result_ = Errno::kSuccess;
};

}  // namespace mmusim::mm
