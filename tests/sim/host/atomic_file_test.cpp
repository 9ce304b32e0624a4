// SPDX-License-Identifier: MIT
#include "sim/host/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <set>

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

TEST(AtomicFile, PlantedLinksAreReplacedAndNotWrittenThrough) {
  const ScratchDir dir;
  write_file(dir / "precious", "precious");
  ASSERT_EQ(::symlink((dir / "precious").c_str(), (dir / "soft").c_str()), 0);
  ASSERT_EQ(::link((dir / "precious").c_str(), (dir / "hard").c_str()), 0);
  ASSERT_EQ(::symlink("/dev/full", (dir / "device").c_str()), 0);
  for (const char* name : {"soft", "hard", "device"}) {
    write_file(dir / name, "new");
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(dir / name))) << name;
    EXPECT_EQ(slurp(dir / name), "new");
  }
  EXPECT_EQ(slurp(dir / "precious"), "precious");
}

TEST(AtomicFile, TemporaryNamesCannotBeGuessed) {
  const ScratchDir dir;
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) {
    AtomicFile file(dir / "f");
    for (const std::string& name : dir.files()) names.insert(name);
  }
  EXPECT_EQ(names.size(), 50u);
}

TEST(AtomicFile, ALongNameThatFitsIsTaken) {
  const ScratchDir dir;
  const std::string name(255, 'n');
  write_file(dir / name, "x");
  EXPECT_EQ(slurp(dir / name), "x");
}

TEST(AtomicFile, DirectoriesAreRefusedBeforeAnythingIsWritten) {
  const ScratchDir dir;
  EXPECT_THROW(AtomicFile file(dir / ""), EnvironmentError);
}

TEST(AtomicFile, ADescriptorIsWrittenWhereItStands) {
  const ScratchDir dir;
  const int fd = create_new_file(dir / "f");
  write_fully(fd, "before ", 7, "f");
  write_file("/dev/fd/" + std::to_string(fd), "after");
  ::close(fd);
  EXPECT_EQ(slurp(dir / "f"), "before after");
}

TEST(CreateNewFile, LeavesWhatTheNameLedTo) {
  const ScratchDir dir;
  write_file(dir / "precious", "precious");
  ASSERT_EQ(::symlink((dir / "precious").c_str(), (dir / "soft").c_str()), 0);
  ASSERT_EQ(::link((dir / "precious").c_str(), (dir / "hard").c_str()), 0);
  for (const char* name : {"soft", "hard"}) {
    const int fd = create_new_file(dir / name);
    write_fully(fd, "new", 3, name);
    ::close(fd);
    EXPECT_EQ(slurp(dir / name), "new");
  }
  EXPECT_EQ(slurp(dir / "precious"), "precious");
}

}  // namespace
}  // namespace mmusim
