// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <ctime>

#include "sim/report/summary.h"

namespace mmusim {

/// Wall and processor time since its construction.
class Stopwatch {
 public:
  HostTimes elapsed() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_;
    return {wall.count(), static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

}  // namespace mmusim
