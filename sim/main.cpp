// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <systemc>

#include <CLI/CLI.hpp>

#include "models/base/errors.h"
#include "sim/commands/commands.h"
#include "sim/output/signals.h"

namespace {

using namespace mmusim;

int run(int argc, char** argv) {
  CLI::App app{"mmusim: a cycle-accurate simulator of the x86-64 MMU and of Linux's vmemmap on it"};
  app.set_version_flag("--version", "mmusim " MMUSIM_VERSION);
  app.require_subcommand(1);
  Action action;
  // Subcommands, in alphabetical order.
  add_compare_command(app, action);
  add_dram_command(app, action);
  add_explain_command(app, action);
  add_presets_command(app, action);
  add_replay_command(app, action);
  add_report_command(app, action);
  add_run_command(app, action);
  add_scenario_command(app, action);
  add_trace_command(app, action);
  add_translate_command(app, action);
  add_validate_command(app, action);
  add_verify_command(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return static_cast<int>(ExitCode::kBadInput);
  }
  const ExitCode code = action();
  flush_standard_output();
  if (const int interrupted = interrupt_exit_code(); interrupted != 0) return interrupted;
  return static_cast<int>(code);
}

}  // namespace

/// What SystemC calls once its kernel is ready.
int sc_main(int argc, char** argv) {
  install_signal_handlers();
  try {
    return run(argc, argv);
  } catch (const InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kBadInput);
  } catch (const JobError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kJobFailed);
  } catch (const EnvironmentError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kEnvironment);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "mmusim: out of host memory\n");
    return static_cast<int>(ExitCode::kEnvironment);
  }
}

int main(int argc, char** argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", /*overwrite=*/0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
