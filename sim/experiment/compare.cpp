// SPDX-License-Identifier: MIT
#include "sim/experiment/compare.h"

#include <unistd.h>

#include <climits>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/finished_runs.h"
#include "sim/experiment/result_folder.h"
#include "sim/host/atomic_file.h"
#include "sim/host/memory.h"
#include "sim/host/process_pool.h"
#include "sim/host/progress.h"
#include "sim/host/shell_word.h"
#include "sim/host/text_output.h"
#include "sim/report/html_report.h"
#include "sim/report/summary.h"

namespace mmusim {

namespace {

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) throw system_error("find", "/proc/self/exe", errno);
  return {path, static_cast<size_t>(size)};
}

/// Returns what gives a run or `explain` the side's machine: variant, platform and settings.
std::vector<std::string> machine_options(const Side& side) {
  std::vector<std::string> options;
  if (side.variant) options.insert(options.end(), {"--variant", *side.variant});
  if (side.platform) options.insert(options.end(), {"--platform", *side.platform});
  for (const std::string& set : side.sets) options.insert(options.end(), {"--set", set});
  return options;
}

/// Returns the options of `explain` as a shell takes them.
std::string explain_options(const Side& side) {
  std::string text = "--scenario " + shell_word(side.input);
  for (const std::string& option : machine_options(side)) text += " " + shell_word(option);
  return text;
}

/// Returns the options of a replay that are the same for all sides.
std::vector<std::string> replay_words(const ReplayOptions& o) {
  std::vector<std::string> words;
  const auto add = [&words](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  if (o.spaces_given) add("--pages", o.pages);
  add("--skip", o.window.skip);
  add("--warmup", o.window.warmup);
  add("--limit", o.window.limit);
  if (o.model == ReplayModel::kFunctional) add("--model", "functional");
  if (o.what_if) words.emplace_back("--what-if");
  return words;
}

/// Returns the run number `repeat` of a side, into `directory`.
ChildJob job_of(const Side& side, const CompareRequest& request, const std::string& directory, unsigned repeat) {
  const bool replay = side.kind == InputKind::kTrace;
  ChildJob job;
  job.label = side.label;
  std::vector<std::string>& words = job.arguments;
  words = {request.program.empty() ? own_path() : request.program, replay ? "replay" : "run", side.input, "--out",
           directory};
  const auto add = [&words](const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  if (!replay || request.repeat > 1) add({"--seed", std::to_string(side.seed + repeat)});
  add({"--events", !request.events.empty() ? request.events : side.wants_tables ? "pte" : "none"});
  add(machine_options(side));
  if (replay) add(replay_words(request.replay));
  if (!request.max_memory.empty()) add({"--max-memory", request.max_memory});
  if (side.wants_tables) add({"--tables", directory + "/tables.json"});
  if (request.force) add({"--force"});
  job.output = directory + "/report.txt";
  job.errors = directory + "/errors.txt";
  return job;
}

/// Returns how many runs fit into the host's memory at the same time.
uint64_t runs_that_fit(const std::vector<Side>& sides, const CompareRequest& request) {
  uint64_t most = 1;
  for (const Side& side : sides) most = std::max(most, side.host_memory);
  return std::max<uint64_t>(1, host_memory_limit(request.max_memory) / most);
}

/// Returns the folder of each run of a side, below the comparison's.
std::vector<std::string> folders_of(const Side& side, const CompareRequest& request) {
  if (request.repeat == 1) return {side.directory};
  std::vector<std::string> folders;
  for (unsigned k = 1; k <= request.repeat; ++k) folders.push_back(fmt::format("{}/repeat-{}", side.directory, k));
  return folders;
}

/// Throws InputError if the folder of any run holds finished results: of a run there, or of a comparison that was ended.
void refuse_finished_sides(const std::vector<Side>& sides, const CompareRequest& request) {
  for (const Side& side : sides) {
    for (const std::string& folder : folders_of(side, request)) refuse_finished(request.out + "/" + folder);
  }
}

std::vector<ComparedRun> run_sides(const std::vector<Side>& sides, const CompareRequest& request) {
  std::vector<ChildJob> jobs;
  std::vector<ComparedRun> runs;
  for (const Side& side : sides) {
    ComparedRun run;
    run.label = side.label;
    run.family = side.family;
    if (side.kind == InputKind::kScenario) run.options = explain_options(side);
    make_own_directory(request.out + "/" + side.directory);
    run.directories = folders_of(side, request);
    for (unsigned k = 0; k < request.repeat; ++k) {
      const std::string folder = request.out + "/" + run.directories[k];
      make_own_directory(folder);
      ::unlink((folder + "/summary.json").c_str());  // an old one must not be taken
      jobs.push_back(job_of(side, request, folder, k));
    }
    runs.push_back(std::move(run));
  }
  ProgressBar progress("comparing", jobs.size());
  PoolOptions pool;
  pool.parallel = static_cast<unsigned>(std::min<uint64_t>(request.jobs, runs_that_fit(sides, request)));
  pool.timeout_seconds = request.timeout;
  pool.on_progress = [&](size_t done) { progress.update(done, fmt::format("{} of {} runs", done, jobs.size())); };
  const std::vector<ChildResult> results = run_children(jobs, pool);
  for (size_t i = 0; i < results.size(); ++i) {
    ComparedRun& run = runs[i / request.repeat];
    const std::string directory = request.out + "/" + run.directories[i % request.repeat];
    if (results[i].outcome != ChildOutcome::kSucceeded) {
      run.failures.push_back(results[i].explanation);
      continue;
    }
    std::error_code ignored;
    if (std::filesystem::file_size(jobs[i].errors, ignored) == 0) std::filesystem::remove(jobs[i].errors, ignored);
    run.summaries.push_back(read_summary(directory));
  }
  return runs;
}

/// Throws InputError if anything is asked of finished results that only a run can do.
void refuse_running(const CompareRequest& request) {
  const char* option = !request.platforms.empty() ? "--platform"
                       : !request.sets.empty()    ? "--set"
                       : !request.varied.empty()  ? "--vary"
                       : !request.core.empty()    ? "--core"
                       : !request.events.empty()  ? "--events"
                       : request.repeat != 1      ? "--repeat"
                                                  : nullptr;
  if (option == nullptr) return;
  throw InputError(
      fmt::format("{}: {} holds finished results, which are compared as they are", option, request.inputs[0]));
}

/// Returns the files that the comparison reads and must not overwrite.
std::vector<std::string> files_of(const CompareRequest& request, InputKind kind) {
  if (kind != InputKind::kResults) return request.inputs;
  std::vector<std::string> files;
  for (const std::string& folder : request.inputs) {
    for (const char* name : {"/summary.json", "/compare.json"}) files.push_back(folder + name);
  }
  return files;
}

/// Returns the finished results as they are. Throws InputError if there are less than two.
Comparison finished(const CompareRequest& request) {
  refuse_running(request);
  std::vector<ComparedRun> runs = finished_runs(request.inputs, request.out);
  for (const ComparedRun& run : runs) {
    for (const auto& summary : run.summaries) {
      if (!summary.value("interrupted", false)) continue;
      throw InputError(fmt::format(
          "{} was interrupted: its numbers are those of a part, so they do not compare: run it to its end", run.label));
    }
  }
  if (runs.size() >= 2) return Comparison(std::move(runs));
  throw InputError(fmt::format("{}: one run, so there is nothing to compare: give a second folder", request.inputs[0]));
}

}  // namespace

CompareOutcome compare(CompareRequest request) {
  const InputKind kind = kind_of_inputs(request);
  const std::string name = name_of_input(request.inputs[0]);
  if (request.out.empty()) request.out = "out/compare-" + path_component(name);
  std::optional<Comparison> comparison;
  std::vector<Side> sides;
  if (kind == InputKind::kResults) {
    comparison = finished(request);
  } else {
    sides = sides_of(request);
    if (!request.force) refuse_finished_sides(sides, request);
  }
  ResultFolder folder(request.out, files_of(request, kind), request.force);
  if (!comparison) comparison.emplace(run_sides(sides, request));
  CompareOutcome outcome{std::move(*comparison), request.out, ""};
  write_file(request.out + "/compare.json",
             outcome.comparison.to_json().dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  write_file(request.out + "/compare.csv", outcome.comparison.to_csv());
  if (has_html_report()) {
    outcome.report = request.out + "/report.html";
    write_file(outcome.report, html_report("mmusim: " + name, outcome.comparison, request.out));
  }
  folder.keep();
  return outcome;
}

}  // namespace mmusim
