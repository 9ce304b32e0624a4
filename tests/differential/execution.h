// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "tests/differential/random_case.h"

namespace mmusim::differential {

/// One way to drive the same case.
struct Mode {
  std::string events = "none";
  bool lock_step = false;
  bool paranoid = false;
  bool record = false;  ///< a run's accesses, into the folder's `record.mmt`
  /// Replays the trace that another execution of a run left in this folder, in place of the case itself.
  std::string recorded_in;
  bool functional = false;
};

/// What an execution left.
struct Execution {
  enum class End : uint8_t {
    kDone,         ///< summary.json is there
    kRefused,      ///< bad input: the case is invalid in a way that only the run itself finds
    kJobFailed,    ///< a phase returned what it did not expect; summary.json is there
    kUnavailable,  ///< this way of driving does not exist for the case (a recording of several cores)
    kDied,         ///< an invariant, a signal, a standstill, memory
  };
  End end = End::kDied;
  std::string said;                ///< the error text
  nlohmann::ordered_json summary;  ///< without what may differ: host, program, command, name, configuration
  std::string events;              ///< the event log, compressed as written
};

/// Executes a case in a child of this process (SystemC elaborates once in each), in the existing directory `folder`,
/// which then holds its files. Not reentrant: one at a time in each process.
Execution execute(const Case& one, const Mode& mode, const std::string& folder);

}  // namespace mmusim::differential
