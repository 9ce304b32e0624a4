// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/events/events.h"
#include "sim/recorded/stage_tables.h"
#include "sim/report/summary.h"
#include "sim/scenario/host.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

class EventLog;
class Timeline;

/// Receivers of the course of a run, beside the observers of the machine. All may be empty.
struct RunOutputs {
  EventLog* events = nullptr;                    ///< the kernel's acts, stamped
  Timeline* timeline = nullptr;                  ///< what kernel functions took
  mm::Observer* kernel = nullptr;                ///< the kernel's acts
  std::function<void(const PhaseEvent&)> phase;  ///< a phase begins
  std::function<void(StageTables&&)> tables;     ///< the vmemmap's page tables at the end of a stage
};

/// Outcome of a run.
struct RunResult {
  RunSummary summary;      ///< complete for what ran; `interrupted` if a signal stopped it
  std::string kernel_log;  ///< what the kernel printed, one line each
  std::string failure;  ///< why it stopped early: the phase, what it returned, what was expected; empty if it did not
};

/// Runs a scenario's phases in order on `host`. A phase that returns something else than it expects ends the run.
RunResult run_scenario(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs);

}  // namespace mmusim
