// SPDX-License-Identifier: MIT
#include "sim/translate/line_splitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace mmusim {
namespace {

/// All lines of `text` given in pieces of at most `piece` bytes.
std::vector<std::string> split(const std::string& text, size_t piece, size_t max_line,
                               uint64_t* last_number = nullptr) {
  LineSplitter lines(max_line, 64);
  std::vector<std::string> out;
  size_t at = 0;
  while (true) {
    const auto space = lines.space();
    const size_t n = std::min({piece, text.size() - at, space.size()});
    std::memcpy(space.data(), text.data() + at, n);
    lines.added(n);
    at += n;
    if (n == 0) lines.finish();
    while (const auto line = lines.next()) out.emplace_back(*line);
    if (n == 0) break;
  }
  if (last_number != nullptr) *last_number = lines.line_number();
  return out;
}

TEST(LineSplitter, PiecesDoNotMatter) {
  const std::string text = "one\ntwo\r\n\nfour";
  const std::vector<std::string> expected = {"one", "two", "", "four"};
  for (size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(split(text, piece, 100), expected) << piece;
}

TEST(LineSplitter, ALongLineIsCutAndTheRestDropped) {
  const std::string text = "ab\n" + std::string(1000, 'x') + "\ncd\n";
  for (const size_t piece : {1U, 7U, 100U, 5000U}) {
    uint64_t number = 0;
    const auto lines = split(text, piece, 10, &number);
    ASSERT_EQ(lines.size(), 3U) << piece;
    EXPECT_EQ(lines[1].size(), 11U);
    EXPECT_EQ(lines[2], "cd");
    EXPECT_EQ(number, 3U);
  }
}

TEST(LineSplitter, LinesLongerThanItsFirstBufferArriveWhole) {
  const std::string line(3'000'000, 'y');
  const auto lines = split(line + "\nz", 100'000, 4'000'000);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], line);
  EXPECT_EQ(lines[1], "z");
}

}  // namespace
}  // namespace mmusim
