// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "sim/report/summary.h"

namespace mmusim {

/// Misses and walks over time, from samples of the running totals.
class MissesOverTime {
 public:
  void sample(const MachineTotals& totals);
  /// Slices of equal length, at most 256; within a sample's stretch counts are spread evenly.
  Timeseries slices() const;

 private:
  struct Sample {
    uint64_t cycle = 0;
    uint64_t stlb_misses = 0;
    uint64_t walks = 0;
  };
  std::vector<Sample> samples_{{}};
};

}  // namespace mmusim
