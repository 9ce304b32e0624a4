// SPDX-License-Identifier: MIT
#include "sim/experiment/run.h"

#include <memory>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/commands/output_options.h"
#include "sim/commands/recording_options.h"
#include "sim/experiment/result_folder.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

ExitCode run(const RunRequest& request) {
  const RunOutcome outcome = run_one(request);
  print_text(text_report(outcome.summary, outcome.times) + "\n" + results_line(outcome.directory));
  if (!outcome.failure.empty()) throw JobError(outcome.failure);
  return ExitCode::kSuccess;
}

}  // namespace

void add_run_command(CommandLine app, Action& action) {
  auto options = std::make_shared<RunRequest>();
  CommandLine command = app.add_subcommand("run", "Run one scenario");
  command.add_option("scenario", options->scenario, "Scenario file, or the name of a shipped one (see presets)")
      .required()
      .type_name("SCENARIO.json");
  add_output_options(command, options->out, options->force,
                     "Where summary, event log and kernel log go; out/NAME if missing");
  add_platform_option(command, options->overrides.platform, "if missing, the scenario's");
  add_set_option(command, options->overrides.sets);
  add_core_option(command, options->core);
  command.add_option("--variant", options->overrides.variant, "Apply one of the scenario's variants");
  command.add_option("--seed", options->overrides.seed, "Seed of everything random").type_name("N").unsigned_number();
  command
      .add_option("--events", options->recordings.events,
                  "What the event log holds: none, or some of pte,tables,walks,accesses,ipis,all")
      .capture_default_str();
  add_recording_options(command, options->recordings, "Write the vmemmap page tables of each stage (JSON)",
                        "Write the accesses, and what made the page tables, as a trace for replay (.mmt or .jsonl, and "
                        ".gz, .xz or .zst)",
                        "--form,--record-form");
  command.add_flag("--lock-step", options->lock_step, "Never run ahead of other processes: slower, same result");
  add_host_limit_options(command, options->limits);
  command.footer(
      "Examples:\n"
      "  mmusim run boot-base-vs-huge --variant hugepages --out out/huge\n"
      "  mmusim run boot-base-vs-huge --record boot.mmt.zst\n"
      "  mmusim run boot-base-vs-huge --platform genoa --set /kernel/levels=5 --set /platform/page_walkers/walkers=2");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
