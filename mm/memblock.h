// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "mm/config.h"
#include "models/base/types.h"

namespace mmusim::mm {

/// memblock, the allocator of early boot: memory minus reserved, searched from the top down [mm/memblock.c].
class Memblock {
 public:
  struct Region {
    PhysAddr start;
    PhysAddr end;
    unsigned node;
  };
  struct Reserved {
    PhysAddr start;
    PhysAddr end;
  };

  explicit Memblock(const MemoryMap& map);

  /// memblock_find_in_range_node, top down: the highest `align`ed place of `size` bytes in [min, max) of `node` (any
  /// node if missing), page 0 excepted. `max` 0: no limit.
  std::optional<PhysAddr> find(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                               std::optional<unsigned> node) const;
  /// memblock_alloc_range_nid: on the node, else (unless `exact`) anywhere; reserves what it finds.
  std::optional<PhysAddr> alloc_range_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                          std::optional<unsigned> node, bool exact);
  /// memblock_alloc_try_nid[_raw]: alloc_range_nid, once more without `min`.
  std::optional<PhysAddr> alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                        std::optional<unsigned> node);
  /// memblock_alloc_exact_nid_raw: the same on that node only.
  std::optional<PhysAddr> alloc_exact_nid(uint64_t size, uint64_t align, PhysAddr min, unsigned node);

  void reserve(PhysAddr start, uint64_t bytes);
  void free(PhysAddr start, uint64_t bytes);

  const std::vector<Region>& memory() const { return memory_; }        ///< ascending
  const std::vector<Reserved>& reserved() const { return reserved_; }  ///< ascending, merged
  bool is_memory(PhysAddr start, uint64_t bytes) const;                ///< wholly memory, whatever the nodes
  bool is_reserved(PhysAddr pa) const;
  /// early_pfn_to_nid: node of the memory that holds the page; nullopt outside memory.
  std::optional<unsigned> node_of(PhysAddr pa) const;
  PhysAddr end_of_memory() const { return memory_.back().end; }
  uint64_t memory_bytes() const;

  /// Calls fn(start, end, node) for each free piece, ascending.
  template <class Fn>
  void for_each_free(Fn&& fn) const {
    for (const Region& m : memory_) {
      PhysAddr at = m.start;
      for (const Reserved& r : reserved_) {
        if (r.end <= at) continue;
        if (r.start >= m.end) break;
        if (r.start > at) fn(at, r.start, m.node);
        at = r.end < m.end ? r.end : m.end;
      }
      if (at < m.end) fn(at, m.end, m.node);
    }
  }

 private:
  std::vector<Region> memory_;
  std::vector<Reserved> reserved_;
  mutable size_t last_node_region_ = 0;
};

}  // namespace mmusim::mm
