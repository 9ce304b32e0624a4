// SPDX-License-Identifier: MIT
#include "sim/host/watchdog.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/types.h"
#include "sim/host/interrupts.h"
#include "sim/host/memory.h"

namespace mmusim {

namespace {

constexpr unsigned kGraceSeconds = 10;
// Setting up a large machine or writing a large report takes some seconds in one piece.
constexpr unsigned kLeastBusySeconds = 10;

/// Only the signal handler and the thread that it interrupts touch this.
struct State {
  const Watched* watched = nullptr;
  WatchdogLimits limits;
  timer_t timer{};
  bool armed = false;
  uint64_t reached = 0;
  unsigned silent = 0;       // seconds since `reached` changed
  uint64_t polls = 0;        // of interrupt_requested()
  double busy_since = 0;     // processor seconds used when `polls` changed
  bool over_memory = false;  // the stop was asked for
  volatile sig_atomic_t pauses = 0;
  char text[256] = {};
};
State state;

void say(std::string_view text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

/// Any code may have been interrupted, the allocator too: if the report itself hangs, the alarm ends it.
[[noreturn]] void report_standstill(const char* what, unsigned seconds, const char* unit) {
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kGraceSeconds);
  const auto end = fmt::format_to_n(state.text, sizeof state.text, "mmusim: {} for {} s{}, in cycle {} (--watchdog)\n",
                                    what, seconds, unit, state.reached);
  say({state.text, std::min(end.size, sizeof state.text)});
  const std::string waits = state.watched == nullptr ? "" : state.watched->wait_report();
  internal_error(__FILE__, __LINE__, "the simulation stands still\n" + waits);
}

/// Time that does not pass is found in a running simulation only.
void look_at_time() {
  if (state.watched == nullptr) return;
  const bool runs = state.watched->running() && state.pauses == 0;
  const uint64_t reached = state.watched->reached_cycle();
  if (!runs || reached != state.reached) {
    state.reached = reached;
    state.silent = 0;
    return;
  }
  if (++state.silent < state.limits.silent_seconds) return;
  report_standstill("no progress in simulated time", state.silent, "");
}

/// Work without an end: no loop of the program comes round, although the processor is busy.
void look_at_loops() {
  const uint64_t polls = interrupt_polls();
  const double now = processor_seconds();
  if (polls != state.polls) {
    state.polls = polls;
    state.busy_since = now;
    return;
  }
  const unsigned limit = std::max(state.limits.silent_seconds, kLeastBusySeconds);
  if (now - state.busy_since >= limit)
    report_standstill("no record or access was finished", limit, " of processor time");
}

void look_at_memory() {
  if (state.over_memory) return;
  const uint64_t used = host_memory_in_use();
  if (used <= state.limits.memory) return;
  state.over_memory = true;
  const auto end =
      fmt::format_to_n(state.text, sizeof state.text - 1,
                       "mmusim: stopped: holds {} MiB of host memory, the limit is {} MiB (--max-memory)\n",
                       used / kMiB, state.limits.memory / kMiB);
  state.text[std::min(end.size, sizeof state.text - 1)] = '\0';
  request_stop(state.text);
}

extern "C" void on_tick(int) {
  const int saved = errno;
  look_at_memory();
  if (state.limits.silent_seconds != 0) {
    look_at_time();
    look_at_loops();
  }
  errno = saved;
}

}  // namespace

Watchdog::Watchdog(const Watched* watched, const WatchdogLimits& limits) {
  MMUSIM_INVARIANT(!state.armed, "one watchdog at a time");
  state.watched = watched;
  state.limits = limits;
  struct sigaction action {};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGRTMIN, &action, nullptr);
  struct sigevent event {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
  if (::timer_create(CLOCK_MONOTONIC, &event, &state.timer) != 0) throw system_error("make", "watchdog timer", errno);
  state.armed = true;
  state.polls = interrupt_polls();
  state.busy_since = processor_seconds();
  const struct itimerspec every_second {
    {1, 0}, { 1, 0 }
  };
  ::timer_settime(state.timer, 0, &every_second, nullptr);
}

Watchdog::~Watchdog() {
  ::timer_delete(state.timer);
  state.armed = false;
  state.watched = nullptr;
  state.reached = 0;
  state.silent = 0;
  state.over_memory = false;
}

Watchdog::Pause::Pause() { state.pauses = state.pauses + 1; }
Watchdog::Pause::~Pause() { state.pauses = state.pauses - 1; }

}  // namespace mmusim
