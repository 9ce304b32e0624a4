// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/types.h"

namespace mmusim {

/// The ports of a structure: how many requests can start in one cycle. State only.
class PortSchedule {
 public:
  /// `ports` 0: without limit.
  explicit PortSchedule(unsigned ports) : ports_(ports) {}

  /// Reserves a port for a request that is ready in cycle `ready`; returns the cycle in which it starts. Requests get
  /// ports in the order of the calls.
  CycleTime reserve(CycleTime ready) {
    if (ports_ == 0) return ready;
    if (cycle_ < ready) {
      cycle_ = ready;
      used_ = 0;
    } else if (used_ == ports_) {
      cycle_ += Cycles(1);
      used_ = 0;
    }
    ++used_;
    return cycle_;
  }

 private:
  unsigned ports_;
  CycleTime cycle_;    // of the last reservation
  unsigned used_ = 0;  // ports taken in that cycle
};

}  // namespace mmusim
