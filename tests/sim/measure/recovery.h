// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "sim/machine/platform.h"
#include "sim/measure/survey.h"

namespace mmusim {

/// What a platform file says of each thing that a survey looks for, by the finding's name; what it does not say is
/// missing.
std::map<std::string, double> truth_of(const PlatformConfig& platform);

}  // namespace mmusim
