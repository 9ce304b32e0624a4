// SPDX-License-Identifier: MIT
#include "sim/experiment/run.h"

#include <optional>

#include "models/base/format.h"
#include "sim/events/json_line.h"
#include "sim/experiment/result_folder.h"
#include "sim/experiment/stopwatch.h"
#include "sim/host/atomic_file.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/scenario_cost.h"

namespace mmusim {

std::vector<std::string> sets_of_core(const std::string& core) {
  if (core.empty()) return {};
  return {"/platform/core/model=" + json_quoted(core)};
}

namespace {

/// Returns the files that a run of the scenario reads.
std::vector<std::string> inputs_of(const Scenario& scenario) {
  std::vector<std::string> files = {scenario.file};
  for (const Phase& phase : scenario.phases) {
    if (const auto* replay = std::get_if<ReplayPhase>(&phase.what)) files.push_back(replay->trace);
  }
  return files;
}

}  // namespace

RunOutcome run_one(const RunRequest& request) {
  const Stopwatch watch;
  const EventSelection selection = EventSelection::parse(request.recordings.events);
  ScenarioOverrides overrides = request.overrides;
  for (const std::string& set : sets_of_core(request.core)) overrides.sets.push_back(set);
  const Scenario scenario = load_scenario(request.scenario, overrides);
  const PlatformConfig platform = scenario_platform(scenario);
  const WatchdogLimits limits = request.limits.watchdog();
  const HostMemoryCost cost = cost_of(scenario, platform, !request.recordings.tables.empty());
  check_host_memory(scenario.file, cost, limits.memory, cheaper(scenario, cost));
  std::optional<ResultFolder> folder;
  if (request.write_files) {
    folder.emplace(request.out.empty() ? "out/" + scenario.name : request.out, inputs_of(scenario), request.force);
  }
  RunOutcome outcome;
  if (folder) outcome.directory = folder->path();

  Simulation simulation;
  MachineHost host(simulation, scenario, platform,
                   {request.lock_step ? LookAhead::kNone : LookAhead::kPending, request.limits.paranoid});
  const WatchedMachine watched(host.machine());
  const Watchdog watchdog(&watched, limits);
  Recordings recordings(request.recordings, selection,
                        {scenario.name, scenario.effective, scenario.seed, outcome.directory}, platform, host.target());
  RunResult result = run_scenario(scenario, host, recordings.outputs());
  const bool complete = result.failure.empty() && !result.summary.interrupted;
  recordings.close(result.summary.totals, result.summary.interrupted, complete);
  if (folder) write_file(folder->kernel_log(), result.kernel_log);
  outcome.times = watch.elapsed();
  if (folder) {
    write_summary(folder->summary(), result.summary, outcome.times);
    folder->keep();
  }
  if (!result.failure.empty()) outcome.failure = fmt::format("{}: {}", scenario.file, result.failure);
  outcome.summary = std::move(result.summary);
  return outcome;
}

}  // namespace mmusim
