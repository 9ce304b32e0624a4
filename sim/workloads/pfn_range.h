// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/errors.h"
#include "sim/workloads/page_stream.h"

namespace mmusim {

/// The page frames that a scan visits: `pfns` of them from the `first`-th on (numbered without holes), `passes` times.
struct PfnRangeConfig {
  uint64_t first = 0;
  uint64_t pfns = 0;  ///< 0: all
  uint64_t passes = 1;
};

inline PfnRangeConfig read_pfn_range(ConfigReader& r) {
  PfnRangeConfig c;
  constexpr uint64_t kMost = uint64_t{1} << 40;
  r.read({"first", "Number of the first page frame, counted over memory without its holes.", "page frames"}, c.first, 0,
         kMost);
  r.read({"pfns", "Page frames that a pass visits; 0: all from the first on.", "page frames"}, c.pfns, 0, kMost);
  r.read({"passes", "Passes over them.", "passes"}, c.passes, 1, uint64_t{1} << 32);
  return c;
}

/// Walks over the page frames of a PfnRangeConfig in ascending order.
class PfnCursor {
 public:
  PfnCursor(const PfnRangeConfig& config, const PfnSpace& space)
      : space_(space),
        first_(config.first),
        end_(config.pfns == 0 ? space.pages() : std::min(space.pages(), config.first + config.pfns)),
        passes_(config.passes),
        at_(config.first) {
    if (first_ >= space.pages()) {
      throw InputError(fmt::format("workload: first page {} of {} pages", first_, space.pages()));
    }
  }
  bool done() const { return passes_ == 0; }
  Pfn pfn() const { return space_.at(at_); }
  void advance(uint64_t pages) {
    at_ += pages;
    if (at_ < end_) return;
    at_ = first_;
    --passes_;
  }
  /// Frames from here to the end of the pass.
  uint64_t left() const { return end_ - at_; }

 private:
  const PfnSpace& space_;
  uint64_t first_;
  uint64_t end_;
  uint64_t passes_;
  uint64_t at_;
};

}  // namespace mmusim
