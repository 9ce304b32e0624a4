// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include "sim/machine/virtualization.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Takes every --set of /virtualization out of `overrides` and applies it to an object of its own, `document`, for
/// machines whose page tables come from no scenario.
nlohmann::json take_virtualization(ScenarioOverrides& overrides, nlohmann::json document = nlohmann::json::object());
/// Reads what take_virtualization() gave. Throws InputError for what is wrong with it.
VirtualizationConfig virtualization_of(const nlohmann::json& document);

}  // namespace mmusim
