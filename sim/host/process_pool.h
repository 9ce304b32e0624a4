// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mmusim {

/// One program run to be made.
struct ChildJob {
  std::string label;
  std::vector<std::string> arguments;  ///< argv, the program's path first
  std::string output;                  ///< file that gets its standard output
  std::string errors;                  ///< file that gets its standard error
};

enum class ChildOutcome : uint8_t { kSucceeded, kFailed, kCrashed, kTimedOut, kInterrupted };

struct ChildResult {
  ChildOutcome outcome = ChildOutcome::kInterrupted;
  int code = 0;  ///< exit code, or number of the signal that killed it
  double wall_seconds = 0;
  double cpu_seconds = 0;
  long peak_memory_kib = 0;
  std::string explanation;  ///< for people: "exit code 2: scenario.json: /x: unknown key"; empty if it succeeded
};

struct PoolOptions {
  unsigned parallel = 1;                         ///< runs at once
  std::optional<double> timeout_seconds;         ///< of each run; then it is told to stop, later killed
  std::function<void(size_t done)> on_progress;  ///< called often; may be empty
};

/// Runs every job in a process of its own. One that fails, crashes or hangs does not disturb the others. When this
/// program is interrupted (sim/host/interrupts.h) the running children are told to stop and no more are started; they
/// also stop when this program is killed. Results are in the order of the jobs.
/// Throws EnvironmentError if processes cannot be made.
std::vector<ChildResult> run_children(const std::vector<ChildJob>& jobs, const PoolOptions& options);

/// Returns the number of processors that this process may use.
unsigned processors_available();

}  // namespace mmusim
