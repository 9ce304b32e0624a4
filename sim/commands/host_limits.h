// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/commands/command_line.h"
#include "sim/system/host_memory_cost.h"
#include "sim/system/watchdog.h"

namespace mmusim {

/// What a simulation may take of the host before it is stopped, and how closely it is watched.
struct HostLimits {
  std::string max_memory;
  unsigned watchdog_seconds = 600;
  bool paranoid = false;

  /// Throws InputError where --max-memory is no size.
  WatchdogLimits watchdog() const { return {watchdog_seconds, host_memory_limit(max_memory)}; }
};

void add_max_memory_option(CommandLine command, std::string& max_memory);
/// --max-memory, --watchdog and --paranoid.
void add_host_limit_options(CommandLine command, HostLimits& limits);

}  // namespace mmusim
