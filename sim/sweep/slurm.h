// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/sweep.h"

namespace mmusim {

/// A sweep on a cluster with Slurm, as `mmusim sweep --slurm` is asked for it.
struct SlurmRequest {
  SweepRequest sweep;           ///< `jobs` is not used: a task has the processors that Slurm gives it
  std::string options;          ///< for sbatch, separated by blanks: "--partition=short --time=30"
  std::optional<size_t> chunk;  ///< points of a task; missing: so many that there are 200 tasks
  bool wait = true;             ///< collect results until all points are done; false: submit and return
  double poll_seconds = 2;      ///< between two looks at the queue
};

struct SlurmOutcome {
  SweepOutcome sweep;
  std::vector<std::string> active;  ///< jobs of the sweep that are in the queue
  std::string problem;              ///< why it gave up; empty if it did not
};

/// Submits one job array for the points that are neither finished nor in the queue, collects what the tasks write, and
/// submits again what got lost, until all points are done or three submissions in a row finished none. Begun again after
/// any end, it goes on. Throws as run_sweep() does, and EnvironmentError where sbatch refuses.
SlurmOutcome run_sweep_on_slurm(const SlurmRequest& request);

/// Returns the jobs of the sweep in the folder that are in the queue.
std::vector<std::string> active_slurm_jobs(const std::string& folder);

}  // namespace mmusim
