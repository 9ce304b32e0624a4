// SPDX-License-Identifier: MIT
#pragma once

#include "sim/commands/commands.h"

namespace mmusim {

/// As the functions of commands.h.
void add_sweep_command(CommandLine app, Action& action);

}  // namespace mmusim
