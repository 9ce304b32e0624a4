// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include "tests/differential/dice.h"

namespace mmusim::differential {

/// Draws a platform: any key that configs/README.md names may be there, with small structures, so that a few thousand
/// accesses fill them. Nearly all are valid; the caller draws again where the reader refuses one.
nlohmann::ordered_json random_platform(Dice& dice);

/// Draws a DRAM device, in place of the name of a shipped one.
nlohmann::ordered_json random_dram_device(Dice& dice);

}  // namespace mmusim::differential
