// SPDX-License-Identifier: MIT
#include "sim/commands/output_options.h"

namespace mmusim {

void add_output_options(CommandLine command, std::string& out, bool& force, const char* help) {
  command.add_option("--out", out, help).type_name("DIR");
  command.add_flag("--force", force, "Replace the results of an earlier run in that folder, which is refused else");
}

}  // namespace mmusim
