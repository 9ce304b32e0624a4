// SPDX-License-Identifier: MIT
#include "sim/experiment/compare.h"

#include <unistd.h>

#include <climits>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/result_folder.h"
#include "sim/host/atomic_file.h"
#include "sim/host/memory.h"
#include "sim/host/process_pool.h"
#include "sim/host/progress.h"
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

ChildJob job_of(const Side& side, const CompareRequest& request, const std::string& directory, uint64_t seed) {
  ChildJob job;
  job.label = side.label;
  job.arguments = {request.program.empty() ? own_path() : request.program,
                   "run",
                   side.scenario,
                   "--out",
                   directory,
                   "--seed",
                   std::to_string(seed),
                   "--events",
                   !request.events.empty() ? request.events
                   : side.wants_tables     ? "pte"
                                           : "none"};
  if (side.variant) job.arguments.insert(job.arguments.end(), {"--variant", *side.variant});
  if (side.platform) job.arguments.insert(job.arguments.end(), {"--platform", *side.platform});
  for (const std::string& set : side.sets) job.arguments.insert(job.arguments.end(), {"--set", set});
  if (!request.max_memory.empty()) job.arguments.insert(job.arguments.end(), {"--max-memory", request.max_memory});
  if (side.wants_tables) job.arguments.insert(job.arguments.end(), {"--tables", directory + "/tables.json"});
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

std::vector<ComparedRun> run_sides(const std::vector<Side>& sides, const CompareRequest& request) {
  std::vector<ChildJob> jobs;
  std::vector<ComparedRun> runs;
  for (const Side& side : sides) {
    ComparedRun run;
    run.label = side.label;
    run.family = side.family;
    for (unsigned k = 0; k < request.repeat; ++k) {
      std::string name = side.directory;
      make_own_directory(request.out + "/" + name);
      if (request.repeat > 1) {
        name += fmt::format("/repeat-{}", k + 1);
        make_own_directory(request.out + "/" + name);
      }
      ::unlink((request.out + "/" + name + "/summary.json").c_str());  // an old one must not be taken
      run.directories.push_back(name);
      jobs.push_back(job_of(side, request, request.out + "/" + name, side.seed + k));
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

}  // namespace

CompareOutcome compare(CompareRequest request) {
  const std::vector<Side> sides = sides_of(request);
  if (request.out.empty()) request.out = "out/compare-" + stem_of(request.scenarios[0]);
  ResultFolder folder(request.out, request.scenarios);
  CompareOutcome outcome{Comparison(run_sides(sides, request)), request.out, ""};
  write_file(request.out + "/compare.json",
             outcome.comparison.to_json().dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  write_file(request.out + "/compare.csv", outcome.comparison.to_csv());
  if (has_html_report()) {
    outcome.report = request.out + "/report.html";
    const std::string title = fmt::format("mmusim: {}", stem_of(request.scenarios[0]));
    write_file(outcome.report, html_report(title, outcome.comparison, request.out));
  }
  folder.keep();
  return outcome;
}

}  // namespace mmusim
