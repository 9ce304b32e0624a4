// SPDX-License-Identifier: MIT
#include "sim/host/process_pool.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "sim/host/atomic_file.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

ChildJob shell(const ScratchDir& dir, const std::string& name, const std::string& script) {
  return {name, {"/bin/sh", "-c", script}, dir / (name + ".out"), dir / (name + ".err")};
}

TEST(ProcessPool, EachFailureIsNamedAndTheOthersFinish) {
  const ScratchDir dir;
  PoolOptions options;
  options.parallel = 4;
  options.timeout_seconds = 1.0;
  const auto results = run_children({shell(dir, "good", "echo fine"), shell(dir, "bad", "echo why >&2; exit 2"),
                                     shell(dir, "crash", "kill -SEGV $$"), shell(dir, "hang", "sleep 60")},
                                    options);
  EXPECT_EQ(results[0].outcome, ChildOutcome::kSucceeded);
  EXPECT_EQ(slurp(dir / "good.out"), "fine\n");
  EXPECT_EQ(results[1].outcome, ChildOutcome::kFailed);
  EXPECT_EQ(results[1].explanation, "exit code 2: why");
  EXPECT_EQ(results[2].outcome, ChildOutcome::kCrashed);
  EXPECT_EQ(results[2].code, 11);
  EXPECT_EQ(results[3].outcome, ChildOutcome::kTimedOut);
  EXPECT_NE(results[3].explanation.find("--timeout"), std::string::npos);
}

TEST(ProcessPool, ChildThatIgnoresSigtermIsKilled) {
  const ScratchDir dir;
  PoolOptions options;
  options.timeout_seconds = 0.2;
  const auto results = run_children({shell(dir, "deaf", "trap '' TERM; while :; do sleep 0.1; done")}, options);
  EXPECT_EQ(results[0].outcome, ChildOutcome::kTimedOut);
}

TEST(ProcessPool, ChildrenWhoseEndTheKernelDoesNotTellHaveNotSucceeded) {
  const ScratchDir dir;
  struct sigaction ignored {};
  struct sigaction before {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGCHLD, &ignored, &before);
  const auto results = run_children({shell(dir, "a", "true")}, {});
  ::sigaction(SIGCHLD, &before, nullptr);
  EXPECT_EQ(results[0].outcome, ChildOutcome::kFailed);
  EXPECT_NE(results[0].explanation.find("cannot wait for it"), std::string::npos);
}

TEST(ProcessPool, PlantedLinksAreNotWrittenThrough) {
  const ScratchDir dir;
  write_file(dir / "precious", "precious");
  std::filesystem::create_symlink(dir / "precious", dir / "a.out");
  std::filesystem::create_hard_link(dir / "precious", dir / "a.err");
  run_children({shell(dir, "a", "echo out; echo err >&2")}, {});
  EXPECT_EQ(slurp(dir / "precious"), "precious");
  EXPECT_EQ(slurp(dir / "a.out"), "out\n");
  EXPECT_EQ(slurp(dir / "a.err"), "err\n");
}

TEST(ProcessPool, RunsAtOnceAsManyAsAllowed) {
  const ScratchDir dir;
  PoolOptions options;
  options.parallel = 2;
  std::vector<ChildJob> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(shell(dir, "s" + std::to_string(i), "sleep 0.4"));
  const auto start = std::chrono::steady_clock::now();
  run_children(jobs, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GE(seconds, 0.8);
  EXPECT_LT(seconds, 1.5);
}

TEST(ProcessPool, MissingProgramIsAFailureWithItsReason) {
  const ScratchDir dir;
  const auto results = run_children({{"x", {"/no/such/program"}, dir / "out", dir / "err"}}, {});
  EXPECT_EQ(results[0].outcome, ChildOutcome::kFailed);
  EXPECT_NE(results[0].explanation.find("/no/such/program"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
