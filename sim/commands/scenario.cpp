// SPDX-License-Identifier: MIT
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/bootlog/derive.h"
#include "sim/commands/commands.h"
#include "sim/crashdump/dumped_machine.h"
#include "sim/host/atomic_file.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

struct Options {
  std::vector<std::string> from;
  std::string boot;
  std::optional<std::string> ask;
  std::string output;
};

/// The number of --boot: 1 is the first boot of a log, 0 the last, -1 the one before it.
BootNumber boot_number(const std::string& text) {
  if (text.empty()) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw InputError(fmt::format("--boot {:.40}: expected a number: 1 is the first boot, 0 the last", text));
  }
  return number;
}

std::optional<Question> question(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  if (*word == "base-vs-huge") return Question::kBaseVsHuge;
  if (*word == "hvo") return Question::kHvo;
  if (*word == "hotadd") return Question::kHotAdd;
  return *word == "dax" ? Question::kDax : Question::kGuest;
}

DerivedScenario scenario_of(const Options& options) {
  if (!dump_form(options.from.front()))
    return derive_scenario(options.from, boot_number(options.boot), question(options.ask));
  if (options.from.size() > 1 || options.ask || !options.boot.empty()) {
    throw InputError(options.from.front() + ": a crash dump goes alone, without --boot and --ask");
  }
  return read_dumped_machine(options.from.front()).derived;
}

ExitCode derive(const Options& options) {
  const DerivedScenario derived = scenario_of(options);
  for (const std::string& note : derived.notes) print_error(fmt::format("{}: {}\n", options.from.front(), note));
  if (options.output.empty() || options.output == "-") {
    print_json(derived.json);
  } else {
    write_file(options.output, derived.json);
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_scenario_command(CommandLine app, Action& action) {
  auto options = std::make_shared<Options>();
  CommandLine command =
      app.add_subcommand("scenario", "Write a scenario from a recorded kernel or from what a machine tells of itself");
  command
      .add_option(
          "--from", options->from,
          "A page-table dump (JSON); or a boot log (dmesg, journalctl, syslog, console), /proc/iomem,\n"
          "/sys/firmware/memmap, lsmem, numactl -H, a sosreport (folder or tarball), several of them together;\n"
          ".gz, .bz2, .xz, .zst too; or a crash dump (kdump, ELF vmcore)")
      .required()
      .one_at_a_time()
      .type_name("FILE");
  command
      .add_option("--boot", options->boot,
                  "Which boot of a log that holds several: 1 is the first, 0 the last, -1 the one before; the last "
                  "if missing")
      .type_name("N");
  command
      .add_option("--ask", options->ask,
                  "Phases and variants that answer a question, in sizes that the files tell: mmusim compare S.json")
      .one_of({"base-vs-huge", "hvo", "hotadd", "dax", "guest"});
  command.add_option("-o,--output", options->output, "Where to write the scenario; standard output if missing")
      .type_name("S.json");
  command.footer(
      "Reads what the machine was given (memory map, reservations, processor, command line, actions), never what its\n"
      "kernel built from it. What the files tell twice is compared: the first line on standard error sums up the "
      "memory\n"
      "and says what agrees; what disagrees, and what had to be assumed, is said below. Where memory is missing and\n"
      "nothing tells which, no scenario is written.\n\n"
      "Examples:\n"
      "  dmesg > server.txt && mmusim scenario --from server.txt -o server.json && mmusim run server.json\n"
      "  mmusim scenario --from server.txt --from iomem.txt --from lsmem.json -o server.json\n"
      "  mmusim scenario --from server.txt --ask hvo -o hvo.json && mmusim compare hvo.json");
  command.callback([options, &action] { action = [options] { return derive(*options); }; });
}

}  // namespace mmusim
