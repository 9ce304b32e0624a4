// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <CLI/CLI.hpp>

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

/// Checks that an option is a number of 64 bits; CLI11 alone wraps negative ones around and cuts larger ones.
CLI::Validator unsigned_number();

void add_max_memory_option(CLI::App& command, std::string& max_memory);
/// --max-memory, --watchdog and --paranoid.
void add_host_limit_options(CLI::App& command, HostLimits& limits);

}  // namespace mmusim
