// SPDX-License-Identifier: MIT
#include "sim/host/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "models/base/errors.h"
#include "sim/host/interrupts.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

TEST(AtomicFile, AppearsOnlyWhenComplete) {
  const ScratchDir dir;
  AtomicFile file(dir / "summary.json");
  file.write("{}");
  EXPECT_FALSE(std::filesystem::exists(dir / "summary.json"));
  file.commit();
  EXPECT_EQ(slurp(dir / "summary.json"), "{}");
  EXPECT_EQ(dir.files().size(), 1u);
}

TEST(AtomicFile, AbandonedFileLeavesTheOldOneAndNothingElse) {
  const ScratchDir dir;
  write_file(dir / "f", "old");
  {
    AtomicFile file(dir / "f");
    file.write(std::string(1 << 20, 'x'));
  }
  EXPECT_EQ(slurp(dir / "f"), "old");
  EXPECT_EQ(dir.files().size(), 1u);
}

TEST(AtomicFile, FullDeviceIsAnEnvironmentError) {
  try {
    write_file("/dev/full", "text");
    FAIL();
  } catch (const EnvironmentError& e) {
    EXPECT_NE(std::string(e.what()).find("/dev/full"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("No space left"), std::string::npos);
  }
}

TEST(AtomicFile, FileSizeLimitLeavesNoPartialFile) {
  const ScratchDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    install_signal_handlers();
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(dir / "f", std::string(5000, 'x'));
    } catch (const EnvironmentError&) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_TRUE(dir.files().empty());
}

TEST(AtomicFile, MissingDirectoryIsNamed) {
  try {
    write_file("/no/such/directory/file", "");
    FAIL();
  } catch (const EnvironmentError& e) {
    EXPECT_NE(std::string(e.what()).find("/no/such/directory/file"), std::string::npos);
  }
}

TEST(Signals, FirstInterruptIsAFlagAndTheSecondQuitsAndRemovesTemporaries) {
  const ScratchDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    install_signal_handlers();
    AtomicFile file(dir / "f");
    file.write(std::string(1 << 20, 'x'));
    ::raise(SIGINT);
    if (!interrupt_requested() || interrupt_exit_code() != 130) ::_exit(1);
    ::raise(SIGTERM);
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143);
  EXPECT_TRUE(dir.files().empty());
}

}  // namespace
}  // namespace mmusim
