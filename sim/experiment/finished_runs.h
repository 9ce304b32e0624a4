// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/report/comparison.h"

namespace mmusim {

/// Reads the results in folders that `run --out`, `replay --out` or `compare --out` wrote; failed sides of a comparison
/// stay failed. Labels are names of folders or sides, made to differ. Folders of the runs are relative to `base`. Throws
/// InputError where a folder holds no finished results.
std::vector<ComparedRun> finished_runs(const std::vector<std::string>& folders, const std::string& base);

}  // namespace mmusim
