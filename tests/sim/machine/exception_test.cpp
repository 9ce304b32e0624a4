// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <systemc>

namespace {

[[gnu::noinline]] int throw_from(int depth) {
  char marked[64];
  asm volatile("" ::"r"(marked) : "memory");
  if (depth == 0) throw std::runtime_error("far down");
  return throw_from(depth - 1) + marked[3];
}

/// Has no marks of its own and lets the sanitizer look at all of its memory.
[[gnu::noinline, gnu::no_sanitize_address]] bool use_the_same_stack() {
  char unmarked[8192];
  const int file = ::open("/dev/zero", O_RDONLY);
  const bool whole = ::read(file, unmarked, sizeof unmarked) == sizeof unmarked;
  ::close(file);
  return whole && unmarked[17] == 0;
}

/// Under the address sanitizer alone this can fail, by ending the program: models/base/asan_stacks.cpp.
TEST(Exception, LeavesNoMarksOfTheSanitizerOnceASimulationHasRun) {
  sc_core::sc_spawn([] { sc_core::wait(1, sc_core::SC_NS); });
  sc_core::sc_start();
  EXPECT_THROW(throw_from(20), std::runtime_error);
  EXPECT_TRUE(use_the_same_stack());
}

}  // namespace
