// SPDX-License-Identifier: MIT
#include "sim/sweep/point_work.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/replay_run.h"
#include "sim/experiment/stopwatch.h"
#include "sim/report/summary.h"
#include "sim/trace/shared_trace.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

/// A summary without what may differ between two runs.
std::string lasting(ordered_json document) {
  document.erase("host");
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// Runs `body`, which returns the summary, and turns errors into a failed result. An interrupted summary is no result.
void attempt(PointResult& result, const std::function<ordered_json()>& body) {
  try {
    const ordered_json document = body();
    if (document.at("interrupted") == false) result.summary = lasting(document);
    return;
  } catch (const InputError& e) {
    result.message = e.what();
  } catch (const JobError& e) {
    result.message = e.what();
  } catch (const EnvironmentError& e) {
    result.message = e.what();
  }
}

ordered_json run_document(const SweepPlan& plan, size_t point, const PointHost& host) {
  const RunOutcome outcome = run_one(run_request(plan, point, host));
  if (!outcome.failure.empty()) throw JobError(outcome.failure);
  return to_json(outcome.summary, outcome.times);
}

void do_one(const SweepPlan& plan, size_t point, const PointHost& host, const PointSink& sink) {
  const Stopwatch watch;
  PointResult result;
  result.id = plan.points[point].id;
  attempt(result, [&] {
    if (!plan.spec.of_traces) return run_document(plan, point, host);
    return summary_document(replay_one(replay_options(plan, point, host)));
  });
  const HostTimes times = watch.elapsed();
  result.wall_seconds = times.wall_seconds;
  result.cpu_seconds = times.cpu_seconds;
  if (!result.failed() || !result.message.empty()) sink(result);
}

/// Functional replays of one trace, which is read once.
void do_together(const SweepPlan& plan, const PointTask& task, const PointHost& host, const PointSink& sink) {
  const Stopwatch watch;
  const Watchdog watchdog(nullptr, host.limits.watchdog());
  std::vector<PointResult> results(task.size());
  std::vector<SharedTrace::Consumer> consumers;
  for (size_t i = 0; i < task.size(); ++i) {
    results[i].id = plan.points[task[i]].id;
    consumers.emplace_back([&plan, &host, &result = results[i], point = task[i]](std::unique_ptr<TraceReader> reader) {
      attempt(result, [&] {
        return summary_document(replay_functional(replay_options(plan, point, host), std::move(reader)));
      });
    });
  }
  const ReplayOptions options = replay_options(plan, task.front(), host);
  SharedTrace(open_trace(options.trace, trace_options(options))).run(consumers);
  const HostTimes times = watch.elapsed();
  const auto points = static_cast<double>(task.size());
  for (PointResult& result : results) {
    result.wall_seconds = times.wall_seconds / points;
    result.cpu_seconds = times.cpu_seconds / points;
    if (!result.failed() || !result.message.empty()) sink(result);
  }
}

/// Key of the points that read a trace together; empty: the point is alone.
std::string shared_key(const SweepPlan& plan, size_t point) {
  if (!plan.spec.of_traces) return "";
  const ReplayOptions options = replay_options(plan, point, {});
  if (!can_share(options)) return "";
  return fmt::format("{}\n{} {} {}", options.trace, options.form, options.no_fetches, options.salvage);
}

}  // namespace

std::vector<PointTask> tasks_of(const SweepPlan& plan, const std::vector<size_t>& points, size_t most,
                                unsigned workers) {
  const size_t fair = (points.size() + std::max(1U, workers) - 1) / std::max(1U, workers);
  const size_t together = std::max<size_t>(1, std::min(most, fair));
  std::vector<PointTask> tasks;
  std::map<std::string, size_t> open;  // tasks that take more points, by what they share
  for (const size_t point : points) {
    const std::string key = together == 1 ? "" : shared_key(plan, point);
    const auto found = key.empty() ? open.end() : open.find(key);
    if (found != open.end() && tasks[found->second].size() < together) {
      tasks[found->second].push_back(point);
      continue;
    }
    if (!key.empty()) open[key] = tasks.size();
    tasks.push_back({point});
  }
  return tasks;
}

void do_points(const SweepPlan& plan, const PointTask& task, const PointHost& host, const PointSink& sink) {
  if (task.size() == 1) return do_one(plan, task.front(), host, sink);
  do_together(plan, task, host, sink);
}

}  // namespace mmusim
