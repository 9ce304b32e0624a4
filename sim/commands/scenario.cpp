// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/atomic_file.h"
#include "sim/recorded/derive.h"

namespace mmusim {

namespace {

struct Options {
  std::string from;
  std::string output;
};

ExitCode derive(const Options& options) {
  const DerivedScenario derived = derive_scenario(options.from);
  for (const std::string& note : derived.notes) fmt::print(stderr, "{}: {}\n", options.from, note);
  if (options.output.empty() || options.output == "-") {
    fmt::print("{}", derived.json);
  } else {
    write_file(options.output, derived.json);
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_scenario_command(CommandLine app, Action& action) {
  auto options = std::make_shared<Options>();
  CommandLine command = app.add_subcommand("scenario", "Write a scenario from a recorded kernel or a boot log");
  command
      .add_option("--from", options->from, "Page-table dump (JSON) or boot log (dmesg text); .gz, .bz2, .xz, .zst too")
      .required()
      .type_name("DUMP.json|DMESG.txt");
  command.add_option("-o,--output", options->output, "Where to write the scenario; standard output if missing")
      .type_name("S.json");
  command.footer(
      "Reads what the machine was given (memory map, reservations, processor, command line, actions), never what its\n"
      "kernel built from it. What had to be assumed is said on standard error.\n\n"
      "Example:\n"
      "  dmesg > server.txt && mmusim scenario --from server.txt -o server.json && mmusim run server.json");
  command.callback([options, &action] { action = [options] { return derive(*options); }; });
}

}  // namespace mmusim
