// SPDX-License-Identifier: MIT
#include "sim/commands/limit_options.h"

namespace mmusim {

void add_max_memory_option(CommandLine command, std::string& max_memory) {
  command
      .add_option("--max-memory", max_memory,
                  "Host memory the simulation may take (\"8GiB\"); more is refused before it is built, or stops it "
                  "with exit code 3. Default: what this host, its control groups and limits leave")
      .type_name("SIZE");
}

void add_host_limit_options(CommandLine command, HostLimits& limits) {
  add_max_memory_option(command, limits.max_memory);
  command
      .add_option("--watchdog", limits.watchdog_seconds,
                  "Stop with a report of who waits for whom if simulated time stands still for so many seconds of the "
                  "host; 0: never")
      .capture_default_str()
      .type_name("SECONDS");
  command.add_flag("--paranoid", limits.paranoid,
                   "Compare every translation with a walk of its own, and the TLBs with the page tables after each "
                   "flush; much slower, same result");
}

}  // namespace mmusim
