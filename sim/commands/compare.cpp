// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/host/process_pool.h"
#include "sim/host/progress.h"
#include "sim/report/comparison.h"
#include "sim/report/html_report.h"
#include "sim/report/summary.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/scenario_cost.h"

namespace mmusim {

namespace {

/// Tables larger than those of this much memory are not asked for: the report's tree could not show them.
constexpr uint64_t kTablesUpTo = 128 * kGiB;

struct CompareOptions {
  std::vector<std::string> scenarios;
  std::vector<std::string> platforms;
  std::vector<std::string> sets;
  std::string core;
  std::string out;
  std::string events = "none";
  unsigned jobs = processors_available();
  unsigned repeat = 1;
  std::optional<double> timeout;
  std::string max_memory;
  std::string program;  // instead of this very one; for tests
};

/// One side of the comparison, before it has run.
struct Side {
  std::string label;
  std::string scenario;
  std::optional<std::string> variant;
  std::vector<std::string> sets;
  uint64_t seed = 1;
  bool wants_tables = false;
  uint64_t host_memory = 0;  ///< what it will take, estimated
};

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) throw system_error("find", "/proc/self/exe", errno);
  return {path, static_cast<size_t>(size)};
}

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

/// Labels become names of directories.
std::string directory_name(const std::string& label) {
  std::string name;
  for (const char c : label) name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ? c : '_';
  return name;
}

/// Reads the scenario as the child will, so that bad input is refused before anything runs.
nlohmann::ordered_json check_side(Side& side, uint64_t memory_limit) {
  const Scenario scenario = load_scenario(side.scenario, {side.variant, side.sets, {}});
  side.seed = scenario.seed;
  uint64_t bytes = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) bytes += (r.end - r.start) << kPageShift;
  side.wants_tables = bytes <= kTablesUpTo;
  const HostMemoryCost cost = cost_of(scenario, scenario_platform(scenario), side.wants_tables);
  check_host_memory(scenario.file, cost, memory_limit, cheaper(scenario, cost));
  side.host_memory = cost.total();
  return nlohmann::ordered_json::parse(scenario.effective);
}

std::vector<Side> sides_of(const CompareOptions& options) {
  std::vector<Side> sides;
  for (const std::string& scenario : options.scenarios) {
    std::vector<std::optional<std::string>> variants;
    for (const std::string& v : scenario_variants(scenario)) variants.emplace_back(v);
    if (variants.empty()) variants.emplace_back();
    for (const auto& variant : variants) {
      std::string label = variant.value_or(stem_of(scenario));
      if (variant && options.scenarios.size() > 1) label = stem_of(scenario) + "/" + label;
      if (options.platforms.empty()) sides.push_back({label, scenario, variant, options.sets});
      for (const std::string& platform : options.platforms) {
        Side side{label + " on " + stem_of(platform), scenario, variant, options.sets};
        side.sets.push_back("/platform=\"" + platform + "\"");
        sides.push_back(std::move(side));
      }
    }
  }
  for (Side& side : sides) {
    for (const std::string& set : sets_of_core(options.core)) side.sets.push_back(set);
  }
  const uint64_t memory_limit = host_memory_limit(options.max_memory);
  std::set<std::string> labels;
  nlohmann::ordered_json first;
  for (Side& side : sides) {
    const auto configuration = check_side(side, memory_limit);
    if (first.is_null()) first = configuration;
    check_same_workload(sides[0].label, first, side.label, configuration);
    std::string label = side.label;
    for (unsigned n = 2; !labels.insert(directory_name(label)).second; ++n)
      label = fmt::format("{} ({})", side.label, n);
    side.label = label;
  }
  if (sides.size() < 2) {
    throw InputError(
        fmt::format("{}: has no variants, so there is nothing to compare: give a second scenario, a "
                    "scenario with \"variants\", or --platform twice",
                    options.scenarios[0]));
  }
  return sides;
}

ChildJob job_of(const Side& side, const CompareOptions& options, const std::string& directory, uint64_t seed) {
  ChildJob job;
  job.label = side.label;
  job.arguments = {options.program.empty() ? own_path() : options.program,
                   "run",
                   side.scenario,
                   "--out",
                   directory,
                   "--seed",
                   std::to_string(seed),
                   "--events",
                   options.events};
  if (side.variant) job.arguments.insert(job.arguments.end(), {"--variant", *side.variant});
  for (const std::string& set : side.sets) job.arguments.insert(job.arguments.end(), {"--set", set});
  if (!options.max_memory.empty()) job.arguments.insert(job.arguments.end(), {"--max-memory", options.max_memory});
  if (side.wants_tables) job.arguments.insert(job.arguments.end(), {"--tables", directory + "/tables.json"});
  job.output = directory + "/report.txt";
  job.errors = directory + "/errors.txt";
  return job;
}

/// How many runs fit into the host's memory at the same time.
uint64_t runs_that_fit(const std::vector<Side>& sides, const CompareOptions& options) {
  uint64_t most = 1;
  for (const Side& side : sides) most = std::max(most, side.host_memory);
  return std::max<uint64_t>(1, host_memory_limit(options.max_memory) / most);
}

std::vector<ComparedRun> run_sides(const std::vector<Side>& sides, const CompareOptions& options) {
  std::vector<ChildJob> jobs;
  std::vector<ComparedRun> runs;
  for (const Side& side : sides) {
    ComparedRun run;
    run.label = side.label;
    for (unsigned k = 0; k < options.repeat; ++k) {
      std::string name = directory_name(side.label);
      if (options.repeat > 1) name += fmt::format("/repeat-{}", k + 1);
      make_directory(options.out + "/" + name);
      std::error_code ignored;
      std::filesystem::remove(options.out + "/" + name + "/summary.json", ignored);  // an old one must not be taken
      run.directories.push_back(name);
      jobs.push_back(job_of(side, options, options.out + "/" + name, side.seed + k));
    }
    runs.push_back(std::move(run));
  }
  ProgressBar progress("comparing", jobs.size());
  PoolOptions pool;
  pool.parallel = static_cast<unsigned>(std::min<uint64_t>(options.jobs, runs_that_fit(sides, options)));
  pool.timeout_seconds = options.timeout;
  pool.on_progress = [&](size_t done) { progress.update(done, fmt::format("{} of {} runs", done, jobs.size())); };
  const std::vector<ChildResult> results = run_children(jobs, pool);
  for (size_t i = 0; i < results.size(); ++i) {
    ComparedRun& run = runs[i / options.repeat];
    const std::string directory = options.out + "/" + run.directories[i % options.repeat];
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

ExitCode compare(CompareOptions options) {
  const std::vector<Side> sides = sides_of(options);
  if (options.out.empty()) options.out = "out/compare-" + stem_of(options.scenarios[0]);
  const OutputDirectory lock(options.out);
  const Comparison comparison(run_sides(sides, options));
  const std::string title = fmt::format("mmusim: {}", stem_of(options.scenarios[0]));
  write_file(options.out + "/compare.json", comparison.to_json().dump(1) + "\n");
  write_file(options.out + "/compare.csv", comparison.to_csv());
  write_file(options.out + "/report.html", html_report(title, comparison, options.out));
  fmt::print("{}\nreport: {}/report.html\n", comparison.table(), options.out);
  return comparison.any_failed() ? ExitCode::kJobFailed : ExitCode::kSuccess;
}

}  // namespace

void add_compare_command(CommandLine app, Action& action) {
  CommandLine command =
      app.add_subcommand("compare", "Run scenarios, or the variants of one, side by side; table, JSON, CSV and report");
  auto options = std::make_shared<CompareOptions>();
  command
      .add_option("SCENARIO", options->scenarios, "Scenario files or names of shipped ones; the first is the baseline")
      .required();
  command.add_option("--out", options->out, "Directory for the results (default: out/compare-NAME)");
  command.add_option("--platform", options->platforms, "Run each on this platform instead of its own; repeatable");
  add_core_option(command, options->core);
  command.add_option("--set", options->sets, "/json/pointer=VALUE, applied to every scenario; repeatable");
  command.add_option("--events", options->events, "What each run logs, as for `run` (default: none)");
  command.add_option("--jobs", options->jobs, "Runs at once (default: the processors of this machine)").range(1, 1024);
  command.add_option("--repeat", options->repeat, "Runs of each with seeds counting up; mean and 95 % interval")
      .range(1, 1000);
  command.add_option("--timeout", options->timeout, "Seconds after which a run counts as hung").positive_number();
  add_max_memory_option(command, options->max_memory);
  command.add_option("--program", options->program).hidden();
  command.footer(
      "The first scenario or variant is the baseline of all ratios. Exit code 1 if any run failed; the others finish.\n"
      "Examples:\n"
      "  mmusim compare boot-base-vs-huge --out out/boot\n"
      "  mmusim compare boot-base-vs-huge --platform milan --platform textbook --repeat 5");
  command.callback([options, &action] { action = [options] { return compare(*options); }; });
}

}  // namespace mmusim
