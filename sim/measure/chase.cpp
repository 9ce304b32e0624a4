// SPDX-License-Identifier: MIT
#include "sim/measure/chase.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "models/base/splitmix.h"

namespace mmusim {

namespace {

constexpr uint64_t kLoadBytes = 8;

/// A small generator with a fixed sequence (splitmix64), so that orders are equal on all hosts.
class Order {
 public:
  explicit Order(uint64_t seed) : state_(seed) {}
  uint64_t below(uint64_t end) { return splitmix_finaliser(state_ += kSplitmixStep) % end; }

 private:
  uint64_t state_;
};

void shuffle(std::vector<uint64_t>& list, size_t begin, size_t end, Order& order) {
  for (size_t i = end; i > begin + 1; --i) std::swap(list[i - 1], list[begin + order.below(i - begin)]);
}

/// Lines far enough apart that no prefetcher brings one with another, in pages few enough for a TLB.
uint64_t cold_offset(uint64_t i) {
  constexpr uint64_t kLines = 8, kApart = 67;  // pages; odd, so that they spread over the sets of a TLB
  const uint64_t page = i / kLines;
  return page * kApart * kPageBytes + (i % kLines * kLines + page % kLines) * kLineBytes;
}

Step step_of(const Chase& chase, uint64_t i) {
  const uint64_t line = (i + i / 64) % 64 * kLineBytes;
  if (chase.kind == ChaseKind::kLines) {
    uint64_t offset = (chase.apart ? i : i / 64) * kPageBytes + line;
    if (chase.cold) offset = cold_offset(i);
    return {offset / bytes_of(PageSize::k2M), offset % bytes_of(PageSize::k2M)};
  }
  if (chase.kind == ChaseKind::kFetchLines) return {i / 64, line};
  const uint64_t page = i / chase.group * chase.stride + i % chase.group;
  if (chase.crossing != Crossing::kNone) {
    const uint64_t boundary = chase.crossing == Crossing::kPage ? kPageBytes : kPageBytes - kLineBytes;
    return {page, boundary - kLoadBytes / 2};
  }
  if (chase.pages == PageSize::k4K) return {page, line};
  return {page, i / 64 * kPageBytes % bytes_of(chase.pages) + line};
}

constexpr uint64_t kPtesOfLine = 8, kLinesOfTable = 64, kPagesOfRegion = kPtesOfLine * kLinesOfTable;
constexpr uint64_t kRegionsOfGib = 512;
/// Lines of a table whose PTEs are not used: their set of the first-level cache is left to the data.
constexpr uint64_t kDataLines = 1;
constexpr uint64_t kUsedLines = kLinesOfTable - kDataLines;

/// Number of the first page of a region. Regions of one GiB are adjacent. They begin in another line of the page directory
/// in each GiB, so that the directories' lines spread over the sets of a cache.
uint64_t first_page(const Chase& chase, uint64_t region) {
  if (chase.gibs == 0) return region * kPagesOfRegion;
  const uint64_t gib = region % chase.gibs, each = (chase.regions + chase.gibs - 1) / chase.gibs;
  const uint64_t begin = gib * ((each + kPtesOfLine - 1) / kPtesOfLine * kPtesOfLine);
  return (gib * kRegionsOfGib + (begin + region / chase.gibs) % kRegionsOfGib) * kPagesOfRegion;
}

/// Regions in the order of their turns. The GiB have their turns in a random order, or the regions where they are adjacent.
std::vector<uint64_t> turns_of(const Chase& chase) {
  std::vector<uint64_t> turns(chase.gibs == 0 ? chase.regions : chase.gibs);
  std::iota(turns.begin(), turns.end(), uint64_t{0});
  Order random(1);
  shuffle(turns, 0, turns.size(), random);
  std::vector<uint64_t> regions;
  for (uint64_t begin = 0; begin < chase.regions; begin += turns.size()) {
    for (const uint64_t turn : turns) {
      if (begin + turn < chase.regions) regions.push_back(begin + turn);
    }
  }
  return regions;
}

std::vector<Step> region_steps(const Chase& chase) {
  const std::vector<uint64_t> turns = turns_of(chase);
  std::vector<Step> steps;
  steps.reserve(chase.count);
  for (uint64_t pte = chase.ptes; pte-- > 0;) {
    for (uint64_t line = 0; line < chase.pte_lines; line += chase.visit) {
      for (const uint64_t region : turns) {
        for (uint64_t v = 0; v < chase.visit; ++v) {
          const uint64_t turned = (line + v + region) % chase.pte_lines;  // not all regions in one set of a cache
          const uint64_t in_table = kDataLines + (region * chase.pte_lines + turned) % kUsedLines;
          steps.push_back({first_page(chase, region) + in_table * kPtesOfLine + pte * (kPtesOfLine / chase.ptes), 0});
        }
      }
    }
  }
  return steps;
}

}  // namespace

Chase crossing_chase(uint64_t count, Crossing crossing) {
  Chase chase;
  chase.count = count;
  chase.stride = 2;
  chase.shared_frame = true;
  chase.crossing = crossing;
  return chase;
}

Chase region_chase(uint64_t pages, uint64_t regions, uint64_t gibs, uint64_t visit) {
  constexpr uint64_t kVisits = 2;  // the same pages whether one or two come in turn
  Chase chase;
  chase.kind = ChaseKind::kRegions;
  chase.shared_frame = true;
  chase.regions = regions;
  chase.gibs = gibs;
  chase.visit = visit;
  const uint64_t each = (pages + regions - 1) / regions;
  chase.ptes = std::min(kPtesOfLine, std::bit_ceil(each));
  const uint64_t lines = (each + chase.ptes - 1) / chase.ptes;
  chase.pte_lines = chase.ptes == kPtesOfLine ? (lines + kVisits - 1) / kVisits * kVisits : lines;
  chase.count = chase.regions * chase.pte_lines * chase.ptes;
  return chase;
}

std::vector<Step> steps_of(const Chase& chase) {
  if (chase.kind == ChaseKind::kRegions) return region_steps(chase);
  const uint64_t lanes = std::max(1U, chase.lanes);
  std::vector<uint64_t> order(std::max(chase.count / lanes, uint64_t{1}) * lanes);
  std::iota(order.begin(), order.end(), uint64_t{0});
  Order random(1);
  const size_t window = chase.window == 0 ? order.size() : chase.window;
  for (size_t begin = 0; begin < order.size(); begin += window) {
    shuffle(order, begin, std::min(begin + window, order.size()), random);
  }
  std::vector<Step> steps;
  steps.reserve(order.size());
  for (const uint64_t i : order) steps.push_back(step_of(chase, i));
  return steps;
}

uint64_t pages_spanned(const Chase& chase) {
  if (chase.kind == ChaseKind::kRegions) {
    return (chase.gibs == 0 ? chase.regions : chase.gibs * kRegionsOfGib) * kPagesOfRegion;
  }
  if (chase.kind == ChaseKind::kLines) {
    const uint64_t last = chase.count == 0 ? 0 : chase.count - 1;
    const uint64_t bytes = chase.cold ? cold_offset(last) : chase.apart ? last * kPageBytes : last * kLineBytes;
    return bytes / bytes_of(PageSize::k2M) + 1;
  }
  if (chase.kind == ChaseKind::kFetchLines) return (chase.count + 63) / 64;
  const uint64_t last = chase.count == 0 ? 0 : chase.count - 1;
  const uint64_t beyond = chase.crossing == Crossing::kPage ? 1 : 0;
  return last / chase.group * chase.stride + std::min(chase.count, chase.group) + beyond;
}

}  // namespace mmusim
