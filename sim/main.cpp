// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <systemc>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/sweep.h"
#include "sim/crashdump/dump_tables.h"
#include "sim/host/interrupts.h"
#include "sim/host/text_output.h"

namespace {

using namespace mmusim;

int run(int argc, char** argv) {
  Action action;
  const auto done = parse_command_line(argc, argv, [&](CommandLine app) {
    // Subcommands, in alphabetical order.
    add_compare_command(app, action);
    add_completion_command(app, action);
    add_dram_command(app, action);
    add_explain_command(app, action);
    add_keys_command(app, action);
    add_measure_command(app, action);
    add_presets_command(app, action);
    add_replay_command(app, action);
    add_report_command(app, action);
    add_run_command(app, action);
    add_scenario_command(app, action);
    add_schema_command(app, action);
    add_sweep_command(app, action);
    add_trace_command(app, action);
    add_translate_command(app, action);
    add_validate_command(app, action);
    add_verify_command(app, action);
  });
  if (done) {
    flush_standard_output();
    return *done;
  }
  const ExitCode code = action();
  flush_standard_output();
  if (stop_reason() != nullptr) print_error(stop_reason());
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
    if (visible_text(argument, LineBreaks::kShown) != argument) {
      text += "$'";
      for (const char c : argument) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      text += '\'';
      continue;
    }
    text += '\'';
    for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

/// Says an error and returns the exit code that goes with it.
int report_failure(const std::string& what, ExitCode code) {
  print_error(what + "\n");
  return static_cast<int>(code);
}

/// A system call, of a library for example, that gave up when a signal came.
bool names_interruption(std::string_view what) { return what.ends_with(std::strerror(EINTR)); }

/// Function that SystemC calls once its kernel is ready.
int sc_main(int argc, char** argv) {
  install_signal_handlers();
  set_reproduction(command_line(argc, argv));
  register_crash_dumps();
  const auto interrupted = [] { return interrupt_exit_code() != 0; };
  try {
    return run(argc, argv);
  } catch (const InputError& e) {
    if (interrupted()) return interrupt_exit_code();  // a pipe that was cut
    return report_failure(e.what(), ExitCode::kBadInput);
  } catch (const JobError& e) {
    return report_failure(e.what(), ExitCode::kJobFailed);
  } catch (const InterruptedError&) {
    return interrupt_exit_code();
  } catch (const EnvironmentError& e) {
    if (interrupted() && names_interruption(e.what())) return interrupt_exit_code();
    return report_failure(e.what(), ExitCode::kEnvironment);
  } catch (const std::bad_alloc&) {
    return report_failure("mmusim: the host has no memory left for this", ExitCode::kEnvironment);
  } catch (const std::length_error&) {
    return report_failure("mmusim: more memory was asked for than this host can address", ExitCode::kEnvironment);
  } catch (const std::system_error& e) {  // the standard library: a file it may not look at, a thread it was refused
    return report_failure(std::string("mmusim: ") + e.what(), ExitCode::kEnvironment);
  } catch (const std::exception& e) {
    internal_error(__FILE__, __LINE__, std::string("unexpected exception: ") + e.what());
  }
}

int main(int argc, char** argv) {
  occupy_standard_streams();
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", /*overwrite=*/0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
