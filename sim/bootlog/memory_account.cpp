// SPDX-License-Identifier: MIT
#include "sim/bootlog/memory_account.h"

#include <algorithm>
#include <iterator>

#include "models/base/format.h"

namespace mmusim {

namespace {

/// Joins neighbours of the same node.
std::vector<BootRange> joined(std::vector<BootRange> ranges, bool nodes_matter) {
  std::sort(ranges.begin(), ranges.end(), [](const BootRange& a, const BootRange& b) { return a.range < b.range; });
  std::vector<BootRange> out;
  for (const BootRange& r : ranges) {
    const bool goes_on =
        !out.empty() && out.back().range.end == r.range.start && (!nodes_matter || out.back().node == r.node);
    if (goes_on)
      out.back().range.end = r.range.end;
    else
      out.push_back(r);
  }
  return out;
}

/// Ascending and without overlaps: of two ranges that overlap the later one begins where the earlier one ends.
std::vector<BootRange> disjoint(std::vector<BootRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const BootRange& a, const BootRange& b) { return a.range < b.range; });
  std::vector<BootRange> out;
  for (BootRange r : ranges) {
    if (!out.empty()) r.range.start = std::max(r.range.start, out.back().range.end);
    if (r.range.start < r.range.end) out.push_back(r);
  }
  return out;
}

/// `ranges` grown to whole granules. A granule that several nodes share goes to the first.
std::vector<BootRange> grown(std::vector<BootRange> ranges, uint64_t granule) {
  for (BootRange& r : ranges) r.range = {r.range.start.align_down(granule), r.range.end.align_up(granule)};
  return disjoint(ranges);
}

bool equal(const MemoryAccount& a, const MemoryAccount& b, bool nodes_matter) {
  const uint64_t granule = std::max(a.granule, b.granule);
  const auto x = joined(grown(a.ranges, granule), nodes_matter);
  const auto y = joined(grown(b.ranges, granule), nodes_matter);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](const BootRange& p, const BootRange& q) {
    return p.range == q.range && (!nodes_matter || p.node == q.node);
  });
}

/// Ranges where memory of a node may lie, the ones that are surest first.
std::vector<BootRange> node_regions(const BootFacts& facts) {
  std::vector<BootRange> regions;
  for (const bool hotplug : {false, true}) {
    for (const AffinityRange& a : facts.affinity) {
      if (a.hotplug == hotplug) regions.push_back({a.range, a.node});
    }
  }
  if (!regions.empty()) return regions;
  for (const auto* list : {&facts.setup_ranges, &facts.node_spans}) {
    for (const NodeRange& r : *list) regions.push_back({r.range, r.node});
    if (!regions.empty()) return regions;
  }
  return regions;
}

}  // namespace

uint64_t MemoryAccount::pages() const {
  uint64_t bytes = 0;
  for (const BootRange& r : ranges) bytes += r.range.bytes();
  return bytes >> kPageShift;
}

bool same_pages(const MemoryAccount& a, const MemoryAccount& b) { return equal(a, b, false); }
bool same_nodes(const MemoryAccount& a, const MemoryAccount& b) { return equal(a, b, true); }

std::vector<PhysRange> whole_pages(std::vector<PhysRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PhysRange> whole;
  for (const PhysRange& r : ranges) {
    if (!whole.empty() && r.start <= whole.back().end)
      whole.back().end = std::max(whole.back().end, r.end);
    else
      whole.push_back(r);
  }
  std::vector<PhysRange> pages;
  for (const PhysRange& r : whole) {
    const PhysRange p{std::max(r.start.align_up(kPageBytes), PhysAddr(kPageBytes)), r.end.align_down(kPageBytes)};
    if (p.start < p.end) pages.push_back(p);
  }
  return pages;
}

std::vector<BootRange> cut_by_nodes(const std::vector<PhysRange>& pages, const BootFacts& facts, bool& known) {
  std::vector<BootRange> out;
  const std::vector<BootRange> regions = node_regions(facts);
  known = facts.single_node || !regions.empty();
  if (facts.single_node || regions.empty()) {
    for (const PhysRange& r : pages) out.push_back({r, 0});
    return out;
  }
  std::vector<PhysRange> left = pages;
  for (const BootRange& region : regions) {
    for (const PhysRange& r : left) {
      const PhysRange part{std::max(r.start, region.range.start), std::min(r.end, region.range.end)};
      if (part.start < part.end) out.push_back({part, region.node});
    }
    left = without(left, {region.range});
  }
  // Memory that no region covers goes with the memory below it.
  std::vector<BootRange> covered = disjoint(out);
  for (const PhysRange& r : left) {
    const auto above = std::partition_point(covered.begin(), covered.end(),
                                            [&](const BootRange& c) { return c.range.start < r.start; });
    const unsigned node = covered.empty() ? 0 : above == covered.begin() ? above->node : std::prev(above)->node;
    out.push_back({r, node});
  }
  return joined(disjoint(out), true);
}

MemoryAccount node_range_account(const BootFacts& facts) {
  MemoryAccount account;
  if (facts.node_ranges.empty()) return account;
  for (const NodeRange& r : facts.node_ranges) {
    account.first_page |= r.range.start.raw() == 0;  // up to 2.6.33
    for (const PhysRange& pages : whole_pages({r.range})) account.ranges.push_back({pages, r.node});
  }
  account.ranges = joined(disjoint(account.ranges), true);
  account.name =
      fmt::format("the node ranges (lines {} to {})", facts.node_ranges.front().line, facts.node_ranges.back().line);
  account.knows_nodes = true;
  return account;
}

MemoryAccount firmware_account(const BootFacts& facts) {
  MemoryAccount account;
  std::vector<PhysRange> usable;
  for (const MapEntry& e : facts.map) {
    if (e.kind == MemoryKind::kRam) usable.push_back(e.range);
  }
  account.ranges = cut_by_nodes(whole_pages(usable), facts, account.knows_nodes);
  account.name = "the firmware's e820 map";
  return account;
}

MemoryAccount memblock_account(const BootFacts& facts) {
  MemoryAccount account;
  account.ranges = cut_by_nodes(whole_pages(facts.memblock_memory), facts, account.knows_nodes);
  account.name = "memblock's list of memory";
  return account;
}

}  // namespace mmusim
