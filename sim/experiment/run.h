// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/experiment/limits.h"
#include "sim/experiment/recordings.h"
#include "sim/report/summary.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// One run of a scenario, as `mmusim run` is asked for it.
struct RunRequest {
  std::string scenario;  ///< path, or name of a shipped one
  std::string out;       ///< folder of the results; empty: out/NAME
  bool force = false;    ///< replace the results of an earlier run there
  ScenarioOverrides overrides;
  std::string core;  ///< "blocking" or "window" in place of the platform's core model; empty: the platform's
  RecordingOptions recordings;
  bool lock_step = false;   ///< never run ahead: slower, same result
  bool write_files = true;  ///< false: the outcome is all, no folder is made
  HostLimits limits;
};

struct RunOutcome {
  RunSummary summary;
  HostTimes times;
  std::string directory;  ///< where the results are; empty if no files were asked for
  std::string failure;    ///< why the simulated job failed, with the scenario's file; empty if it did not
};

/// Returns the settings that a core model given apart from the platform stands for; none if `core` is empty.
std::vector<std::string> sets_of_core(const std::string& core);

/// Runs a scenario and writes summary.json, kernel.log and what `recordings` asks for into the folder. Elaborates one
/// machine. Throws InputError for all that is wrong with the request, EnvironmentError where the host gives out.
RunOutcome run_one(const RunRequest& request);

}  // namespace mmusim
