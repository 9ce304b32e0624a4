// SPDX-License-Identifier: MIT
#include "sim/host/process_pool.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/child_clock.h"
#include "sim/host/interrupts.h"

namespace mmusim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPollInterval = std::chrono::milliseconds(5);

struct Running {
  size_t job = 0;
  pid_t pid = 0;
  Clock::time_point start;
  std::optional<Clock::time_point> told_to_stop;
  bool timed_out = false;
};

/// The files that a child writes to, open in the parent: nothing that bears their names is written through.
class ChildFiles {
 public:
  explicit ChildFiles(const ChildJob& job) : output_(create_new_file(job.output)), errors_(-1) {
    try {
      errors_ = create_new_file(job.errors);
    } catch (...) {
      ::close(output_);
      throw;
    }
  }
  ~ChildFiles() {
    ::close(output_);
    ::close(errors_);
  }
  ChildFiles(const ChildFiles&) = delete;
  ChildFiles& operator=(const ChildFiles&) = delete;

  /// In the child.
  void become_standard_streams() const {
    const int input = ::open("/dev/null", O_RDONLY);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0) ::_exit(126);
    if (::dup2(output_, STDOUT_FILENO) < 0 || ::dup2(errors_, STDERR_FILENO) < 0) ::_exit(126);
  }

 private:
  int output_;
  int errors_;
};

/// In the child: never returns.
[[noreturn]] void become(const ChildJob& job, const ChildFiles& files, pid_t parent) {
  // A process group of its own, so that Ctrl-C reaches it once, through us; and it must not outlive us.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(126);
  files.become_standard_streams();
  std::vector<char*> argv;
  for (const std::string& a : job.arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  const std::string error = fmt::format("cannot start {}: {}\n", job.arguments[0], std::strerror(errno));
  (void)!::write(STDERR_FILENO, error.data(), error.size());
  ::_exit(127);
}

std::string last_line_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::string last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last.size() > 400 ? last.substr(0, 400) + "..." : last;
}

class Pool {
 public:
  Pool(const std::vector<ChildJob>& jobs, const PoolOptions& options)
      : jobs_(jobs), options_(options), results_(jobs.size()) {}
  ~Pool() {
    for (const Running& r : running_) ::kill(r.pid, SIGKILL);
  }

  std::vector<ChildResult> run() {
    while (!running_.empty() || (next_ < jobs_.size() && !interrupt_requested())) {
      while (running_.size() < std::max(1u, options_.parallel) && next_ < jobs_.size() && !interrupt_requested())
        start();
      reap();
      for (Running& r : running_) stop_if_due(r);
      if (options_.on_progress) options_.on_progress(done_);
      std::this_thread::sleep_for(kPollInterval);
    }
    for (ChildResult& r : results_) {
      if (r.outcome == ChildOutcome::kInterrupted) r.explanation = "not finished: interrupted";
    }
    return results_;
  }

 private:
  void start() {
    const ChildFiles files(jobs_[next_]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw system_error("start", jobs_[next_].arguments[0], errno);
    if (pid == 0) become(jobs_[next_], files, parent);
    running_.push_back({next_++, pid, Clock::now(), {}, false});
  }

  void reap() {
    for (size_t i = 0; i < running_.size();) {
      int status = 0;
      struct rusage usage {};
      const pid_t pid = ::wait4(running_[i].pid, &status, WNOHANG, &usage);
      if (pid == 0 || (pid < 0 && errno == EINTR)) {
        ++i;
        continue;
      }
      if (pid < 0) {
        lose(running_[i], errno);
      } else {
        finish(running_[i], status, usage);
      }
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      ++done_;
    }
  }

  /// The kernel does not tell how this child ended.
  void lose(const Running& r, int error) {
    ChildResult& result = results_[r.job];
    result.wall_seconds = seconds_since(r.start);
    result.outcome = ChildOutcome::kFailed;
    result.explanation = fmt::format("cannot wait for it: {}", std::strerror(error));
  }

  void finish(const Running& r, int status, const struct rusage& usage) {
    ChildResult& result = results_[r.job];
    result.wall_seconds = seconds_since(r.start);
    result.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    result.peak_memory_kib = usage.ru_maxrss;
    const std::string said = last_line_of(jobs_[r.job].errors);
    const std::string because = said.empty() ? "" : ": " + said;
    if (r.timed_out) {
      result.outcome = ChildOutcome::kTimedOut;
      result.explanation = fmt::format("stopped after {:.3g} s (--timeout)", result.wall_seconds);
    } else if (r.told_to_stop) {
      result.outcome = ChildOutcome::kInterrupted;
    } else if (WIFSIGNALED(status)) {
      result.code = WTERMSIG(status);
      result.outcome = ChildOutcome::kCrashed;
      result.explanation = fmt::format("killed by signal {} ({}){}", result.code, ::strsignal(result.code), because);
    } else if (WEXITSTATUS(status) != 0) {
      result.code = WEXITSTATUS(status);
      result.outcome = ChildOutcome::kFailed;
      result.explanation = fmt::format("exit code {}{}", result.code, because);
    } else {
      result.outcome = ChildOutcome::kSucceeded;
    }
  }

  void stop_if_due(Running& r) {
    if (r.told_to_stop) {
      if (seconds_since(*r.told_to_stop) > kChildGraceSeconds) ::kill(r.pid, SIGKILL);
      return;
    }
    const bool late = options_.timeout_seconds && seconds_since(r.start) > *options_.timeout_seconds;
    if (!late && !interrupt_requested()) return;
    r.timed_out = late;
    r.told_to_stop = Clock::now();
    ::kill(r.pid, SIGTERM);
  }

  const std::vector<ChildJob>& jobs_;
  const PoolOptions& options_;
  std::vector<ChildResult> results_;
  std::vector<Running> running_;
  size_t next_ = 0;
  size_t done_ = 0;
};

}  // namespace

std::vector<ChildResult> run_children(const std::vector<ChildJob>& jobs, const PoolOptions& options) {
  return Pool(jobs, options).run();
}

unsigned processors_available() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace mmusim
