// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "sim/trace/trace_statistics.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

/// Valgrind's own count of what it traced must be what we read, for a real program and a real valgrind.
TEST(Lackey, ARealProgramUnderARealValgrind) {
  if (std::system("valgrind --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "valgrind is not installed";
  const std::string log = testing::TempDir() + "/mmusim-lackey-" + std::to_string(getpid());
  const std::string command =
      "valgrind --tool=lackey --trace-mem=yes --log-file=" + log + " /bin/echo hello >/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto reader = open_trace(log);
  EXPECT_EQ(reader->info().format, TraceFormat::kLackey);
  TraceCounter counter;
  TraceBatch batch;
  while (reader->next(batch)) counter.add(batch);
  const TraceStatistics s = counter.result();
  const auto lines = [&](const char* pattern) {
    const std::string count = "test $(grep -c '" + std::string(pattern) + "' " + log + ") -eq ";
    return count;
  };
  EXPECT_EQ(std::system((lines("^I  ") + std::to_string(s.accesses[2])).c_str()), 0);
  EXPECT_EQ(std::system((lines("^ L ") + std::to_string(s.accesses[0])).c_str()), 0);
  EXPECT_EQ(std::system((lines("^ [SM] ") + std::to_string(s.accesses[1])).c_str()), 0);
  EXPECT_EQ(std::system((lines("^ M ") + std::to_string(s.rmw)).c_str()), 0);
  EXPECT_GT(s.accesses[2], 50000);  // even echo runs the dynamic loader
  EXPECT_GT(s.footprint[0], 50);
  std::filesystem::remove(log);
}

}  // namespace
}  // namespace mmusim::trace_test
