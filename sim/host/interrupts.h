// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "models/base/errors.h"

namespace mmusim {

namespace detail {
extern std::atomic<int> pending_signal;
extern std::atomic<bool> interrupt_noticed;
extern std::atomic<uint64_t> interrupt_polls;
}  // namespace detail

/// Thrown where the program waits for another one (the other end of a FIFO) and is interrupted meanwhile.
class InterruptedError : public EnvironmentError {
 public:
  explicit InterruptedError(const std::string& path) : EnvironmentError(path + ": interrupted") {}
};

/// Prepares the program for signals. Call once, from main().
///
/// SIGINT, SIGTERM, SIGQUIT, SIGXCPU, and SIGHUP unless it is ignored (nohup), set a flag; a second one from a keyboard
/// or from kill(1) (SIGINT, SIGTERM, SIGQUIT) quits at once. While the flag stands, a timer interrupts blocked system
/// calls every 100 ms, and gives up a program that cannot reach a point to stop at: one that no loop asks
/// interrupt_requested() in for two seconds of processor time (or waits for two seconds), and one that does not finish
/// within a minute after that. SIGPIPE ends the program quietly; a file beyond RLIMIT_FSIZE is an error of write()
/// rather than a death; children can be waited for although SIGCHLD was ignored or these signals were blocked by the
/// parent. A program that aborts or crashes leaves no temporary files either.
void install_signal_handlers();

/// Opens /dev/null in place of standard streams that are closed, so that no file takes their numbers and receives what
/// is printed. Writing to a standard output that was closed still fails. Call once, first in main().
void occupy_standard_streams();

/// Returns true once the program was told to stop, from any thread. Costs one relaxed load.
inline bool interrupt_pending() { return detail::pending_signal.load(std::memory_order_relaxed) != 0; }

/// Returns how often interrupt_requested() was called: while that grows, the program gets somewhere.
inline uint64_t interrupt_polls() { return detail::interrupt_polls.load(std::memory_order_relaxed); }

/// Like interrupt_pending(), for the main thread: the caller will now finish the current record, close its files and mark
/// the summary interrupted. Running loops ask at each record or each few hundred accesses.
inline bool interrupt_requested() {
  detail::interrupt_polls.store(interrupt_polls() + 1, std::memory_order_relaxed);
  if (!interrupt_pending()) [[likely]]
    return false;
  detail::interrupt_noticed.store(true, std::memory_order_relaxed);
  return true;
}

/// Makes running loops stop as an interrupt does; the program then prints `why` (which stays valid) and exits 3.
/// Callable from signal handlers.
void request_stop(const char* why);
/// Returns the reason given to request_stop(); nullptr if it was not called.
const char* stop_reason();
/// Removes temporary files and ends the program. Callable from signal handlers.
[[noreturn]] void leave_at_once(int code);

/// Returns 128 + the number of the signal that asked for the end (130 for SIGINT, 143 for SIGTERM), 3 after
/// request_stop(), 0 if none came.
int interrupt_exit_code();

/// Returns the processor time that the process has used, in seconds. Callable from signal handlers.
double processor_seconds();

/// Remembers a file that the handlers remove when the program dies by a signal. Up to 16 at a time; more are kept but
/// not remembered.
void remember_temporary(const std::string& path);
void forget_temporary(const std::string& path);

/// Flushes standard output; throws EnvironmentError if anything printed could not be written (a full disk, a stream
/// that was closed).
void flush_standard_output();

}  // namespace mmusim
