// SPDX-License-Identifier: MIT
#include "sim/trace/trace_content.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/log_files.h"

namespace mmusim {
namespace {

std::string file_of(const ScratchDir& dir, const char* name, const std::string& text) {
  std::ofstream(dir / name) << text;
  return dir / name;
}

TEST(TraceContent, IsThatOfTheFileWhateverItsName) {
  const ScratchDir dir;
  const std::string text(3 << 20, 'a');
  const std::string content = trace_content(file_of(dir, "a", text));
  EXPECT_EQ(trace_content(file_of(dir, "b", text)), content);
  for (const size_t changed : {size_t{0}, text.size() - 1}) {
    std::string other = text;
    other[changed] = 'b';
    EXPECT_NE(trace_content(file_of(dir, "c", other)), content) << changed;
  }
  EXPECT_NE(trace_content(file_of(dir, "longer", text + "a")), content);
}

TEST(TraceContent, OfWhatCannotBeReadTwiceIsNothing) {
  const ScratchDir dir;
  const std::string pipe = dir / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, dir / "none", std::string("-")}) EXPECT_EQ(trace_content(path), "") << path;
}

}  // namespace
}  // namespace mmusim
