// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "models/base/key_schema.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"
#include "sim/report/summary_schema.h"
#include "sim/scenario/known_keys.h"
#include "sim/sweep/sweep_keys.h"
#include "sim/trace/event_log_schema.h"

namespace mmusim {

namespace {

nlohmann::ordered_json schema_of(const std::string& kind) {
  if (kind == "events") return event_log_schema();
  if (kind == "summary") return summary_schema();
  if (kind == "platform")
    return key_schema(platform_keys(), {"A platform of mmusim", "configs/platforms/*.json: a machine."});
  if (kind == "dram")
    return key_schema(dram_keys(), {"A DRAM device of mmusim", "configs/dram/*.json: a device and its controller."});
  if (kind == "sweep")
    return key_schema(sweep_keys(), {"A sweep of mmusim", "SWEEP.json: one scenario or trace at many points."});
  return key_schema(
      scenario_keys(),
      {"A scenario of mmusim", "configs/scenarios/*.json: a machine, a kernel on it, and what happens to them."});
}

}  // namespace

void add_schema_command(CommandLine app, Action& action) {
  auto kind = std::make_shared<std::string>();
  auto markdown = std::make_shared<bool>(false);
  CommandLine command = app.add_subcommand("schema", "JSON Schema of the files that mmusim reads and writes");
  command.add_option("KIND", *kind, "platform, dram, scenario, sweep, events (a record of the event log) or summary")
      .required()
      .one_of({"platform", "dram", "scenario", "sweep", "events", "summary"});
  command.add_flag("--markdown", *markdown, "Of events: the tables of traces/README.md instead");
  command.footer(
      "Draft 2020-12, made by the code that reads or writes the files. Editors complete and check with it.\n\n"
      "Examples:\n"
      "  mmusim schema platform > platform.schema.json\n"
      "  mmusim schema events | head -5");
  command.callback([kind, markdown, &action] {
    action = [kind, markdown] {
      if (*markdown && *kind != "events") {
        throw InputError(
            "schema --markdown: only events have it; `mmusim keys --markdown` lists those of the other files");
      }
      if (*markdown) {
        print_text(event_log_tables());
        return ExitCode::kSuccess;
      }
      print_text(fmt::format("{}\n", schema_of(*kind).dump(1)));
      return ExitCode::kSuccess;
    };
  });
}

}  // namespace mmusim
