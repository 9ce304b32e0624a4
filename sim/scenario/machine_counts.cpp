// SPDX-License-Identifier: MIT
#include "sim/scenario/machine_counts.h"

#include <algorithm>

namespace mmusim {

MachineTotals difference(const MachineTotals& later, const MachineTotals& earlier) {
  MachineTotals d = later;
  d.accesses -= earlier.accesses;
  d.lookups -= earlier.lookups;
  d.l1_dtlb_misses -= earlier.l1_dtlb_misses;
  d.stlb_misses -= earlier.stlb_misses;
  d.walks -= earlier.walks;
  d.entry_reads -= earlier.entry_reads;
  d.cycles -= earlier.cycles;
  d.walk_cycles -= earlier.walk_cycles;
  for (size_t s = 0; s < d.stage_cycles.size(); ++s) d.stage_cycles[s] -= earlier.stage_cycles[s];
  for (size_t level = 0; level < d.reads_by_level.size(); ++level) {
    for (size_t hit = 0; hit < kHitLevels; ++hit) d.reads_by_level[level][hit] -= earlier.reads_by_level[level][hit];
  }
  d.walk_latency.subtract(earlier.walk_latency);
  for (size_t k = 0; k < d.translation.size(); ++k) {
    d.translation[k] = difference(d.translation[k], earlier.translation[k]);
  }
  d.flushes -= earlier.flushes;
  return d;
}

void MissCourse::sample(const MachineTotals& totals) {
  if (totals.cycles == samples_.back().cycle) {
    samples_.back() = {totals.cycles, totals.stlb_misses, totals.walks};
  } else {
    samples_.push_back({totals.cycles, totals.stlb_misses, totals.walks});
  }
}

Timeseries MissCourse::slices() const {
  constexpr uint64_t kSlices = 256;
  Timeseries course;
  const uint64_t end = samples_.back().cycle;
  if (end == 0) return course;
  course.slice_cycles = (end + kSlices - 1) / kSlices;
  const uint64_t count = (end + course.slice_cycles - 1) / course.slice_cycles;
  size_t at = 1;
  Sample before;
  for (uint64_t slice = 1; slice <= count; ++slice) {
    const uint64_t cycle = std::min(slice * course.slice_cycles, end);
    while (samples_[at].cycle < cycle) ++at;
    const Sample& left = samples_[at - 1];
    const Sample& right = samples_[at];
    // Straight line between the two samples, in integers.
    const auto between = [&](uint64_t from, uint64_t to) {
      __extension__ using Wide = unsigned __int128;
      return from + static_cast<uint64_t>(Wide{to - from} * (cycle - left.cycle) / (right.cycle - left.cycle));
    };
    const Sample now{cycle, between(left.stlb_misses, right.stlb_misses), between(left.walks, right.walks)};
    course.stlb_misses.push_back(now.stlb_misses - before.stlb_misses);
    course.walks.push_back(now.walks - before.walks);
    before = now;
  }
  return course;
}

}  // namespace mmusim
