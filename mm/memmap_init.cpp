// SPDX-License-Identifier: MIT
#include "mm/memmap_init.h"

#include <algorithm>
#include <array>

namespace mmusim::mm {

namespace {

constexpr Pfn kMaxDmaPfn{0x1000};
constexpr Pfn kMaxDma32Pfn{0x100000};
constexpr Pfn kTop{~uint64_t{0}};

struct Bounds {
  Zone zone;
  Pfn start;
  Pfn end;
};
constexpr Bounds kBounds[] = {
    {Zone::kDma, Pfn(0), kMaxDmaPfn}, {Zone::kDma32, kMaxDmaPfn, kMaxDma32Pfn}, {Zone::kNormal, kMaxDma32Pfn, kTop}};

}  // namespace

void MemmapInit::find_zones() {
  for (const auto& m : memblock_.memory()) {
    for (const Bounds& b : kBounds) {
      const Pfn start = std::clamp(pfn_of(m.start), b.start, b.end);
      const Pfn end = std::clamp(pfn_of(m.end), b.start, b.end);
      if (start >= end) continue;
      const auto same = [&](const ZoneSpan& z) { return z.node == m.node && z.zone == b.zone; };
      const auto known = std::find_if(zones_.begin(), zones_.end(), same);
      if (known == zones_.end()) {
        zones_.push_back({m.node, b.zone, start, end});
      } else {
        known->start = std::min(known->start, start);
        known->end = std::max(known->end, end);
      }
    }
  }
  std::sort(zones_.begin(), zones_.end(),
            [](const ZoneSpan& a, const ZoneSpan& b) { return a.node != b.node ? a.node < b.node : a.zone < b.zone; });
}

void MemmapInit::init_single_page(Pfn pfn, unsigned node, Zone zone) {
  // A struct page of 56 bytes ends before the word of the memory cgroup; words behind it are zeroed.
  constexpr unsigned kUsualBytes = 64, kMostBytes = 96;
  const unsigned bytes = context_.layout.struct_page_bytes();
  const VirtAddr p = context_.layout.pfn_to_page(pfn);
  const uint64_t list = (p + page_field::kLruNext).raw();
  std::array<FieldStore, 9 + (kMostBytes - kUsualBytes) / 8> stores;
  size_t n = 0;
  stores[n++] = {page_field::kRefcount, 4, 1};
  for (unsigned at = kUsualBytes; at < bytes; at += 8) stores[n++] = {at, 8, 0};
  if (bytes > page_field::kMemcg) stores[n++] = {page_field::kMemcg, 8, 0};
  stores[n++] = {page_field::kPrivate, 8, 0};
  stores[n++] = {page_field::kIndex, 8, 0};
  stores[n++] = {page_field::kMapping, 8, 0};
  stores[n++] = {page_field::kMapcount, 4, kNoPageType};
  stores[n++] = {page_field::kLruNext, 8, list};
  stores[n++] = {page_field::kFlags, 8, fresh_page_flags(node, zone)};
  stores[n++] = {page_field::kLruPrev, 8, list};
  context_.memory().store_fields(p, std::span(stores).first(n));
}

void MemmapInit::set_flag(Pfn pfn, unsigned bit) {
  context_.memory().read_modify_write(context_.layout.pfn_to_page(pfn), RmwOp::kOr, uint64_t{1} << bit, 8,
                                      /*locked=*/false);
}

/// set_pageblock_migratetype(MIGRATE_MOVABLE): the block's bits in usage->pageblock_flags.
void MemmapInit::set_pageblock_movable(Pfn pfn) {
  const VirtAddr flags = sparse_.pageblock_flags(pfn.raw / kPagesPerSection);
  if (flags == VirtAddr(0)) return;
  const uint64_t block = pfn.raw % kPagesPerSection / kPagesPerPageblock;
  const uint64_t bits = pageblock_bits(context_.profile);
  const uint64_t blocks_per_word = 64 / bits;
  constexpr uint64_t kMovable = 1;
  context_.memory().read_modify_write(flags + block / blocks_per_word * 8, RmwOp::kOr,
                                      kMovable << block % blocks_per_word * bits, 8, /*locked=*/true);
}

void MemmapInit::memmap_init_range(Pfn start, Pfn end, unsigned node, Zone zone, Kind kind) {
  for (Pfn pfn = start; pfn < end; pfn = pfn + 1) {
    init_single_page(pfn, node, zone);
    if (kind == Kind::kHotplug) {
      if (context_.profile.offline_page_type && zone != Zone::kDevice) {
        context_.store(context_.layout.pfn_to_page(pfn) + page_field::kMapcount, bits_.offline_type, 4);
      } else {
        set_flag(pfn, bits_.reserved);
      }
    }
    if (pfn.raw % kPagesPerPageblock == 0) set_pageblock_movable(pfn);
  }
}

void MemmapInit::init_unavailable_range(Pfn start, Pfn end, unsigned node, Zone zone) {
  uint64_t pages = 0;
  for (Pfn pfn = start; pfn < end;) {
    const Pfn block(pfn.raw & ~(kPagesPerPageblock - 1));
    if (!sparse_.pfn_valid(block)) {
      pfn = block + kPagesPerPageblock;
      continue;
    }
    init_single_page(pfn, node, zone);
    set_flag(pfn, bits_.reserved);
    ++pages;
    pfn = pfn + 1;
  }
  if (pages != 0) {
    context_.log(LogLevel::kInfo, "On node {}, zone {}: {} pages in unavailable ranges", node, name_of(zone), pages);
  }
}

/// defer_init: in the last zone of a node, from the first section boundary after 32768 initialised pages on.
Pfn MemmapInit::defer_from(Pfn start, Pfn end, const ZoneSpan& span) {
  if (!context_.config.deferred_struct_page_init) return end;
  const auto is_later = [&](const ZoneSpan& z) { return z.node == span.node && z.zone > span.zone; };
  if (std::any_of(zones_.begin(), zones_.end(), is_later)) return end;
  if (first_deferred_.size() <= span.node) first_deferred_.resize(span.node + 1);
  auto& first = first_deferred_[span.node];
  if (first) return start;
  if (deferral_zone_end_ != span.end) {
    deferral_zone_end_ = span.end;
    initialised_in_last_zone_ = 0;
  }
  for (Pfn pfn = start; pfn < end; pfn = pfn + 1) {
    ++initialised_in_last_zone_;
    if (initialised_in_last_zone_ > kPagesPerSection && pfn.raw % kPagesPerSection == 0) {
      first = pfn;
      return pfn;
    }
  }
  return end;
}

void MemmapInit::memmap_init() {
  Pfn hole{0};
  const ZoneSpan* last = nullptr;
  for (const auto& m : memblock_.memory()) {
    for (const ZoneSpan& span : zones_) {
      if (span.node != m.node) continue;
      const Pfn start = std::clamp(pfn_of(m.start), span.start, span.end);
      const Pfn end = std::clamp(pfn_of(m.end), span.start, span.end);
      last = &span;
      if (start >= end) continue;
      memmap_init_range(start, defer_from(start, end, span), span.node, span.zone, Kind::kEarly);
      if (hole < start) init_unavailable_range(hole, start, span.node, span.zone);
      hole = end;
    }
  }
  const Pfn section_end((hole.raw + kPagesPerSection - 1) & ~(kPagesPerSection - 1));
  if (last != nullptr && hole < section_end) init_unavailable_range(hole, section_end, last->node, last->zone);
}

std::optional<Pfn> MemmapInit::first_deferred(unsigned node) const {
  return node < first_deferred_.size() ? first_deferred_[node] : std::nullopt;
}

bool MemmapInit::is_deferred(Pfn pfn) const {
  if (first_deferred_.empty()) return false;
  const auto node = memblock_.node_of(address_of(pfn));
  if (!node) return false;
  const auto first = first_deferred(*node);
  return first && pfn >= *first;
}

void MemmapInit::reserve_bootmem_region(Pfn start, Pfn end) {
  for (Pfn pfn = start; pfn < end; pfn = pfn + 1) {
    if (!sparse_.pfn_valid(pfn)) continue;
    if (is_deferred(pfn)) {  // init_reserved_page
      const auto node = memblock_.node_of(address_of(pfn));
      const auto zone = pfn < kMaxDma32Pfn ? Zone::kDma32 : Zone::kNormal;
      init_single_page(pfn, *node, zone);
    }
    const VirtAddr p = context_.layout.pfn_to_page(pfn);
    const uint64_t list = (p + page_field::kLruNext).raw();
    context_.store(p + page_field::kLruNext, list, 8);
    context_.store(p + page_field::kLruPrev, list, 8);
    set_flag(pfn, bits_.reserved);
  }
}

void MemmapInit::init_device_tail(Pfn head, Pfn tail) {
  const VirtAddr p = context_.layout.pfn_to_page(tail);
  const uint64_t compound_head = context_.layout.pfn_to_page(head).raw() | 1;
  context_.store(p + page_field::kMapping, kTailMapping, 8);
  context_.store(p + page_field::kLruNext, compound_head, 8);
  context_.store(p + page_field::kPrivate, 0, 8);
  context_.store(p + page_field::kRefcount, 0, 4);
}

void MemmapInit::memmap_init_zone_device(Pfn start, Pfn end, unsigned node, unsigned vmemmap_shift, bool optimized,
                                         bool zero_refcount, VirtAddr pagemap) {
  const uint64_t compound = uint64_t{1} << vmemmap_shift;
  const auto init_device_page = [&](Pfn pfn) {
    init_single_page(pfn, node, Zone::kDevice);
    set_flag(pfn, bits_.reserved);
    const VirtAddr p = context_.layout.pfn_to_page(pfn);
    context_.store(p + page_field::kLruNext, pagemap.raw(), 8);
    context_.store(p + page_field::kLruPrev, 0, 8);
    if (pfn.raw % kPagesPerPageblock == 0) set_pageblock_movable(pfn);
    if (zero_refcount) context_.store(p + page_field::kRefcount, 0, 4);
  };
  // [L-17] Of an optimised compound page only the struct pages of its own two pages exist.
  const uint64_t per_page = kPageBytes / context_.layout.struct_page_bytes();
  for (Pfn head = start; head < end; head = head + compound) {
    init_device_page(head);
    if (compound == 1) continue;
    set_flag(head, bits_.head);
    const bool early = sparse_.is_early(head.raw / kPagesPerSection);
    const uint64_t there = early || !optimized ? compound : std::min(compound, 2 * per_page);
    const uint64_t initialised = std::min(there, end - head);
    for (uint64_t i = 1; i < initialised; ++i) {
      init_device_page(head + i);
      init_device_tail(head, head + i);
      if (i != 1) continue;
      const VirtAddr second = context_.layout.pfn_to_page(head + 1);  // order and mapcounts
      context_.store(second, vmemmap_shift, 8);
      context_.store(second + 16, ~uint64_t{0}, 8);
    }
  }
}

void MemmapInit::mark_self_hosted(Pfn start, uint64_t pages) {
  for (uint64_t i = 0; i < pages; ++i) set_flag(start + i, bits_.owner_priv_1);
}

}  // namespace mmusim::mm
