// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/experiment/run_recordings.h"
#include "sim/host/atomic_file.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/scenario_cost.h"

namespace mmusim {

namespace {

struct Options {
  std::string scenario;
  std::string out;
  ScenarioOverrides overrides;
  std::string core;
  RecordingOptions recordings;
  bool lock_step = false;
  HostLimits limits;
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

ExitCode run(const Options& options) {
  const Stopwatch watch;
  const EventSelection selection = EventSelection::parse(options.recordings.events);
  ScenarioOverrides overrides = options.overrides;
  for (const std::string& set : sets_of_core(options.core)) overrides.sets.push_back(set);
  const Scenario scenario = load_scenario(options.scenario, overrides);
  const PlatformConfig platform = scenario_platform(scenario);
  const WatchdogLimits limits = options.limits.watchdog();
  const HostMemoryCost cost = cost_of(scenario, platform, !options.recordings.tables.empty());
  check_host_memory(scenario.file, cost, limits.memory, cheaper(scenario, cost));
  const std::string directory = options.out.empty() ? "out/" + scenario.name : options.out;
  const OutputDirectory lock(directory);

  MachineHost host(scenario, platform,
                   {options.lock_step ? LookAhead::kNone : LookAhead::kPending, options.limits.paranoid});
  const WatchedMachine watched(host.machine());
  const Watchdog watchdog(&watched, limits);
  RunRecordings recordings(options.recordings, selection, scenario, platform, directory, host);
  const RunResult result = run_scenario(scenario, host, recordings.outputs());
  recordings.close(result);
  write_file(directory + "/kernel.log", result.kernel_log);
  const HostTimes times = watch.elapsed();
  write_summary(directory + "/summary.json", result.summary, times);
  fmt::print("{}", text_report(result.summary, times));
  if (!result.failure.empty()) throw JobError(fmt::format("{}: {}", scenario.file, result.failure));
  return ExitCode::kSuccess;
}

}  // namespace

void add_run_command(CommandLine app, Action& action) {
  auto options = std::make_shared<Options>();
  CommandLine command = app.add_subcommand("run", "Run one scenario");
  command.add_option("scenario", options->scenario, "Scenario file, or the name of a shipped one (see presets)")
      .required()
      .type_name("SCENARIO.json");
  command.add_option("--out", options->out, "Where summary, event log and kernel log go; out/NAME if missing")
      .type_name("DIR");
  command.add_option("--set", options->overrides.sets, "Change the scenario before it is read; repeatable")
      .type_name("/json/pointer=VALUE")
      .one_at_a_time();
  add_core_option(command, options->core);
  command.add_option("--variant", options->overrides.variant, "Apply one of the scenario's variants");
  command.add_option("--seed", options->overrides.seed, "Seed of everything random").type_name("N").unsigned_number();
  command
      .add_option("--events", options->recordings.events,
                  "What the event log holds: none, or some of pte,tables,walks,accesses,all")
      .capture_default_str();
  command.add_option("--tables", options->recordings.tables, "Write the vmemmap page tables of each stage (JSON)")
      .type_name("FILE");
  command.add_option("--timeline", options->recordings.timeline, "Write a Chrome trace for Perfetto (JSON)")
      .type_name("FILE");
  command.add_option("--vcd", options->recordings.vcd, "Write signals as a value change dump, for GTKWave")
      .type_name("FILE");
  command
      .add_option("--vcd-signals", options->recordings.vcd_signals,
                  "Which: some of phase,walkers,misses,dram-queues,dram-banks,all")
      .capture_default_str();
  command.add_option("--timeline-begin", options->recordings.timeline_begin, "First cycle of timeline and signals")
      .type_name("CYCLE")
      .unsigned_number();
  command.add_option("--timeline-end", options->recordings.timeline_end, "Cycle after the last of timeline and signals")
      .type_name("CYCLE")
      .unsigned_number();
  command
      .add_option("--record", options->recordings.record,
                  "Write the accesses, and what made the page tables, as a trace for replay (.mmt or .jsonl, and .gz, "
                  ".xz or .zst)")
      .type_name("FILE");
  command.add_option("--record-form", options->recordings.record_form,
                     "Form of that trace instead of the one its name tells: binary, jsonl, vmt1, lackey, champsim");
  command.add_flag("--lock-step", options->lock_step, "Never run ahead of other processes: slower, same result");
  add_host_limit_options(command, options->limits);
  command.footer(
      "Examples:\n"
      "  mmusim run boot-base-vs-huge --variant hugepages --out out/huge\n"
      "  mmusim run boot-base-vs-huge --record boot.mmt.zst\n"
      "  mmusim run server.json --set /kernel/levels=5 --set /platform/page_walkers/walkers=2");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
