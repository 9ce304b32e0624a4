// SPDX-License-Identifier: MIT
#include "mm/memblock.h"

#include <algorithm>

namespace mmusim::mm {

Memblock::Memblock(const MemoryMap& map) {
  for (const MemoryRange& r : map.memory) memory_.push_back({address_of(r.start), address_of(r.end), r.node});
  std::sort(memory_.begin(), memory_.end(), [](const Region& a, const Region& b) { return a.start < b.start; });
  // Neighbours of one node are one region: a block may span them.
  std::vector<Region> merged;
  for (const Region& m : memory_) {
    if (!merged.empty() && merged.back().end == m.start && merged.back().node == m.node) {
      merged.back().end = m.end;
    } else {
      merged.push_back(m);
    }
  }
  memory_ = std::move(merged);
  for (const ReservedRange& r : map.reserved) reserve(r.start, r.end - r.start);
}

std::optional<PhysAddr> Memblock::find(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                       std::optional<unsigned> node) const {
  const PhysAddr low = std::max(min, PhysAddr(kPageBytes));  // never the first page
  const PhysAddr high = max == PhysAddr(0) ? end_of_memory() : std::min(max, end_of_memory());
  for (auto m = memory_.rbegin(); m != memory_.rend(); ++m) {
    if (node && m->node != *node) continue;
    PhysAddr free_end = m->end;
    // Reserved ranges that begin below the end of this region, from the highest.
    auto r = std::lower_bound(reserved_.begin(), reserved_.end(), m->end,
                              [](const Reserved& a, PhysAddr end) { return a.start < end; });
    for (;;) {
      const bool at_front = r == reserved_.begin();
      if (!at_front) --r;
      const PhysAddr free_start = at_front ? m->start : std::max(m->start, r->end);
      const PhysAddr from = std::clamp(free_start, low, std::max(low, high));
      const PhysAddr to = std::clamp(free_end, low, std::max(low, high));
      if (from < to && to.raw() >= size) {
        const PhysAddr candidate = (to - size).align_down(align);
        if (candidate >= from) return candidate;
      }
      if (at_front || r->start <= m->start) break;
      free_end = r->start;
    }
  }
  return std::nullopt;
}

std::optional<PhysAddr> Memblock::alloc_range_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                                  std::optional<unsigned> node, bool exact) {
  auto found = find(size, align, min, max, node);
  if (!found && node && !exact) found = find(size, align, min, max, std::nullopt);
  if (found) reserve(*found, size);
  return found;
}

std::optional<PhysAddr> Memblock::alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                                std::optional<unsigned> node) {
  if (auto pa = alloc_range_nid(size, align, min, max, node, /*exact=*/false)) return pa;
  if (min == PhysAddr(0)) return std::nullopt;
  return alloc_range_nid(size, align, PhysAddr(0), max, node, /*exact=*/false);
}

std::optional<PhysAddr> Memblock::alloc_exact_nid(uint64_t size, uint64_t align, PhysAddr min, unsigned node) {
  if (auto pa = alloc_range_nid(size, align, min, PhysAddr(0), node, /*exact=*/true)) return pa;
  return alloc_range_nid(size, align, PhysAddr(0), PhysAddr(0), node, /*exact=*/true);
}

void Memblock::reserve(PhysAddr start, uint64_t bytes) {
  PhysAddr end = start + bytes;
  // All ranges that overlap or touch [start, end) become one with it.
  auto first = std::lower_bound(reserved_.begin(), reserved_.end(), start,
                                [](const Reserved& r, PhysAddr at) { return r.end < at; });
  auto last = first;
  while (last != reserved_.end() && last->start <= end) {
    start = std::min(start, last->start);
    end = std::max(end, last->end);
    ++last;
  }
  if (first == last) {
    reserved_.insert(first, {start, end});
  } else {
    *first = {start, end};
    reserved_.erase(first + 1, last);
  }
}

void Memblock::free(PhysAddr start, uint64_t bytes) {
  const PhysAddr end = start + bytes;
  std::vector<Reserved> kept;
  for (const Reserved& r : reserved_) {
    if (r.end <= start || r.start >= end) {
      kept.push_back(r);
      continue;
    }
    if (r.start < start) kept.push_back({r.start, start});
    if (r.end > end) kept.push_back({end, r.end});
  }
  reserved_ = std::move(kept);
}

bool Memblock::is_memory(PhysAddr start, uint64_t bytes) const {
  PhysAddr at = start;
  for (const Region& m : memory_) {
    if (m.end <= at) continue;
    if (m.start > at) return false;
    at = m.end;
    if (at >= start + bytes) return true;
  }
  return false;
}

bool Memblock::is_reserved(PhysAddr pa) const {
  const auto r = std::upper_bound(reserved_.begin(), reserved_.end(), pa,
                                  [](PhysAddr at, const Reserved& range) { return at < range.end; });
  return r != reserved_.end() && r->start <= pa;
}

std::optional<unsigned> Memblock::node_of(PhysAddr pa) const {
  const Region& last = memory_[last_node_region_];
  if (last.start <= pa && pa < last.end) return last.node;
  const auto m = std::upper_bound(memory_.begin(), memory_.end(), pa,
                                  [](PhysAddr at, const Region& region) { return at < region.end; });
  if (m == memory_.end() || m->start > pa) return std::nullopt;
  last_node_region_ = static_cast<size_t>(m - memory_.begin());
  return m->node;
}

uint64_t Memblock::memory_bytes() const {
  uint64_t bytes = 0;
  for (const Region& m : memory_) bytes += m.end - m.start;
  return bytes;
}

}  // namespace mmusim::mm
