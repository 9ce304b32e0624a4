// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/commands/command_line.h"

namespace mmusim {

/// Adds --cr3, of a page-table image or crash dump: see parse_root_choice().
void add_cr3_option(CommandLine command, std::string& cr3);

}  // namespace mmusim
