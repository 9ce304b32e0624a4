// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "sim/commands/commands.h"
#include "sim/output/atomic_file.h"
#include "sim/output/event_log.h"
#include "sim/output/timeline.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"

namespace mmusim {

namespace {

struct Options {
  std::string scenario;
  std::string out;
  ScenarioOverrides overrides;
  std::string events = "pte,walks";
  std::string tables;
  std::string timeline;
  uint64_t timeline_begin = 0;
  uint64_t timeline_end = ~uint64_t{0};
  bool lock_step = false;
};

/// Passes records on to several sinks.
class Tee final : public RecordSink {
 public:
  void add(RecordSink& sink) { sinks_.push_back(&sink); }
  bool empty() const { return sinks_.empty(); }
  void walk(const WalkRecord& record) override {
    for (RecordSink* sink : sinks_) sink->walk(record);
  }
  void access(const AccessRecord& record) override {
    for (RecordSink* sink : sinks_) sink->access(record);
  }

 private:
  std::vector<RecordSink*> sinks_;
};

/// Wall and processor time since its construction.
class Stopwatch {
 public:
  HostTimes elapsed() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_;
    return {wall.count(), static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

std::vector<std::pair<std::string, uint64_t>> totals_of(const MachineTotals& totals) {
  std::vector<std::pair<std::string, uint64_t>> list;
  totals.describe([&](std::string_view name, uint64_t value, std::string_view) { list.emplace_back(name, value); });
  return list;
}

ExitCode run(const Options& options) {
  const Stopwatch watch;
  const EventSelection selection = EventSelection::parse(options.events);
  const Scenario scenario = load_scenario(options.scenario, options.overrides);
  const PlatformConfig platform = scenario_platform(scenario);
  const std::string directory = options.out.empty() ? "out/" + scenario.name : options.out;
  make_directory(directory);

  MachineHost host(scenario, platform, {options.lock_step ? LookAhead::kNone : LookAhead::kPending});
  std::optional<EventLog> events;
  if (!selection.empty()) {
    events.emplace(directory + "/events.jsonl.zst", selection,
                   EventLogHeader{MMUSIM_VERSION, scenario.effective, scenario.seed, options.events});
  }
  std::optional<Timeline> timeline;
  if (!options.timeline.empty()) {
    TimelineConfig config;
    config.core_ghz = host.core_ghz();
    config.begin = CycleTime(options.timeline_begin);
    config.end = CycleTime(options.timeline_end);
    timeline.emplace(options.timeline, config);
  }
  std::optional<TablesFile> tables;
  if (!options.tables.empty()) tables.emplace(options.tables, scenario.name);

  Tee sinks;
  const bool accesses = (events && events->wants(EventCategory::kAccesses)) || timeline;
  if (events && (accesses || events->wants(EventCategory::kWalks))) sinks.add(*events);
  if (timeline) sinks.add(*timeline);
  if (!sinks.empty()) host.set_sink(&sinks, accesses);

  RunOutputs outputs;
  outputs.events = events ? &*events : nullptr;
  outputs.timeline = timeline ? &*timeline : nullptr;
  outputs.tables = tables ? &*tables : nullptr;
  const RunResult result = run_scenario(scenario, host, outputs);

  if (events) events->close(host.stamp().cycle, result.summary.interrupted, totals_of(result.summary.totals));
  if (timeline) timeline->close(host.stamp().cycle);
  const bool complete = result.failure.empty() && !result.summary.interrupted;
  if (tables && complete) tables->close();
  write_file(directory + "/kernel.log", result.kernel_log);
  const HostTimes times = watch.elapsed();
  write_summary(directory + "/summary.json", result.summary, times);
  fmt::print("{}", text_report(result.summary, times));
  if (!result.failure.empty()) throw JobError(fmt::format("{}: {}", scenario.file, result.failure));
  return ExitCode::kSuccess;
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Run one scenario");
  command->add_option("scenario", options->scenario, "scenario file, or the name of a shipped one (see presets)")
      ->required()
      ->type_name("SCENARIO.json");
  command->add_option("--out", options->out, "where summary, event log and kernel log go; out/NAME if missing")
      ->type_name("DIR");
  command->add_option("--set", options->overrides.sets, "change the scenario before it is read; repeatable")
      ->type_name("/json/pointer=VALUE")
      ->allow_extra_args(false);
  command->add_option("--variant", options->overrides.variant, "apply one of the scenario's variants");
  command->add_option("--seed", options->overrides.seed, "seed of everything random")->type_name("N");
  command
      ->add_option("--events", options->events,
                   "what the event log holds: none, or some of pte,tables,walks,accesses,all")
      ->capture_default_str();
  command->add_option("--tables", options->tables, "write the vmemmap page tables of each stage (JSON)")
      ->type_name("FILE");
  command->add_option("--timeline", options->timeline, "write a Chrome trace for Perfetto (JSON)")->type_name("FILE");
  command->add_option("--timeline-begin", options->timeline_begin, "first cycle of the timeline")->type_name("CYCLE");
  command->add_option("--timeline-end", options->timeline_end, "cycle after the last of the timeline")
      ->type_name("CYCLE");
  command->add_flag("--lock-step", options->lock_step, "never run ahead of other processes: slower, same result");
  command->footer(
      "Examples:\n"
      "  mmusim run boot-base-vs-huge --variant hugepages --out out/huge\n"
      "  mmusim run server.json --set /kernel/levels=5 --set /platform/page_walkers/walkers=2");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
