// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "sim/sweep/plan.h"
#include "sim/sweep/point_result.h"

namespace mmusim {

using PointSink = std::function<void(const PointResult&)>;

/// Points that one process does: one of them, or functional replays that read their trace together.
using PointTask = std::vector<size_t>;

/// Splits points of the plan into tasks of at most `most` points, in order; fewer where there would not be `workers`
/// tasks. `most` 1: each alone.
std::vector<PointTask> tasks_of(const SweepPlan& plan, const std::vector<size_t>& points, size_t most,
                                unsigned workers);

/// Points that read a trace together: few enough that their tables stay in the host's caches, many enough that reading
/// costs little for each.
inline constexpr size_t kMostTogether = 32;

/// Runs the points of a task and hands over what became of each. Points that were interrupted are not handed over. A
/// task of one point whose model has time can be done once by a process.
void do_points(const SweepPlan& plan, const PointTask& task, const PointHost& host, const PointSink& sink);

}  // namespace mmusim
