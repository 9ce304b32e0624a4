// SPDX-License-Identifier: MIT
#include "sim/host/forked_work.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/child_clock.h"
#include "sim/host/interrupts.h"

namespace mmusim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMilliseconds = 100;
constexpr int kPipeInChild = 3;

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A task under way.
struct Child {
  Child(size_t number, int pipe, int said) : task(number), messages(pipe), errors(said) {}

  size_t task;
  pid_t pid = 0;
  Descriptor messages;  // the end of the pipe that we read
  Descriptor errors;    // a file without a name that holds its standard error
  std::string received;
  Clock::time_point start = Clock::now();
  std::optional<Clock::time_point> told_to_stop;
  bool timed_out = false;
};

void send_message(std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  bytes += text;
  write_fully(kPipeInChild, bytes.data(), bytes.size(), "pipe");
}

/// Makes the child independent of our files: a lock or a database stays ours alone.
void keep_only(int pipe, int errors) {
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 || ::dup2(nothing, STDOUT_FILENO) < 0) ::_exit(126);
  if (::dup2(errors, STDERR_FILENO) < 0 || ::dup2(pipe, kPipeInChild) < 0) ::_exit(126);
  ::close_range(kPipeInChild + 1, ~0U, 0);
}

/// In the child: never returns.
[[noreturn]] void become(ForkedWork& work, size_t task, int pipe, int errors, pid_t parent) {
  // A process group of its own, so that Ctrl-C reaches it once, through us; and it must not outlive us.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(126);
  keep_only(pipe, errors);
  try {
    work.work(task, send_message);
  } catch (const std::exception& e) {
    const std::string said = fmt::format("{}\n", e.what());
    (void)!::write(STDERR_FILENO, said.data(), said.size());
    ::_exit(static_cast<int>(ExitCode::kEnvironment));
  }
  ::_exit(0);
}

/// The last line that a child said on standard error.
std::string last_line_of(int file) {
  std::string text(8192, '\0');
  const off_t end = ::lseek(file, 0, SEEK_END);
  const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(text.size()));
  const ssize_t size = ::pread(file, text.data(), text.size(), begin);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

class ForkedPool {
 public:
  ForkedPool(ForkedWork& work, unsigned parallel, std::optional<double> timeout)
      : work_(work), parallel_(std::max(1U, parallel)), timeout_(timeout) {}
  ~ForkedPool() {
    for (const auto& child : children_) ::kill(child->pid, SIGKILL);
  }
  ForkedPool(const ForkedPool&) = delete;
  ForkedPool& operator=(const ForkedPool&) = delete;

  void run() {
    for (;;) {
      start_more();
      if (children_.empty()) return;
      wait_for_messages();
      for (const auto& child : children_) stop_if_due(*child);
      work_.idle();
    }
  }

 private:
  void start_more() {
    while (children_.size() < parallel_ && !interrupt_requested()) {
      const std::optional<size_t> task = work_.next();
      if (!task) return;
      start(*task);
    }
  }

  void start(size_t task) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("make", "pipe", errno);
    const Descriptor writing(ends[1]);
    auto child = std::make_unique<Child>(task, ends[0], ::memfd_create("errors", MFD_CLOEXEC));
    if (child->errors.get() < 0) throw system_error("make", "file in memory", errno);
    const pid_t parent = ::getpid();
    child->pid = ::fork();
    if (child->pid < 0) throw system_error("start", "process", errno);
    if (child->pid == 0) become(work_, task, writing.get(), child->errors.get(), parent);
    children_.push_back(std::move(child));
  }

  void wait_for_messages() {
    std::vector<pollfd> files;
    for (const auto& child : children_) files.push_back({child->messages.get(), POLLIN, 0});
    if (::poll(files.data(), files.size(), kPollMilliseconds) < 0 && errno != EINTR) {
      throw system_error("poll", "pipe", errno);
    }
    for (size_t i = files.size(); i-- > 0;) {
      if (files[i].revents == 0 || receive(*children_[i])) continue;
      finish(*children_[i]);
      children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  /// Reads what is there. Returns false at the end: the child has closed its end.
  bool receive(Child& child) {
    char block[65536];
    const ssize_t size = ::read(child.messages.get(), block, sizeof block);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    child.received.append(block, static_cast<size_t>(size));
    uint32_t length = 0;
    size_t at = 0;
    while (child.received.size() - at >= sizeof length) {
      std::memcpy(&length, child.received.data() + at, sizeof length);
      if (child.received.size() - at - sizeof length < length) break;
      work_.message(child.task, std::string_view(child.received).substr(at + sizeof length, length));
      at += sizeof length + length;
    }
    child.received.erase(0, at);
    return true;
  }

  void finish(const Child& child) {
    int status = 0;
    pid_t ended = 0;
    do {
      ended = ::waitpid(child.pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    ForkedEnd end;
    end.wall_seconds = seconds_since(child.start);
    const std::string said = last_line_of(child.errors.get());
    const std::string because = said.empty() ? "" : ": " + said;
    if (child.timed_out) {
      end.explanation = fmt::format("stopped after {:.3g} s (--timeout)", end.wall_seconds);
    } else if (child.told_to_stop) {
      end.interrupted = true;
      end.explanation = "not finished: interrupted";
    } else if (ended < 0) {
      end.explanation = fmt::format("cannot wait for it: {}", std::strerror(errno));
    } else if (WIFSIGNALED(status)) {
      end.killed = WTERMSIG(status) == SIGKILL;
      end.explanation =
          fmt::format("killed by signal {} ({}){}", WTERMSIG(status), ::strsignal(WTERMSIG(status)), because);
    } else if (WEXITSTATUS(status) != 0) {
      end.explanation = said.empty() ? fmt::format("exit code {}", WEXITSTATUS(status)) : said;
    } else {
      end.succeeded = true;
    }
    work_.ended(child.task, end);
  }

  void stop_if_due(Child& child) const {
    if (child.told_to_stop) {
      if (seconds_since(*child.told_to_stop) > kChildGraceSeconds) ::kill(child.pid, SIGKILL);
      return;
    }
    const bool late = timeout_ && seconds_since(child.start) > *timeout_;
    if (!late && !interrupt_requested()) return;
    child.timed_out = late;
    child.told_to_stop = Clock::now();
    ::kill(child.pid, SIGTERM);
  }

  ForkedWork& work_;
  unsigned parallel_;
  std::optional<double> timeout_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

void run_forked(ForkedWork& work, unsigned parallel, std::optional<double> timeout_seconds) {
  ForkedPool(work, parallel, timeout_seconds).run();
}

}  // namespace mmusim
