// SPDX-License-Identifier: MIT
#include "sim/host/interrupts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <functional>

#include "sim/host/atomic_file.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

/// Runs `body` in a child, which ends with what it returns, and tells how the child ended; -1: by a signal.
int exit_code_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Signals, FirstInterruptIsAFlagAndTheSecondQuitsAndRemovesTemporaries) {
  const ScratchDir dir;
  const int code = exit_code_of([&] {
    install_signal_handlers();
    AtomicFile file(dir / "f");
    file.write(std::string(1 << 20, 'x'));
    ::raise(SIGINT);
    if (!interrupt_requested() || interrupt_exit_code() != 130) return 1;
    ::raise(SIGTERM);
    return 2;
  });
  EXPECT_EQ(code, 143);
  EXPECT_TRUE(dir.files().empty());
}

TEST(Signals, EachThatAsksForTheEndIsAFlag) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU}) {
    const int code = exit_code_of([number] {
      ::signal(SIGHUP, SIG_DFL);
      install_signal_handlers();
      if (interrupt_requested()) return 1;
      ::raise(number);
      return interrupt_requested() ? interrupt_exit_code() : 2;
    });
    EXPECT_EQ(code, 128 + number);
  }
}

TEST(Signals, HangUpStaysIgnoredUnderNohup) {
  const int code = exit_code_of([] {
    ::signal(SIGHUP, SIG_IGN);
    install_signal_handlers();
    ::raise(SIGHUP);
    return interrupt_requested() ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
}

TEST(Signals, TheProcessorLimitComesEverySecondAndIsNoSecondRequest) {
  const int code = exit_code_of([] {
    install_signal_handlers();
    for (int i = 0; i < 3; ++i) ::raise(SIGXCPU);
    return interrupt_requested() ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST(Signals, AreReceivedAlthoughTheParentBlockedThem) {
  const int code = exit_code_of([] {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    install_signal_handlers();
    ::raise(SIGTERM);
    return interrupt_requested() ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST(Signals, OneEndsAProgramThatNeverAsks) {
  const auto begin = std::chrono::steady_clock::now();
  const int code = exit_code_of([] {
    install_signal_handlers();
    ::raise(SIGTERM);
    static std::atomic<unsigned> spin{0};
    while (spin.load() == 0) {
    }
    return 0;
  });
  EXPECT_EQ(code, 143);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST(Signals, OneEndsAProgramThatWaitsInASystemCallThatIsRestarted) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int code = exit_code_of([&] {
    install_signal_handlers();
    ::raise(SIGTERM);
    char byte = 0;
    while (::read(pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    return 0;
  });
  EXPECT_EQ(code, 143);
}

TEST(Signals, OneEndsTheWaitForTheReaderOfAFifo) {
  const ScratchDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  const int code = exit_code_of([&] {
    install_signal_handlers();
    ::raise(SIGTERM);  // before the wait begins: nothing else would end it
    try {
      AtomicFile file(dir / "fifo");
    } catch (const InterruptedError&) {
      return interrupt_exit_code();
    }
    return 0;
  });
  EXPECT_EQ(code, 143);
}

TEST(StandardStreams, ClosedOnesAreNotGivenToFiles) {
  const ScratchDir dir;
  const int code = exit_code_of([&] {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
    occupy_standard_streams();
    const int fd = create_new_file(dir / "f");
    char byte = 0;
    const bool fails =
        ::write(STDOUT_FILENO, "x", 1) < 0 && ::write(STDERR_FILENO, "x", 1) < 0 && ::read(STDIN_FILENO, &byte, 1) < 0;
    return fd > STDERR_FILENO && fails ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(slurp(dir / "f"), "");
}

TEST(StandardStreams, OpenOnesStay) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int code = exit_code_of([&] {
    ::dup2(pipe[1], STDOUT_FILENO);
    occupy_standard_streams();
    return ::write(STDOUT_FILENO, "x", 1) == 1 ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace mmusim
