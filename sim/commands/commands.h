// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "models/base/errors.h"

namespace mmusim {

/// What the chosen subcommand does; main() runs it after the command line was understood.
using Action = std::function<ExitCode()>;

// One function for each subcommand, in the file of its name: adds the subcommand, its options and its help to `app`,
// and sets `action` when the subcommand is chosen.
// (kept in alphabetical order)
void add_compare_command(CLI::App& app, Action& action);
void add_dram_command(CLI::App& app, Action& action);
void add_explain_command(CLI::App& app, Action& action);
void add_presets_command(CLI::App& app, Action& action);
void add_replay_command(CLI::App& app, Action& action);
void add_report_command(CLI::App& app, Action& action);
void add_run_command(CLI::App& app, Action& action);
void add_scenario_command(CLI::App& app, Action& action);
void add_trace_command(CLI::App& app, Action& action);
void add_translate_command(CLI::App& app, Action& action);
void add_validate_command(CLI::App& app, Action& action);
void add_verify_command(CLI::App& app, Action& action);

/// --core: which core model the platform has, whatever it says itself. Empty if not given.
void add_core_option(CLI::App& command, std::string& core);
/// The assignment (--set) that --core stands for; none if it was not given.
std::vector<std::string> sets_of_core(const std::string& core);

}  // namespace mmusim
