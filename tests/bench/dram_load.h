// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

#include "models/dram/dram_system.h"
#include "tests/dram/dram_support.h"

namespace mmusim {

inline constexpr uint64_t kFootprint = 4 * kGiB;

inline PhysAddr random_line(Random& random) { return PhysAddr(random.below(kFootprint) & ~(kLineBytes - 1)); }

/// A DRAM system that always has a number of reads under way.
class DramLoad {
 public:
  DramLoad(const DramConfig& config, unsigned at_once) : dram_(config), at_once_(at_once) {}

  /// Sends a read as soon as one of those under way is done.
  void read(PhysAddr pa) {
    while (under_way_ == at_once_) {
      const auto event = dram_.next_event();
      if (!done_at_.empty() && (!event || done_at_.top() <= *event)) {
        now_ = std::max(now_, done_at_.top());
        done_at_.pop();
        --under_way_;
        break;
      }
      dram_.advance_to(*event, completions_);
      for (const DramCompletion& c : completions_) done_at_.push(c.done);
      completions_.clear();
    }
    dram_.enqueue({.id = 0, .pa = pa}, now_);
    ++under_way_;
    ++now_;
  }

 private:
  DramSystem dram_;
  unsigned at_once_;
  unsigned under_way_ = 0;
  DramCycle now_ = 0;
  std::vector<DramCompletion> completions_;
  std::priority_queue<DramCycle, std::vector<DramCycle>, std::greater<>> done_at_;
};

}  // namespace mmusim
