// SPDX-License-Identifier: MIT
#include "sim/experiment/compare.h"

#include <memory>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/host/process_pool.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

ExitCode print_comparison(const CompareRequest& request) {
  const CompareOutcome outcome = compare(request);
  print_text(fmt::format("{}\n{}\n", outcome.comparison.table(), report_line(outcome.report)));
  return outcome.comparison.any_failed() ? ExitCode::kJobFailed : ExitCode::kSuccess;
}

}  // namespace

void add_compare_command(CommandLine app, Action& action) {
  CommandLine command =
      app.add_subcommand("compare", "Run scenarios, or the variants of one, side by side; table, JSON, CSV and report");
  auto options = std::make_shared<CompareRequest>();
  options->jobs = processors_available();
  command
      .add_option("SCENARIO", options->scenarios, "Scenario files or names of shipped ones; the first is the baseline")
      .required();
  command.add_option("--out", options->out, "Directory for the results (default: out/compare-NAME)");
  command
      .add_option("--platform", options->platforms,
                  "Run each on this platform (name of a shipped one, or a file) instead of its own; as often as wanted")
      .type_name("NAME|FILE")
      .one_at_a_time();
  add_core_option(command, options->core);
  add_set_option(command, options->sets);
  command.add_option("--events", options->events,
                     "What each run logs, as for `run` (default: pte, which the report's tables are told from, up to "
                     "128 GiB of memory)");
  command.add_option("--jobs", options->jobs, "Runs at once (default: the processors of this machine)").range(1, 1024);
  command.add_option("--repeat", options->repeat, "Runs of each with seeds counting up; mean and 95 % interval")
      .range(1, 1000);
  command.add_option("--timeout", options->timeout, "Seconds after which a run counts as hung").positive_number();
  add_max_memory_option(command, options->max_memory);
  command.add_option("--program", options->program).hidden();
  command.footer(
      "The first scenario or variant is the baseline of all ratios. Exit code 1 if any run failed; the others finish.\n"
      "Examples:\n"
      "  mmusim compare boot-base-vs-huge --out out/boot\n"
      "  mmusim compare boot-base-vs-huge --platform milan --platform textbook --repeat 5");
  command.callback([options, &action] { action = [options] { return print_comparison(*options); }; });
}

}  // namespace mmusim
