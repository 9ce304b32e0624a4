// SPDX-License-Identifier: MIT
#pragma once

#include "sim/commands/command_line.h"
#include "sim/experiment/replay_setup.h"

namespace mmusim {

/// Adds the options that decide on what a trace is replayed: platform, core, page tables, seed, flushes.
void add_machine_options(CommandLine command, ReplayOptions& options);
/// Adds --skip, --warmup, --limit.
void add_length_options(CommandLine command, TraceWindowText& window);
/// Adds --sample and --roi.
void add_part_options(CommandLine command, TraceWindowText& window);

}  // namespace mmusim
