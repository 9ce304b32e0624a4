// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mmusim {

/// End of a forked task.
struct ForkedEnd {
  bool succeeded = false;    ///< work() returned
  bool interrupted = false;  ///< this program was told to stop, and told the task
  bool killed = false;       ///< by a SIGKILL that is not ours: a person, a batch system, or for want of memory
  double wall_seconds = 0;
  std::string explanation;  ///< for people, if it did not succeed: "killed by signal 9 (Killed)"
};

/// Tasks that run_forked() spreads over processes, each a copy of this one. All functions but work() are called in the
/// program itself.
class ForkedWork {
 public:
  virtual ~ForkedWork() = default;

  /// Returns the number of a task to begin now; nullopt where there is none (any more, or for the moment).
  virtual std::optional<size_t> next() = 0;
  /// Does a task, in a process of its own that has no open files but the standard streams (input and output empty, what
  /// it says on standard error becomes the explanation of a failure). `send` gives a message to the program.
  virtual void work(size_t task, const std::function<void(std::string_view)>& send) = 0;
  /// Receives a message of work(), whole and in order. Those sent before a task died arrive.
  virtual void message(size_t task, std::string_view text) = 0;
  /// The task is over; all its messages were received.
  virtual void ended(size_t task, const ForkedEnd& end) = 0;
  /// Is called about ten times a second.
  virtual void idle() {}
};

/// Runs tasks until there are none, up to `parallel` at once. A task that fails, crashes or takes longer than
/// `timeout_seconds` does not disturb the others. When this program is interrupted (sim/host/interrupts.h) the running
/// tasks are told to stop and no more are begun; they also stop when this program is killed. The caller has no threads.
/// Throws EnvironmentError if processes cannot be made.
void run_forked(ForkedWork& work, unsigned parallel, std::optional<double> timeout_seconds);

}  // namespace mmusim
