// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "models/fabric/clock.h"

namespace mmusim {

/// The prefetches that the accesses of one core have asked for and that are not over yet, in all caches together.
class CorePrefetches {
 public:
  void begin() { ++under_way_; }
  /// Ends one of them, at the time of `clock`.
  void end(LocalClock& clock) {
    if (--under_way_ == 0) clock.notify(none_);
  }
  /// Waits until none is under way: what is serialised, or ends, waits for them too. `module` names the core.
  void drain(LocalClock& clock, const char* module) {
    if (under_way_ != 0) clock.sync();
    while (under_way_ != 0) {
      clock.wait_for(none_, {module, "its prefetches", 0, {}});
      clock.sync();
    }
  }

 private:
  unsigned under_way_ = 0;
  Signal none_;
};

/// The prefetches of each requester's core, by the requester's number; nullptr: of none.
using PrefetchBoard = std::vector<CorePrefetches*>;

}  // namespace mmusim
