// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace mmusim {

/// Time that a child process has between being told to stop and being killed, in seconds. Our own choice.
inline constexpr double kChildGraceSeconds = 3;

/// Returns the seconds of the host's steady clock that have passed since `t`.
inline double seconds_since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

}  // namespace mmusim
