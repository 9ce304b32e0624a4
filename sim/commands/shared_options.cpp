// SPDX-License-Identifier: MIT
#include "sim/commands/commands.h"

namespace mmusim {

void add_set_option(CommandLine command, std::vector<std::string>& sets) {
  command
      .add_option("--set", sets,
                  "Change one key before anything is read, as often as wanted; `mmusim keys` lists them: "
                  "/platform/tlbs/stlb/arrays/0/entries=2048")
      .type_name("/json/pointer=VALUE")
      .one_at_a_time();
}

void add_platform_option(CommandLine command, std::optional<std::string>& platform, const std::string& otherwise) {
  command.add_option("--platform", platform, "Platform: name of a shipped one (see presets), or a file; " + otherwise)
      .type_name("NAME|FILE");
}

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
