// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <systemc>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/interrupts.h"

namespace {

using namespace mmusim;

int run(int argc, char** argv) {
  Action action;
  const auto done = parse_command_line(argc, argv, [&](CommandLine app) {
    // Subcommands, in alphabetical order.
    add_compare_command(app, action);
    add_dram_command(app, action);
    add_explain_command(app, action);
    add_keys_command(app, action);
    add_presets_command(app, action);
    add_replay_command(app, action);
    add_report_command(app, action);
    add_run_command(app, action);
    add_scenario_command(app, action);
    add_schema_command(app, action);
    add_trace_command(app, action);
    add_translate_command(app, action);
    add_validate_command(app, action);
    add_verify_command(app, action);
  });
  if (done) return *done;
  const ExitCode code = action();
  flush_standard_output();
  if (stop_reason() != nullptr) fmt::print(stderr, "{}", stop_reason());
  if (const int interrupted = interrupt_exit_code(); interrupted != 0) return interrupted;
  return static_cast<int>(code);
}

}  // namespace

/// The command line as a shell would take it.
std::string command_line(int argc, char** argv) {
  std::string text = "mmusim";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool plain =
        argument.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%") ==
        std::string::npos;
    text += ' ';
    if (plain && !argument.empty()) {
      text += argument;
      continue;
    }
    text += '\'';
    for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

/// What SystemC calls once its kernel is ready.
int sc_main(int argc, char** argv) {
  install_signal_handlers();
  set_reproduction(command_line(argc, argv));
  try {
    return run(argc, argv);
  } catch (const InputError& e) {
    if (const int interrupted = interrupt_exit_code(); interrupted != 0) return interrupted;  // a pipe that was cut
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kBadInput);
  } catch (const JobError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kJobFailed);
  } catch (const EnvironmentError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(ExitCode::kEnvironment);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "mmusim: the host has no memory left for this\n");
    return static_cast<int>(ExitCode::kEnvironment);
  } catch (const std::length_error&) {
    fmt::print(stderr, "mmusim: more memory was asked for than this host can address\n");
    return static_cast<int>(ExitCode::kEnvironment);
  } catch (const std::exception& e) {
    internal_error(__FILE__, __LINE__, std::string("unexpected exception: ") + e.what());
  }
}

int main(int argc, char** argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", /*overwrite=*/0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
