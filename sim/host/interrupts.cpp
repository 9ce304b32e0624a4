// SPDX-License-Identifier: MIT
#include "sim/host/interrupts.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "models/base/errors.h"

namespace mmusim {

namespace detail {
std::atomic<int> pending_signal{0};
}

namespace {
constexpr int kStopRequested = -1;  // in place of a signal's number
std::atomic<const char*> stop_text{nullptr};
}  // namespace

namespace {

/// A path in memory that signal handlers may read: no allocation, `used` is set last and cleared first.
struct TemporarySlot {
  std::atomic<bool> used{false};
  char path[PATH_MAX] = {};
};
TemporarySlot temporary_slots[16];

void remove_temporaries() {
  for (TemporarySlot& slot : temporary_slots) {
    if (slot.used.load()) ::unlink(slot.path);
  }
}

extern "C" void on_interrupt(int signal_number) {
  int expected = 0;
  if (detail::pending_signal.compare_exchange_strong(expected, signal_number)) return;
  leave_at_once(128 + signal_number);
}

/// abort() and crashes: the signal comes again, with its usual effect.
extern "C" void on_crash(int signal_number) {
  remove_temporaries();
  ::raise(signal_number);
}

extern "C" void on_broken_pipe(int signal_number) { leave_at_once(128 + signal_number); }

void handle(int signal_number, void (*handler)(int), int flags = SA_RESTART) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal_number, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
  handle(SIGPIPE, on_broken_pipe);
  handle(SIGXFSZ, SIG_IGN);
  for (const int crash : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    handle(crash, on_crash, static_cast<int>(SA_RESETHAND | SA_NODEFER));
  }
}

int interrupt_exit_code() {
  const int signal_number = detail::pending_signal.load();
  if (signal_number == kStopRequested) return static_cast<int>(ExitCode::kEnvironment);
  return signal_number == 0 ? 0 : 128 + signal_number;
}

void request_stop(const char* why) {
  stop_text.store(why);
  int expected = 0;
  detail::pending_signal.compare_exchange_strong(expected, kStopRequested);
}

const char* stop_reason() { return stop_text.load(); }

void leave_at_once(int code) {
  remove_temporaries();
  ::_exit(code);
}

void remember_temporary(const std::string& path) {
  if (path.size() >= PATH_MAX) return;
  for (TemporarySlot& slot : temporary_slots) {
    if (slot.used.load()) continue;
    std::memcpy(slot.path, path.c_str(), path.size() + 1);
    slot.used.store(true);
    return;
  }
}

void forget_temporary(const std::string& path) {
  for (TemporarySlot& slot : temporary_slots) {
    if (slot.used.load() && path == slot.path) slot.used.store(false);
  }
}

void flush_standard_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw system_error("write", "standard output", errno == 0 ? EIO : errno);
  }
}

}  // namespace mmusim
