// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "sim/experiment/replay_setup.h"

namespace mmusim {

/// Pointers below this one are options of `replay`, not keys of its machine.
inline constexpr const char* kReplayPrefix = "/replay/";

/// Reads options of `replay` that a sweep can set or vary. Errors go to the reader.
void read_sweep_replay(ConfigReader reader, ReplayOptions& options);

/// Takes the settings of /replay/KEY out of `sets` and puts them into `document`.
void take_replay_sets(std::vector<std::string>& sets, nlohmann::json& document);

/// Returns these options as words of the command line of `mmusim replay`.
std::vector<std::string> replay_arguments(const nlohmann::json& document);

}  // namespace mmusim
