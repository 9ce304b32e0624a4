// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/experiment/replay_setup.h"
#include "sim/experiment/run.h"
#include "sim/sweep/sweep_spec.h"

namespace mmusim {

/// One value of each axis.
struct Combination {
  std::string input;
  std::vector<nlohmann::json> labels;  ///< one for each of SweepPlan::axes
  std::vector<std::string> sets;       ///< of the sweep, then of the axes
  uint64_t first_seed = 1;
  std::string error;  ///< why it cannot run; empty if it can
};

/// One run of a combination.
struct SweepPoint {
  std::string id;          ///< 32 hex digits: hash of effective configuration, inputs, seed and program version
  size_t combination = 0;  ///< index
  uint64_t seed = 1;
};

/// All points of a sweep, in their order: the last axis fastest, then the seed.
struct SweepPlan {
  SweepSpec spec;
  std::vector<std::string> axes;  ///< columns
  std::vector<Combination> combinations;
  std::vector<SweepPoint> points;

  const Combination& combination(size_t point) const { return combinations[points[point].combination]; }
};

/// Reads the effective configuration of every combination, as its run will. One that is wrong is kept with its error;
/// if all are, throws InputError with the first. Throws InputError as well where two points are the same.
SweepPlan plan_sweep(SweepSpec spec);

/// Limits and host settings of every point.
struct PointHost {
  HostLimits limits;
};

/// Returns the request that runs a point of a sweep of scenarios.
RunRequest run_request(const SweepPlan& plan, size_t point, const PointHost& host);
/// Returns the options that run a point of a sweep of traces.
ReplayOptions replay_options(const SweepPlan& plan, size_t point, const PointHost& host);

/// The command that runs the point alone, as a shell takes it.
std::string command_of(const SweepPlan& plan, size_t point);

/// True if the point is a functional replay that can read the trace together with others.
bool can_share(const ReplayOptions& options);

}  // namespace mmusim
