// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "sim/host/forked_work.h"
#include "sim/host/progress.h"
#include "sim/sweep/point_work.h"

namespace mmusim {

/// The tasks of a sweep on the processes of this host.
///
/// Points that a dead process leaves are run again, each alone; one that was alone has failed.
class LocalSweep final : public ForkedWork {
 public:
  /// `store` gets each result as it comes; `commit` is called after some of them, and several times a second.
  LocalSweep(const SweepPlan& plan, const PointHost& host, std::vector<PointTask> tasks, PointSink store,
             std::function<void()> commit);

  /// Leaves a point that was killed from outside pending, instead of failed: a batch system that ends a task may kill
  /// its processes one after the other.
  void leave_killed() { leave_killed_ = true; }

  std::optional<size_t> next() override;
  void work(size_t task, const std::function<void(std::string_view)>& send) override;
  void message(size_t task, std::string_view text) override;
  void ended(size_t task, const ForkedEnd& end) override;
  void idle() override;

 private:
  const SweepPlan& plan_;
  const PointHost& host_;
  std::vector<PointTask> tasks_;  // what is left of each
  std::deque<size_t> waiting_;    // tasks that nobody does yet
  PointSink store_;
  std::function<void()> commit_;
  std::optional<ProgressBar> progress_;
  bool leave_killed_ = false;
  size_t points_ = 0;
  size_t done_ = 0;
};

}  // namespace mmusim
