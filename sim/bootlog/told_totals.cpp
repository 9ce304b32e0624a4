// SPDX-License-Identifier: MIT
#include "sim/bootlog/told_totals.h"

#include <algorithm>
#include <map>

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr uint64_t kPresent = 1;
constexpr uint64_t kLarge = uint64_t{1} << 7;
constexpr uint64_t kLeafBytes = 2 * kMiB;
constexpr uint64_t kLeafAddress = 0x000fffffffe00000;

/// Page frames of a zone of x86-64 [arch/x86/mm/init.c, zone_sizes_init].
struct ZoneBounds {
  const char* name;
  uint64_t start;
  uint64_t end;
};
constexpr ZoneBounds kZones[] = {{"DMA", 0, uint64_t{1} << 12},
                                 {"DMA32", uint64_t{1} << 12, uint64_t{1} << 20},
                                 {"Normal", uint64_t{1} << 20, ~uint64_t{0}}};

uint64_t pages_between(const mm::MemoryMap& memory, unsigned node, uint64_t start, uint64_t end) {
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : memory.memory) {
    const uint64_t first = std::max(r.start.raw, start);
    const uint64_t last = std::min(r.end.raw, end);
    if (r.node == node && first < last) pages += last - first;
  }
  return pages;
}

}  // namespace

VmemmapComparison compare_vmemmap(const BootFacts& facts, const StageTables& built, VirtAddr page_offset_base) {
  constexpr unsigned kPmdLevel = 2;
  std::map<uint64_t, uint64_t> leaves;
  for (const mm::TableEntry& e : built.entries) {
    const bool leaf = e.level == kPmdLevel && (e.value & kPresent) != 0 && (e.value & kLarge) != 0;
    if (leaf) leaves[e.va.raw()] = e.value & kLeafAddress;
  }
  VmemmapComparison out;
  const auto differs = [&](const std::string& text) {
    if (out.first_difference.empty()) out.first_difference = text;
  };
  uint64_t covered = 0;
  for (const VmemmapRun& run : facts.vmemmap_runs) {
    const uint64_t told = (run.direct_end - run.direct_start) / kLeafBytes;
    uint64_t here = 0;
    for (auto leaf = leaves.lower_bound(run.start); leaf != leaves.end() && leaf->first < run.end; ++leaf, ++here) {
      if (here < told)
        out.same_address += run.direct_start + here * kLeafBytes - page_offset_base.raw() == leaf->second;
    }
    const bool ends = leaves.contains(run.start) && leaves.contains(run.end - kLeafBytes);
    if (here != told || !ends) {
      differs(fmt::format("line {} tells {} leaves from 0x{:x} to 0x{:x}, {} were built there{}", run.line, told,
                          run.start, run.end, here, ends ? "" : ", not up to its ends"));
    }
    out.told += told;
    out.same_place += ends ? std::min(here, told) : 0;
    covered += std::min(here, told);
  }
  out.extra = leaves.size() - std::min<uint64_t>(leaves.size(), covered);
  for (const auto& [va, pa] : leaves) {
    const bool told = std::any_of(facts.vmemmap_runs.begin(), facts.vmemmap_runs.end(),
                                  [&, at = va](const VmemmapRun& r) { return r.start <= at && at < r.end; });
    if (!told) differs(fmt::format("a leaf was built at 0x{:x}, no line tells it", va));
  }
  return out;
}

std::vector<TotalComparison> compare_totals(const BootFacts& facts, const mm::MemoryMap& memory) {
  std::vector<TotalComparison> out;
  std::map<unsigned, uint64_t> nodes;
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : memory.memory) {
    nodes[r.node] += r.end - r.start;
    pages += r.end - r.start;
  }
  // Kernels up to 2.6.33 count the first page of memory as well.
  const bool first_page = std::any_of(facts.node_ranges.begin(), facts.node_ranges.end(),
                                      [](const NodeRange& r) { return r.range.start.raw() == 0; });
  const unsigned first_node = memory.memory.empty() ? 0 : memory.memory.front().node;
  if (facts.present_kib) {
    out.push_back({fmt::format("\"Memory:\" (line {}), pages", facts.present_kib->line),
                   facts.present_kib->value / (kPageBytes / kKiB), pages + first_page});
  }
  for (const auto& [node, told] : facts.node_pages) {
    out.push_back({fmt::format("node {} (line {}), pages", node, told.line), told.value,
                   nodes[node] + (first_page && node == first_node)});
  }
  for (const ZoneFact& z : facts.zones) {
    const auto bounds =
        std::find_if(std::begin(kZones), std::end(kZones), [&](const ZoneBounds& b) { return z.name == b.name; });
    if (bounds == std::end(kZones) || z.pages == 0) continue;
    const uint64_t model = pages_between(memory, z.node, bounds->start, bounds->end) +
                           (first_page && z.node == first_node && bounds->start == 0);
    // Kernels before 3.8 take their own pages off.
    const uint64_t all = z.pages + z.memmap + z.reserved;
    out.push_back({fmt::format("node {}, zone {}, pages", z.node, z.name), all == model ? all : z.pages, model});
  }
  for (const NodeRange& span : facts.node_spans) {
    uint64_t end = 0;
    for (const mm::MemoryRange& r : memory.memory) {
      if (r.node == span.node) end = std::max(end, r.end.raw);
    }
    out.push_back(
        {fmt::format("node {} (line {}), last page", span.node, span.line), span.range.end.raw() >> kPageShift, end});
  }
  return out;
}

}  // namespace mmusim
