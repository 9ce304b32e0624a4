// SPDX-License-Identifier: MIT
#include "sim/host/interrupts.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "models/base/errors.h"

namespace mmusim {

namespace detail {
std::atomic<int> pending_signal{0};
std::atomic<bool> interrupt_noticed{false};
std::atomic<uint64_t> interrupt_polls{0};
}  // namespace detail

namespace {

constexpr int kStopRequested = -1;  // in place of a signal's number
std::atomic<const char*> stop_text{nullptr};

// The timer that runs from the first signal on.
constexpr long kTickNanoseconds = 100'000'000;
constexpr unsigned kTicksPerSecond = 10;
constexpr double kBusySeconds = 2;  // of processor time, before a loop has asked for interrupts
constexpr unsigned kUnnoticedSeconds = 20;
constexpr unsigned kWaitingSeconds = 2;  // without using the processor, before a loop has asked
constexpr unsigned kFinishSeconds = 60;  // after a loop has asked

/// Only handlers on the main thread touch this.
struct Grace {
  timer_t timer{};
  bool armed = false;
  unsigned ticks = 0;            // since the signal
  unsigned noticed_ticks = 0;    // since a loop has asked
  double processor_seconds = 0;  // used when the signal came
};
Grace grace;

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

/// True when a program that was told to stop has had its time.
bool time_is_up() {
  ++grace.ticks;
  if (detail::interrupt_noticed.load(std::memory_order_relaxed)) {
    return ++grace.noticed_ticks > kFinishSeconds * kTicksPerSecond;
  }
  const double used = processor_seconds() - grace.processor_seconds;
  const unsigned seconds = grace.ticks / kTicksPerSecond;
  const bool waits = seconds >= kWaitingSeconds && used < 0.05 * seconds;
  return used >= kBusySeconds || waits || seconds >= kUnnoticedSeconds;
}

/// Its being handled makes blocked system calls return EINTR.
extern "C" void on_grace_tick(int) {
  const int saved = errno;
  if (time_is_up()) {
    if (const char* why = stop_reason(); why != nullptr) (void)!::write(STDERR_FILENO, why, std::strlen(why));
    constexpr std::string_view kText =
        "mmusim: was told to stop and reached no point to stop at: given up, what was unfinished is lost\n";
    (void)!::write(STDERR_FILENO, kText.data(), kText.size());
    leave_at_once(interrupt_exit_code());
  }
  errno = saved;
}

void start_grace() {
  if (!grace.armed) return;
  grace.processor_seconds = processor_seconds();
  const struct itimerspec every_tick {
    {0, kTickNanoseconds}, { 0, kTickNanoseconds }
  };
  ::timer_settime(grace.timer, 0, &every_tick, nullptr);
}

extern "C" void on_interrupt(int signal_number) {
  const int saved = errno;
  int expected = 0;
  if (detail::pending_signal.compare_exchange_strong(expected, signal_number)) {
    start_grace();
  } else if (signal_number != SIGHUP && signal_number != SIGXCPU) {
    // Those two come again without being sent again: every second of processor time, after SIGTERM at logout.
    leave_at_once(128 + signal_number);
  }
  errno = saved;
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

bool is_ignored(int signal_number) {
  struct sigaction action {};
  return ::sigaction(signal_number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Without a timer (RLIMIT_SIGPENDING) the program can still be stopped at the points where it asks.
void make_grace_timer() {
  const int number = SIGRTMIN + 1;
  handle(number, on_grace_tick, 0);
  struct sigevent event {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = number;
  event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
  grace.armed = ::timer_create(CLOCK_MONOTONIC, &event, &grace.timer) == 0;
}

}  // namespace

void install_signal_handlers() {
  make_grace_timer();
  for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGXCPU}) handle(number, on_interrupt);
  if (!is_ignored(SIGHUP)) handle(SIGHUP, on_interrupt);
  handle(SIGPIPE, on_broken_pipe);
  handle(SIGXFSZ, SIG_IGN);
  handle(SIGCHLD, SIG_DFL);
  for (const int crash : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    handle(crash, on_crash, static_cast<int>(SA_RESETHAND | SA_NODEFER));
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void occupy_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The wrong way round: what uses a stream that was closed is told so. The lowest free number is fd.
    const int null = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (null >= 0 && null != fd) ::close(null);
  }
}

int interrupt_exit_code() {
  const int signal_number = detail::pending_signal.load();
  if (signal_number == kStopRequested) return static_cast<int>(ExitCode::kEnvironment);
  return signal_number == 0 ? 0 : 128 + signal_number;
}

double processor_seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void request_stop(const char* why) {
  stop_text.store(why);
  int expected = 0;
  if (detail::pending_signal.compare_exchange_strong(expected, kStopRequested)) start_grace();
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
