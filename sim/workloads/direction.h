// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/config.h"

namespace mmusim {

/// What an access of a workload does to the place it is made to.
enum class Direction : uint8_t { kRead, kWrite, kModify };

/// Reads the parameter "direction"; without it, `direction` stays as it is.
inline void read_direction(ConfigReader& r, Direction& direction) {
  r.read_enum({"direction", "Accesses read, write, or read and write the same place (modify)."}, direction,
              {{"read", Direction::kRead}, {"write", Direction::kWrite}, {"modify", Direction::kModify}});
}

}  // namespace mmusim
