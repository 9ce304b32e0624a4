// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/database.h"
#include "sim/sweep/sweep_spec.h"

namespace mmusim {

/// A sweep as `mmusim sweep` is asked for it.
struct SweepRequest {
  SweepSpec spec;
  std::string out;    ///< folder of the results
  unsigned jobs = 1;  ///< processes at once
  std::optional<double>
      timeout_seconds;  ///< after which a point counts as hung; of points that share a trace, together
  bool retry = false;   ///< run failed points again
  PointHost host;
};

struct SweepOutcome {
  SweepCounts counts;
  bool interrupted = false;
  std::string text;    ///< best points and knees, for people
  std::string report;  ///< path of report.html; empty in a program that is built without it
};

/// Names of the files of a sweep in its folder.
inline constexpr const char* kSweepFile = "/sweep.json";
inline constexpr const char* kSweepDatabase = "/sweep.sqlite";

/// Runs all points that are not finished yet, each in a process of its own or several that read a trace together, and
/// writes sweep.json, sweep.sqlite, sweep.csv and report.html. Killed at any moment, it loses the points under way.
/// Throws InputError for a sweep that cannot be run, EnvironmentError where the folder is another sweep's at the moment
/// or the host gives out; points that fail are part of the outcome.
SweepOutcome run_sweep(const SweepRequest& request);

// The steps that sweeps on this host and on a cluster have in common.

/// Plans the sweep and refuses folders that hold something else.
SweepPlan prepare_sweep(const SweepRequest& request);
/// Writes sweep.json and opens the database with the plan's points. Call while the folder is held.
std::unique_ptr<SweepDatabase> open_sweep(const SweepRequest& request, const SweepPlan& plan);

/// Estimate of what a sweep takes.
struct SweepEstimate {
  SweepCounts counts;
  uint64_t refused = 0;  ///< of the points: their configuration is wrong
  std::string refusal;   ///< of the first of these
  double seconds = 0;    ///< expected for those that are pending
  size_t measured = 0;   ///< points that were run to know
};

/// Runs a few points that are pending, keeps nothing, and says how long all will take.
SweepEstimate estimate_sweep(const SweepRequest& request);

/// Returns how far the sweep in the folder is. Throws InputError if there is none.
SweepCounts status_of_sweep(const std::string& folder);

/// Writes sweep.csv and report.html from the database.
SweepOutcome write_sweep_results(SweepDatabase& database, const SweepPlan& plan, const std::string& folder);

}  // namespace mmusim
