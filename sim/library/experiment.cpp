// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "sim/library/internal.h"

namespace mmusim {
inline namespace v0 {

namespace {

ScenarioOverrides overrides_of(const Scenario& scenario) {
  return {scenario.variant, scenario.settings, scenario.seed};
}

Result result_of(const RunSummary& summary, const std::string& directory) {
  const MachineTotals& t = summary.totals;
  Result result;
  result.totals = {t.accesses, t.lookups, t.l1_dtlb_misses, t.stlb_misses, t.walks, t.entry_reads, t.cycles};
  result.directory = directory;
  result.summary_json = read_summary(directory).dump(1);
  result.interrupted = summary.interrupted;
  return result;
}

}  // namespace

std::vector<std::string> Scenario::variants() const { return scenario_variants(name_or_path); }
std::string Scenario::effective() const { return load_scenario(name_or_path, overrides_of(*this)).effective; }
std::vector<std::string> Scenario::names() { return config_names("scenarios"); }

Result run(const Scenario& scenario, const RunOptions& options) {
  RunRequest request;
  request.scenario = scenario.name_or_path;
  request.overrides = overrides_of(scenario);
  request.out = options.directory;
  request.force = options.force;
  request.recordings.events = options.events;
  request.recordings.tables = options.tables;
  request.recordings.timeline = options.timeline;
  request.recordings.record = options.record;
  const RunOutcome outcome = run_one(request);
  Result result = result_of(outcome.summary, outcome.directory);
  result.failure = outcome.failure;
  return result;
}

Result replay(const std::string& trace, const ReplayOptions& options) {
  internal::ReplayRequest request;
  request.trace = trace;
  request.platform = options.platform;
  request.pages = options.pages;
  request.out = options.directory;
  request.force = options.force;
  request.model = options.functional ? ReplayModel::kFunctional : ReplayModel::kCycle;
  request.window.skip = std::to_string(options.skip);
  request.window.warmup = std::to_string(options.warmup);
  if (options.limit) request.window.limit = std::to_string(*options.limit);
  const ReplayOutcome outcome = replay_one(request);
  return result_of(outcome.summary, outcome.directory);
}

Compared compare(const std::vector<std::string>& scenarios, const CompareOptions& options) {
  if (scenarios.empty()) throw InputError("compare: expected at least one scenario");
  if (options.program.empty()) throw InputError("compare: the path of the mmusim program is missing");
  CompareRequest request;
  request.inputs = scenarios;
  request.platforms = options.platforms;
  request.sets = options.settings;
  request.out = options.directory;
  request.force = options.force;
  request.jobs = options.jobs;
  request.repeat = options.repeat;
  request.program = options.program;
  const CompareOutcome outcome = internal::compare(request);
  return {outcome.directory, outcome.comparison.table(), outcome.comparison.to_json().dump(1),
          outcome.comparison.any_failed()};
}

}  // namespace v0
}  // namespace mmusim
