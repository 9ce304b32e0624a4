// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/base/errors.h"
#include "sim/commands/command_line.h"

namespace mmusim {

/// Action of the chosen subcommand; main() runs it after the command line was understood.
using Action = std::function<ExitCode()>;

// One function for each subcommand, in the file of its name: adds the subcommand, its options and its help to `app`,
// and sets `action` when the subcommand is chosen.
// (kept in alphabetical order)
void add_compare_command(CommandLine app, Action& action);
void add_completion_command(CommandLine app, Action& action);
void add_dram_command(CommandLine app, Action& action);
void add_explain_command(CommandLine app, Action& action);
void add_keys_command(CommandLine app, Action& action);
void add_measure_command(CommandLine app, Action& action);
void add_presets_command(CommandLine app, Action& action);
void add_replay_command(CommandLine app, Action& action);
void add_report_command(CommandLine app, Action& action);
void add_run_command(CommandLine app, Action& action);
void add_scenario_command(CommandLine app, Action& action);
void add_schema_command(CommandLine app, Action& action);
void add_trace_command(CommandLine app, Action& action);
void add_translate_command(CommandLine app, Action& action);
void add_validate_command(CommandLine app, Action& action);
void add_verify_command(CommandLine app, Action& action);

/// Says where the report is, or that this program was built without it if `path` is empty.
std::string report_line(const std::string& path);

// Options of every command that has a machine.

/// --set: assignments for Settings.
void add_set_option(CommandLine command, std::vector<std::string>& sets);
/// --platform; `otherwise` says which platform it is without the option.
void add_platform_option(CommandLine command, std::optional<std::string>& platform, const std::string& otherwise);
/// --core: which core model the platform has, whatever it says itself. Empty if not given.
void add_core_option(CommandLine command, std::string& core);

}  // namespace mmusim
