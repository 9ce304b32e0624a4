// SPDX-License-Identifier: MIT
#include "sim/commands/request_conversion.h"

#include "models/base/format.h"
#include "sim/commands/limit_options.h"
#include "sim/commands/replay_options.h"
#include "sim/experiment/replay_run.h"
#include "sim/host/text_output.h"
#include "sim/report/units.h"

namespace mmusim {

void add_request_options(CommandLine command, ReplayOptions& options) {
  add_machine_options(command, options);
  add_length_options(command, options.window);
  command.add_flag("--no-fetches", options.no_fetches, "Instruction fetches take one cycle and no part in translation");
  add_host_limit_options(command, options.limits);
}

void refuse_request_options(const ReplayOptions& o) {
  const TraceWindowText& w = o.window;
  const bool given = !o.platform.empty() || !o.core.empty() || !o.map.empty() || o.spaces_given || o.no_fetches ||
                     !o.map_overrides.sets.empty() || !w.skip.empty() || !w.warmup.empty() || !w.limit.empty();
  if (given) {
    throw InputError(
        fmt::format("options of a replay: they mean something only with --to {}; mmusim trace cut takes "
                    "parts of a trace",
                    request_form_names()));
  }
}

ExitCode convert_to_requests(const ReplayOptions& options, const std::string& file, RequestForm form) {
  const ReplayOutcome outcome = replay_to_requests(options, file, form);
  const std::string skipped = outcome.info.skipped_text();
  if (!skipped.empty()) print_error(fmt::format("{}: passed over: {}\n", outcome.info.file, skipped));
  if (!outcome.info.damage.empty()) print_error(fmt::format("{} (salvaged what comes before)\n", outcome.info.damage));
  if (outcome.result.faults != 0) {
    print_error(fmt::format("{}: warning: {} accesses faulted\n", outcome.info.file, grouped(outcome.result.faults)));
  }
  return ExitCode::kSuccess;
}

}  // namespace mmusim
