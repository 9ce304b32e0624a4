// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/measure/counterpart.h"
#include "sim/measure/measured_platform.h"

namespace mmusim {

/// A platform whose simulated curves come as near to measured ones as its fitted numbers allow.
struct PlatformFit {
  nlohmann::json document;
  Counterpart simulated;   ///< its curves; without any if an interrupt was requested before
  std::string host_pages;  ///< of a guest: the host's pages, "4K", "2M" or "1G", that come nearest; empty: not told
};

/// Makes a platform of the preset's document and what `survey` found, and chooses by simulation what no curve shows alone:
/// the way to memory; in a guest the page size of the host, and what a lookup of the nested structures takes. The fitted
/// members of `input` are ignored. `remarks` gets a sentence for each number that could not be fitted, and for each finding
/// that the file cannot express. Throws EnvironmentError if there can be no process to simulate in.
PlatformFit fit_platform(const nlohmann::json& preset, MeasuredPlatformInput input, const Survey& survey,
                         std::vector<std::string>& remarks);

}  // namespace mmusim
