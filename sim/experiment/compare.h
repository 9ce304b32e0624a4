// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/experiment/sides.h"
#include "sim/report/comparison.h"

namespace mmusim {

struct CompareOutcome {
  Comparison comparison;
  std::string directory;  ///< where compare.json, compare.csv and a folder for each run are
  std::string report;     ///< path of report.html; empty in a program that is built without it
};

/// Runs each side in a process of its own, or reads finished results, and writes compare.json, compare.csv and
/// report.html. Throws as sides_of() and finished_runs() do; a run that fails is part of the outcome.
CompareOutcome compare(CompareRequest request);

}  // namespace mmusim
