// SPDX-License-Identifier: MIT
#include "sim/report/misses_over_time.h"

#include <algorithm>

namespace mmusim {

void MissesOverTime::sample(const MachineTotals& totals) {
  if (totals.cycles == samples_.back().cycle) {
    samples_.back() = {totals.cycles, totals.stlb_misses, totals.walks};
  } else {
    samples_.push_back({totals.cycles, totals.stlb_misses, totals.walks});
  }
}

Timeseries MissesOverTime::slices() const {
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
