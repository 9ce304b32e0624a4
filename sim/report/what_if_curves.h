// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/report/comparison.h"

namespace mmusim {

/// Returns the miss curves of `replay --what-if` of all runs that have them: `[{"page_size", "ways", "entries": [...],
/// "runs": {LABEL: [misses per 1000 lookups, ...]}}]`, ways 0: fully associative.
nlohmann::ordered_json what_if_curves(const std::vector<ComparedRun>& runs);

/// Returns the lines of one of these curves in compare.csv: one for each number of entries and run.
std::string what_if_csv(const nlohmann::ordered_json& curve);

}  // namespace mmusim
