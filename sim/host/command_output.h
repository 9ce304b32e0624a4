// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace mmusim {

/// Output of a program, and its end.
struct CommandOutput {
  int code = 0;        ///< exit code; 127 if there is no such program, 128 + the number of the signal that killed it
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// Runs a program (argv, its name first, looked for in PATH) with empty standard input and waits for it. The caller has
/// no threads. Throws EnvironmentError if no process can be made.
CommandOutput run_command(const std::vector<std::string>& arguments);

/// Returns the path of the running program.
std::string own_program();
/// Returns the name of this host.
std::string host_name();

}  // namespace mmusim
