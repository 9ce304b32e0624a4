// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/commands/command_line.h"
#include "sim/experiment/limits.h"

namespace mmusim {

/// Adds --max-memory.
void add_max_memory_option(CommandLine command, std::string& max_memory);
/// Adds --max-memory, --watchdog and --paranoid.
void add_host_limit_options(CommandLine command, HostLimits& limits);

}  // namespace mmusim
