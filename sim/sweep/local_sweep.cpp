// SPDX-License-Identifier: MIT
#include "sim/sweep/local_sweep.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

LocalSweep::LocalSweep(const SweepPlan& plan, const PointHost& host, std::vector<PointTask> tasks, PointSink store,
                       std::function<void()> commit)
    : plan_(plan), host_(host), tasks_(std::move(tasks)), store_(std::move(store)), commit_(std::move(commit)) {
  for (size_t i = 0; i < tasks_.size(); ++i) waiting_.push_back(i);
  for (const PointTask& task : tasks_) points_ += task.size();
  progress_.emplace("sweep", points_);
}

std::optional<size_t> LocalSweep::next() {
  if (waiting_.empty()) return std::nullopt;
  const size_t task = waiting_.front();
  waiting_.pop_front();
  return task;
}

void LocalSweep::work(size_t task, const std::function<void(std::string_view)>& send) {
  do_points(plan_, tasks_[task], host_, [&send](const PointResult& result) { send(line_of(result)); });
}

void LocalSweep::message(size_t task, std::string_view text) {
  const std::optional<PointResult> result = result_of(text);
  MMUSIM_INVARIANT(result.has_value(), "a process sends results");
  store_(*result);
  ++done_;
  std::erase_if(tasks_[task], [&](size_t point) { return plan_.points[point].id == result->id; });
}

void LocalSweep::ended(size_t task, const ForkedEnd& end) {
  if (end.succeeded || end.interrupted) return;
  const PointTask left = tasks_[task];
  if (end.killed && leave_killed_) return;
  if (left.size() == 1) {
    const std::string why = end.explanation.empty() ? "ended without a result" : end.explanation;
    store_({plan_.points[left[0]].id, why, end.wall_seconds, 0, ""});
    ++done_;
    return;
  }
  for (const size_t point : left) {
    waiting_.push_front(tasks_.size());
    tasks_.push_back({point});
  }
}

void LocalSweep::idle() {
  commit_();
  progress_->update(done_, fmt::format("{} of {} points", done_, points_));
}

}  // namespace mmusim
