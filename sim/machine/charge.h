// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mmusim {

/// Says if an operation takes its cycles and is counted, or happens outside simulated time.
enum class Charge : uint8_t {
  kCycles,
  kNothing,
  kCounted,  ///< it is counted; the caller lets its time pass
};

}  // namespace mmusim
