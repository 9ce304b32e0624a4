// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "mm/buddy.h"
#include "mm/memblock.h"
#include "mm/sparse.h"

namespace mmusim::mm {

/// The first and last page frame of a zone of a node, holes included.
struct ZoneSpan {
  unsigned node;
  Zone zone;
  Pfn start;
  Pfn end;
};

/// Initialising struct pages: memmap_init and memblock_free_all's part at boot, onlining, device memory, deferred
/// initialisation [vmemmap spec 6].
///
/// The nine stores of __init_single_page come in the order in which the recorded 6.1 kernel makes them.
class MemmapInit {
 public:
  /// The further treatment of a page beside __init_single_page.
  enum class Kind : uint8_t { kEarly, kHotplug };

  MemmapInit(Context& context, Memblock& memblock, Sparse& sparse)
      : context_(context), memblock_(memblock), sparse_(sparse), bits_(page_bits(context.profile)) {}

  /// The zones of boot memory; call once, before the others.
  void find_zones();
  const std::vector<ZoneSpan>& zones() const { return zones_; }

  /// memmap_init [M-2]; leaves out what is deferred [M-3].
  void memmap_init();
  /// memmap_init_range: [start, end) of one zone.
  void memmap_init_range(Pfn start, Pfn end, unsigned node, Zone zone, Kind kind);
  /// reserve_bootmem_region: pages that memblock keeps.
  void reserve_bootmem_region(Pfn start, Pfn end);
  /// memmap_init_zone_device [L-17] [M-4]. `pagemap` stands for struct dev_pagemap's address.
  void memmap_init_zone_device(Pfn start, Pfn end, unsigned node, unsigned vmemmap_shift, bool optimized,
                               bool zero_refcount, VirtAddr pagemap);
  /// PG_vmemmap_self_hosted on pages that hold their own block's struct pages.
  void mark_self_hosted(Pfn start, uint64_t pages);

  /// First page of a node that was left for deferred initialisation.
  std::optional<Pfn> first_deferred(unsigned node) const;
  bool is_deferred(Pfn pfn) const;
  /// Nothing of the node is deferred any more.
  void finish_deferred(unsigned node) { first_deferred_[node].reset(); }

 private:
  void init_single_page(Pfn pfn, unsigned node, Zone zone);
  void set_flag(Pfn pfn, unsigned bit);
  void set_pageblock_movable(Pfn pfn);
  void init_unavailable_range(Pfn start, Pfn end, unsigned node, Zone zone);
  /// The part of [start, end) that boot initialises now; the rest is deferred.
  Pfn defer_from(Pfn start, Pfn end, const ZoneSpan& span);
  void init_device_tail(Pfn head, Pfn tail);

  Context& context_;
  Memblock& memblock_;
  Sparse& sparse_;
  const PageBits& bits_;
  std::vector<ZoneSpan> zones_;
  std::vector<std::optional<Pfn>> first_deferred_;  // by node
  Pfn deferral_zone_end_;
  uint64_t initialised_in_last_zone_ = 0;
};

}  // namespace mmusim::mm
