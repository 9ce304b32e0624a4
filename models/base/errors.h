// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace mmusim {

/// Exit codes of the program.
enum class ExitCode : int { kSuccess = 0, kJobFailed = 1, kBadInput = 2, kEnvironment = 3 };

/// The user's input is wrong. The text names the place, what is wrong and what was expected; exit 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The simulated job failed, say populate returned -ENOMEM and nothing expected it; exit 1.
class JobError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The host let us down: a file cannot be opened, a disk is full; exit 3.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Builds the environment error for a failed system call on `path`, with the text of `error_number` (an errno value).
EnvironmentError system_error(const std::string& action, const std::string& path, int error_number);

/// Sets the command line that repeats this very run; internal_error() prints it. Empty: nothing is printed.
void set_reproduction(std::string command);
const std::string& reproduction();

/// An inconsistency inside the simulator: says where and stops the program. Never returns.
[[noreturn]] void internal_error(const char* file, int line, const std::string& what);

/// Stops with internal_error() if the condition does not hold.
[[noreturn]] void internal_error(const char* file, int line, const char* condition, const std::string& what);

/// Checked in every build: what holds unless mmusim itself is wrong.
#define MMUSIM_INVARIANT(condition, what)                             \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::mmusim::internal_error(__FILE__, __LINE__, #condition, what); \
  } while (false)

}  // namespace mmusim
