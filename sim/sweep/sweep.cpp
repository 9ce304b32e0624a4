// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/host/output_directory.h"
#include "sim/report/html_report.h"
#include "sim/sweep/findings.h"
#include "sim/sweep/local_sweep.h"
#include "sim/sweep/shards.h"
#include "sim/sweep/sweep_report.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& result_files() {
  static const std::vector<std::string> kNames = {"sweep.json", "sweep.sqlite", "sweep.csv", "report.html"};
  return kNames;
}

/// Refuses to overwrite an input, or a folder that holds something else.
void check_folder(const SweepRequest& request) {
  std::error_code ignored;
  for (const std::string& input : request.spec.inputs) {
    for (const std::string& name : result_files()) {
      if (fs::equivalent(input, fs::path(request.out) / name, ignored)) {
        throw InputError(fmt::format("{}: this sweep would overwrite it: give another --out", input));
      }
    }
  }
  const bool other =
      fs::exists(request.out + "/summary.json", ignored) || fs::exists(request.out + "/compare.json", ignored);
  if (other)
    throw InputError(fmt::format("{}: holds the results of a run or a comparison: give another --out", request.out));
}

}  // namespace

SweepOutcome write_sweep_results(SweepDatabase& database, const SweepPlan& plan, const std::string& folder) {
  const std::vector<PointRow> rows = database.rows(plan.axes);
  write_file(folder + "/sweep.csv", csv_of(plan.axes, rows));
  const SweepTable table = table_of(plan, rows);
  const SweepFindings findings = findings_of(table);
  SweepOutcome outcome;
  outcome.counts = database.counts();
  outcome.text = findings_text(table, findings);
  if (has_html_report()) {
    outcome.report = folder + "/report.html";
    write_file(outcome.report, sweep_html(plan, table, findings, outcome.counts));
  }
  return outcome;
}

SweepPlan prepare_sweep(const SweepRequest& request) {
  SweepPlan plan = plan_sweep(request.spec);
  check_folder(request);
  return plan;
}

std::unique_ptr<SweepDatabase> open_sweep(const SweepRequest& request, const SweepPlan& plan) {
  write_file(request.out + kSweepFile, document_of(request.spec).dump(1) + "\n");
  auto database = std::make_unique<SweepDatabase>(request.out + kSweepDatabase);
  database->plan(plan, request.retry);
  return database;
}

SweepOutcome run_sweep(const SweepRequest& request) {
  const SweepPlan plan = prepare_sweep(request);
  const OutputDirectory folder(request.out);
  const std::unique_ptr<SweepDatabase> database = open_sweep(request, plan);
  ShardReader shards(request.out);
  const auto store = [&database](const PointResult& result) { database->store(result); };
  const auto commit = [&database] { database->commit(); };
  shards.read(store);
  commit();
  LocalSweep sweep(plan, request.host, tasks_of(plan, database->pending(plan), kMostTogether, request.jobs), store,
                   commit);
  run_forked(sweep, request.jobs, request.timeout_seconds);
  commit();
  if (database->pending(plan).empty()) shards.remove();
  SweepOutcome outcome = write_sweep_results(*database, plan, request.out);
  outcome.interrupted = interrupt_pending();
  database->finish();
  return outcome;
}

SweepEstimate estimate_sweep(const SweepRequest& request) {
  const SweepPlan plan = plan_sweep(request.spec);
  SweepEstimate estimate;
  std::vector<size_t> pending;
  std::map<std::string, std::string> known;
  std::error_code ignored;
  if (fs::exists(request.out + kSweepDatabase, ignored)) known = SweepDatabase(request.out + kSweepDatabase).statuses();
  for (size_t i = 0; i < plan.points.size(); ++i) {
    const std::string& error = plan.combination(i).error;
    const auto status = known.find(plan.points[i].id);
    const bool failed = status != known.end() && status->second == "failed" && !request.retry;
    if (!error.empty() && estimate.refused++ == 0) estimate.refusal = error;
    if (status != known.end() && status->second == "done") {
      ++estimate.counts.done;
    } else if (!error.empty() || failed) {
      ++estimate.counts.failed;
    } else {
      pending.push_back(i);
    }
  }
  estimate.counts.pending = pending.size();
  const std::vector<PointTask> all = tasks_of(plan, pending, kMostTogether, request.jobs);
  if (all.empty()) return estimate;
  // One task of the beginning, one of the middle: axes often go from small to large.
  std::vector<PointTask> tasks = {all.front()};
  if (all.size() > 2) tasks.push_back(all[all.size() / 2]);
  double seconds = 0;
  LocalSweep sweep(
      plan, request.host, tasks,
      [&](const PointResult& result) {
        seconds += result.wall_seconds;
        ++estimate.measured;
      },
      [] {});
  run_forked(sweep, 1, request.timeout_seconds);
  if (estimate.measured == 0) return estimate;
  const double each = seconds / static_cast<double>(estimate.measured);
  const auto at_once = static_cast<double>(std::min<size_t>(request.jobs, all.size()));
  estimate.seconds = each * static_cast<double>(pending.size()) / at_once;
  return estimate;
}

SweepCounts status_of_sweep(const std::string& folder) {
  std::error_code ignored;
  if (!fs::exists(folder + kSweepDatabase, ignored)) {
    throw InputError(fmt::format("{}: no sweep.sqlite: expected a folder that `mmusim sweep --out` wrote", folder));
  }
  SweepDatabase database(folder + kSweepDatabase);
  ShardReader(folder).read([&database](const PointResult& result) { database.store(result); });
  database.commit();
  return database.counts();
}

}  // namespace mmusim
