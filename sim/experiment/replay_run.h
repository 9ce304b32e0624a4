// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sim/experiment/replay_setup.h"
#include "sim/report/summary.h"
#include "sim/trace/forms/request_form.h"

namespace mmusim {

struct ReplayOutcome {
  RunSummary summary;
  HostTimes times;
  ReplayResult result;
  TraceInfo info;         ///< of the trace, read to its end
  std::string directory;  ///< where the results are; empty if no files were asked for
};

/// Replays a trace and writes summary.json, and the event log if it is asked for, into the folder. Elaborates one
/// machine. Throws InputError for options that contradict each other and for all that is wrong with trace, map and
/// platform; EnvironmentError where the host gives out.
ReplayOutcome replay_one(const ReplayOptions& options);

/// Replays a trace on a machine with time, and writes its requests to memory into `file` instead of results: see
/// RequestStream.
/// Throws as replay_one().
ReplayOutcome replay_to_requests(const ReplayOptions& options, const std::string& file, RequestForm form);

/// Like replay_one() on the functional model, but reads from `reader`, the trace opened as the options ask for it, and
/// leaves the watchdog to the caller: several can run in turns.
ReplayOutcome replay_functional(const ReplayOptions& options, std::unique_ptr<TraceReader> reader);

/// The contents of summary.json.
nlohmann::ordered_json summary_document(const ReplayOutcome& outcome);

}  // namespace mmusim
