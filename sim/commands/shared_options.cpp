// SPDX-License-Identifier: MIT
#include "sim/commands/commands.h"

namespace mmusim {

void add_core_option(CommandLine command, std::string& core) {
  command
      .add_option("--core", core,
                  "Core model, whatever the platform says: blocking (one access after the other) or window (out of "
                  "order)")
      .one_of({"blocking", "window"});
}

std::string report_line(const std::string& path) {
  if (!path.empty()) return "report: " + path;
  return "this program was built without the HTML report (Vega was missing, or MMUSIM_HTML_REPORT was off)";
}

}  // namespace mmusim
