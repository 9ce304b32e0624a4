// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/host/memory.h"
#include "sim/host/watchdog.h"
#include "sim/machine/machine.h"

namespace mmusim {

/// A machine as the watchdog sees it.
class WatchedMachine final : public Watched {
 public:
  explicit WatchedMachine(const Machine& machine) : machine_(machine) {}
  bool running() const override { return machine_.running(); }
  uint64_t reached_cycle() const override { return machine_.reached().count; }
  std::string wait_report() const override { return machine_.who_waits(); }

 private:
  const Machine& machine_;
};

/// Limits of a simulation on the host, and how closely they are watched.
struct HostLimits {
  std::string max_memory;           ///< a size such as "8GiB"; empty: what the host has left
  unsigned watchdog_seconds = 600;  ///< without progress in simulated time; 0: for ever
  bool paranoid = false;            ///< compare every translation with a walk of its own

  /// Throws InputError where max_memory is no size.
  WatchdogLimits watchdog() const { return {watchdog_seconds, host_memory_limit(max_memory)}; }
};

}  // namespace mmusim
