// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace mmusim {

/// Runs `fn` in a child process and returns the text it returned. SystemC elaborates once for each process, so a test
/// that compares machines runs each in a child of its own. A child that dies fails the test.
template <class Fn>
std::string in_child(Fn&& fn) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  const auto failures = [] {  // of this test so far, in this process and before the fork
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  };
  const int before = failures();
  std::fflush(nullptr);  // or the child says it again
  const pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    const std::string text = fn();
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = write(fds[1], text.data() + done, text.size() - done);
      if (n <= 0) _exit(2);
      done += static_cast<size_t>(n);
    }
    std::fflush(stdout);  // what failed
    _exit(failures() != before ? 1 : 0);
  }
  close(fds[1]);
  std::string text;
  char block[65536];
  for (ssize_t n; (n = read(fds[0], block, sizeof block)) > 0;) text.append(block, static_cast<size_t>(n));
  close(fds[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "child ended with status " << status;
  return text;
}

}  // namespace mmusim
