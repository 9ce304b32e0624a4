// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/experiment/replay_setup.h"
#include "sim/report/summary.h"

namespace mmusim {

struct ReplayOutcome {
  RunSummary summary;
  HostTimes times;
  ReplayResult result;
  TraceInfo info;         ///< of the trace, read to its end
  std::string directory;  ///< where the results are
};

/// Replays a trace and writes summary.json, and the event log if it is asked for, into the folder. Elaborates one
/// machine. Throws InputError for options that contradict each other and for all that is wrong with trace, map and
/// platform; EnvironmentError where the host gives out.
ReplayOutcome replay_one(const ReplayOptions& options);

}  // namespace mmusim
