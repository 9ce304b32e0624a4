// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string>

namespace mmusim {

namespace detail {
extern std::atomic<int> pending_signal;
}

/// Makes SIGINT and SIGTERM set a flag (the second one quits at once), SIGPIPE end the program quietly, and a file
/// beyond RLIMIT_FSIZE an error of write() rather than a death. A program that aborts or crashes leaves no temporary
/// files either. Call once, from main().
void install_signal_handlers();

/// True once SIGINT or SIGTERM came. Costs one relaxed load: running loops poll it at each record or each few hundred
/// accesses, finish the current record, close their files and mark the summary interrupted.
inline bool interrupt_requested() { return detail::pending_signal.load(std::memory_order_relaxed) != 0; }

/// Makes running loops stop as an interrupt does; the program then prints `why` (which stays valid) and exits 3.
/// Callable from signal handlers.
void request_stop(const char* why);
/// Returns the reason given to request_stop(); nullptr if it was not called.
const char* stop_reason();
/// Removes temporary files and ends the program. Callable from signal handlers.
[[noreturn]] void leave_at_once(int code);

/// 130 after SIGINT, 143 after SIGTERM, 3 after request_stop(); 0 if none came.
int interrupt_exit_code();

/// Files the handlers remove when the program dies by a second Ctrl-C or SIGPIPE. Up to 16 at a time; more are kept
/// but not remembered.
void remember_temporary(const std::string& path);
void forget_temporary(const std::string& path);

/// Flushes standard output; throws EnvironmentError if anything printed could not be written (a full disk).
void flush_standard_output();

}  // namespace mmusim
