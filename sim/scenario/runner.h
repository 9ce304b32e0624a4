// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "sim/events/events.h"
#include "sim/recorded/stage_tables.h"
#include "sim/report/summary.h"
#include "sim/scenario/host.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

class EventLog;
class RunRecorder;
class SignalTrace;
class Timeline;

/// Who hears what a run does. All may be null.
struct RunOutputs {
  EventLog* events = nullptr;
  Timeline* timeline = nullptr;
  SignalTrace* signals = nullptr;
  TableSink* tables = nullptr;
  RunRecorder* recorder = nullptr;  ///< hears the machine's activity as well: see MachineHost::set_activity
};

/// How a run ended.
struct RunResult {
  RunSummary summary;      ///< complete for what ran; `interrupted` if a signal stopped it
  std::string kernel_log;  ///< what the kernel printed, one line each
  std::string failure;  ///< why it stopped early: the phase, what it returned, what was expected; empty if it did not
};

/// Runs a scenario's phases in order on `host`. A phase that returns something else than it expects ends the run.
RunResult run_scenario(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs);

}  // namespace mmusim
