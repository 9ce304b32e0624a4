// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/sweep/sweep.h"

namespace mmusim {

/// Points that are given to tasks elsewhere: one file in the folder "shards" of the sweep.
struct Submission {
  std::string path;                 ///< of the file
  SweepSpec spec;                   ///< the sweep they belong to
  std::vector<std::string> points;  ///< ids, in order
  size_t chunk = 1;                 ///< points of a task
  std::string job;                  ///< its number with the batch system; empty: not known

  size_t tasks() const { return (points.size() + chunk - 1) / chunk; }
};

/// Writes the file of a new submission into `folder`, under the next free number.
Submission new_submission(const std::string& folder, const SweepSpec& spec, std::vector<std::string> points,
                          size_t chunk);
/// Notes the job of a submission beside its file.
void note_job(Submission& submission, const std::string& job);
/// Returns all submissions of a sweep's folder, oldest first. Throws InputError for a damaged file.
std::vector<Submission> submissions_in(const std::string& folder);

/// Does one task: runs its points that no shard of it has yet, and appends each result to a shard of its own, one line
/// of JSON. Killed and begun again, or begun twice at once, it changes nothing but the time.
struct TaskRequest {
  std::string submission;  ///< path of the submission's file
  size_t task = 0;
  unsigned jobs = 1;
  std::optional<double> timeout_seconds;
  PointHost host;
};
void run_task(const TaskRequest& request);

/// Splits the points that are to do into so many tasks, for tools that run programs (GNU parallel, Snakemake). Returns
/// what each task is called: FILE:NUMBER for `--task`. run_sweep() collects the results.
std::vector<std::string> split_sweep(const SweepRequest& request, size_t tasks);

/// Reads what the shards of a folder have that was not read before.
class ShardReader {
 public:
  explicit ShardReader(std::string folder) : folder_(std::move(folder)) {}
  /// Hands over each whole line. A line that is cut, or being written, is left for the next time.
  void read(const std::function<void(const PointResult&)>& sink);
  /// Removes all shards and submissions: everything in them is in the database.
  void remove() const;

 private:
  std::string folder_;
  std::map<std::string, uint64_t> read_;  // bytes of each file
};

}  // namespace mmusim
