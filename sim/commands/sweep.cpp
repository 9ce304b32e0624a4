// SPDX-License-Identifier: MIT
#include "sim/commands/sweep.h"

#include <filesystem>
#include <memory>

#include "models/base/config_files.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/flag_or_value.h"
#include "sim/commands/limit_options.h"
#include "sim/host/process_pool.h"
#include "sim/host/text_output.h"
#include "sim/report/units.h"
#include "sim/sweep/shards.h"
#include "sim/sweep/slurm.h"
#include "sim/sweep/sweep.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

/// Options of the command line.
struct SweepOptions {
  std::string input;
  std::vector<std::string> vary;
  bool zip = false;
  std::vector<std::string> sets;
  std::optional<std::string> platform;
  std::optional<std::string> variant;
  std::optional<std::string> model;
  std::optional<unsigned> repeat;
  std::optional<uint64_t> seed;
  std::vector<std::string> metrics;
  bool dry_run = false;
  bool status = false;
  FlagOrValue slurm;  // options of sbatch
  std::optional<unsigned> chunk;
  std::optional<unsigned> split;
  bool no_wait = false;
  std::string task;  // FILE:NUMBER
  SweepRequest request;
};

/// Makes a sweep of the input: a finished folder, SWEEP.json, a scenario or a trace.
SweepSpec spec_of_input(const SweepOptions& o) {
  std::error_code ignored;
  if (fs::is_directory(o.input, ignored)) {
    if (fs::exists(o.input + kSweepFile, ignored)) return load_sweep_spec(o.input + kSweepFile);
    throw InputError(
        fmt::format("{}: no sweep.json in it: expected a folder that `mmusim sweep --out` wrote", o.input));
  }
  SweepSpec spec;
  const bool is_file = fs::is_regular_file(o.input, ignored);
  if (is_file && !o.input.ends_with(".json")) {
    spec.of_traces = true;
  } else {
    const std::string path = find_config("scenarios", o.input);
    if (is_sweep_document(parse_json_file(path))) return load_sweep_spec(path);
  }
  spec.inputs = {is_file ? fs::absolute(o.input).string() : o.input};
  return spec;
}

void add_axes(const SweepOptions& o, SweepSpec& spec) {
  for (const std::string& text : o.vary) {
    if (!o.zip || spec.axes.empty()) spec.axes.emplace_back();
    spec.axes.back().push_back(parse_vary(text));
  }
}

SweepSpec spec_of(const SweepOptions& o) {
  SweepSpec spec = spec_of_input(o);
  add_axes(o, spec);
  spec.sets.insert(spec.sets.end(), o.sets.begin(), o.sets.end());
  if (o.platform) spec.platform = *o.platform;
  if (o.variant) spec.variant = o.variant;
  if (o.model) {
    if (!spec.of_traces) throw InputError("--model: is for traces, this sweep runs scenarios");
    spec.replay["model"] = *o.model;
  }
  if (o.repeat) spec.repeat = *o.repeat;
  if (o.seed) spec.seed = o.seed;
  if (!o.metrics.empty()) spec.metrics = o.metrics;
  check_axes(spec, "sweep");
  return spec;
}

std::string folder_of(const SweepOptions& o) {
  std::error_code ignored;
  if (!o.request.out.empty()) return o.request.out;
  if (fs::is_directory(o.input, ignored)) return o.input;
  const std::string file = fs::path(o.input).filename().string();
  return "out/sweep-" + path_component(file.substr(0, file.find('.', 1)));
}

std::string counts_text(const SweepCounts& c) {
  std::string text = fmt::format("{} of {} points done", grouped(c.done), grouped(c.points()));
  if (c.failed != 0) text += fmt::format(", {} failed", grouped(c.failed));
  if (c.pending != 0) text += fmt::format(", {} to do", grouped(c.pending));
  return text;
}

ExitCode print_estimate(const SweepRequest& request) {
  const SweepEstimate e = estimate_sweep(request);
  std::string text = fmt::format("{} points: {}\n", grouped(e.counts.points()), counts_text(e.counts));
  if (e.refused != 0)
    text += fmt::format("{} points cannot run, the first because of:\n{}\n", grouped(e.refused), e.refusal);
  if (e.measured != 0) {
    text += fmt::format("expected time: {} with {} at once ({} points were measured)\n", human_time(e.seconds),
                        request.jobs, e.measured);
  }
  print_text(text);
  return ExitCode::kSuccess;
}

ExitCode print_status(const std::string& folder) {
  std::string text = counts_text(status_of_sweep(folder)) + "\n";
  for (const std::string& job : active_slurm_jobs(folder)) text += fmt::format("Slurm job {} is in the queue\n", job);
  print_text(text);
  return ExitCode::kSuccess;
}

/// Action of a task of a job array.
ExitCode do_task(const SweepOptions& options) {
  const size_t colon = options.task.rfind(':');
  const auto number = colon == std::string::npos ? std::nullopt : parse_number(options.task.substr(colon + 1));
  if (!number) throw InputError(fmt::format("--task {}: expected FILE:NUMBER", options.task));
  TaskRequest task{options.task.substr(0, colon), static_cast<size_t>(*number), options.request.jobs,
                   options.request.timeout_seconds, options.request.host};
  run_task(task);
  return ExitCode::kSuccess;
}

void print_outcome(const SweepOutcome& outcome, const std::string& folder) {
  print_text(fmt::format("{}\n{}{}/sweep.sqlite, {}/sweep.csv\n{}\n", counts_text(outcome.counts), outcome.text, folder,
                         folder, report_line(outcome.report)));
  if (outcome.interrupted) print_error(fmt::format("interrupted: `mmusim sweep {}` goes on\n", folder));
}

ExitCode sweep_on_slurm(const SweepOptions& options, const SweepRequest& request) {
  SlurmRequest slurm;
  slurm.sweep = request;
  slurm.options = options.slurm.value();
  if (options.chunk) slurm.chunk = *options.chunk;
  slurm.wait = !options.no_wait;
  const SlurmOutcome outcome = run_sweep_on_slurm(slurm);
  print_outcome(outcome.sweep, request.out);
  for (const std::string& job : outcome.active) {
    print_error(fmt::format("Slurm job {} is in the queue: `mmusim sweep {} --slurm` collects its results\n", job,
                            request.out));
  }
  if (!outcome.problem.empty()) throw JobError("sweep: " + outcome.problem);
  return outcome.sweep.counts.failed == 0 ? ExitCode::kSuccess : ExitCode::kJobFailed;
}

ExitCode sweep(const SweepOptions& options) {
  if (!options.task.empty()) return do_task(options);
  SweepRequest request = options.request;
  request.out = folder_of(options);
  if (options.status) return print_status(request.out);
  if (options.input.empty()) throw InputError("sweep: expected a scenario, a trace or a SWEEP.json");
  request.spec = spec_of(options);
  if (options.dry_run) return print_estimate(request);
  if (options.split) {
    for (const std::string& task : split_sweep(request, *options.split)) print_text(task + "\n");
    return ExitCode::kSuccess;
  }
  if (options.slurm.given()) return sweep_on_slurm(options, request);
  const SweepOutcome outcome = run_sweep(request);
  print_outcome(outcome, request.out);
  return outcome.counts.failed == 0 ? ExitCode::kSuccess : ExitCode::kJobFailed;
}

void add_spec_options(CommandLine command, SweepOptions& o) {
  command
      .add_option(
          "--vary", o.vary,
          "Run with each of these values of a key of `mmusim keys`; as often as wanted: every combination runs. "
          "/replay/KEY=... varies an option of `replay`")
      .type_name("[NAME=]/json/pointer=V1,V2,...")
      .one_at_a_time();
  command.add_flag("--zip", o.zip, "The --vary advance together instead of being crossed");
  add_platform_option(command, o.platform, "if missing, that of the input");
  add_set_option(command, o.sets);
  command.add_option("--variant", o.variant, "Apply one of the scenario's variants");
  command.add_option("--model", o.model, "Of replays: cycle (default), or functional: without time, faster")
      .one_of({"cycle", "functional"});
  command.add_option("--repeat", o.repeat, "Runs of each combination with seeds counting up").range(1, 1'000'000);
  command.add_option("--seed", o.seed, "First seed").type_name("N").unsigned_number();
  command.add_option("--metric", o.metrics, "Column that the report is about, as often as wanted").one_at_a_time();
}

void add_slurm_options(CommandLine command, SweepOptions& o) {
  command.add_option("--slurm", o.slurm,
                     "Run as one job array of Slurm; =\"--partition=P --time=30\" are options for sbatch");
  command.add_option("--chunk", o.chunk, "With --slurm: points of a task (default: so many that there are 200 tasks)")
      .range(1, 1'000'000);
  command.add_flag("--no-wait", o.no_wait,
                   "With --slurm: submit and return; the same command collects the results later");
  command.add_option("--split", o.split, "Run nothing, but print the names of N tasks that do what is to do")
      .type_name("N")
      .range(1, 1'000'000);
  command.add_option("--task", o.task, "Do one of these tasks; the same sweep begun without it collects the results")
      .type_name("FILE:N");
}

}  // namespace

void add_sweep_command(CommandLine app, Action& action) {
  CommandLine command =
      app.add_subcommand("sweep", "Run many points of a scenario or trace; one SQLite file, CSV, report");
  auto options = std::make_shared<SweepOptions>();
  SweepOptions& o = *options;
  o.request.jobs = processors_available();
  command.add_option("INPUT", o.input,
                     "Scenario, trace, SWEEP.json (docs/sweeps.md), or the folder of an earlier sweep, which goes on");
  add_spec_options(command, o);
  command.add_option("--out", o.request.out,
                     "Folder of the results; what is finished there is not run again (default: "
                     "out/sweep-NAME)");
  command.add_option("--jobs", o.request.jobs, "Processes at once (default: the processors of this machine)")
      .range(1, 1024);
  command.add_option("--timeout", o.request.timeout_seconds, "Seconds after which a point counts as hung")
      .positive_number();
  command.add_flag("--retry", o.request.retry, "Run failed points again");
  command.add_flag("--dry-run", o.dry_run, "Say how many points there are and how long they will take");
  command.add_flag("--status", o.status, "Say how far the sweep in --out is");
  add_slurm_options(command, o);
  add_host_limit_options(command, o.request.host.limits);
  command.footer(
      "Killed or interrupted, the same command goes on where it was. Exit code 1 if any point failed; the others "
      "finish.\n"
      "Examples:\n"
      "  mmusim sweep boot-base-vs-huge --vary walkers=/platform/page_walkers/walkers=1,2,4 --dry-run\n"
      "  mmusim sweep traces/ops-512m-4l.vmt.xz --model functional --out out/stlb "
      "--vary entries=/platform/tlbs/stlb/arrays/0/entries=512,1024,2048 "
      "--vary ways=/platform/tlbs/stlb/arrays/0/ways=4,8");
  command.callback([options, &action] { action = [options] { return sweep(*options); }; });
}

}  // namespace mmusim
