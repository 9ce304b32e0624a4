// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/commands/command_line.h"

namespace mmusim {

/// Adds --out, with `help`, and --force.
void add_output_options(CommandLine command, std::string& out, bool& force, const char* help);

}  // namespace mmusim
