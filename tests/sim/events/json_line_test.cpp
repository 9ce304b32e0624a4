// SPDX-License-Identifier: MIT
#include "sim/events/json_line.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/base/format.h"

namespace mmusim {
namespace {

/// Numbers around each power of two and of ten, and what a generator gives of each length.
std::vector<uint64_t> numbers() {
  std::vector<uint64_t> all;
  const auto around = [&all](uint64_t n) {
    for (uint64_t i = 0; i < 5; ++i) all.push_back(n + i - 2);
  };
  for (unsigned bit = 0; bit < 64; ++bit) around(uint64_t{1} << bit);
  for (uint64_t power = 1; power <= 1'000'000'000'000'000'000; power *= 10) around(power);
  around(10'000'000'000'000'000'000U);
  uint64_t random = 1;
  for (unsigned i = 0; i < 100'000; ++i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    all.push_back(random >> i % 64);
  }
  return all;
}

TEST(JsonLine, NumbersAreThoseOfTheLibrary) {
  char text[64];
  for (const uint64_t n : numbers()) {
    ASSERT_EQ(std::string(text, JsonLine(text).number(n).end()), fmt::format("{}", n));
    ASSERT_EQ(std::string(text, JsonLine(text).hex(n).end()), fmt::format("\"0x{:x}\"", n));
  }
}

TEST(JsonLine, WhatComesAfterANumberOverwritesWhatItWroteTooMuch) {
  char text[64];
  char* const end = JsonLine(text).raw("[").number(12).raw(",").hex(0xa).raw(",").number(7).raw("]").end();
  EXPECT_EQ(std::string(text, end), R"([12,"0xa",7])");
}

TEST(JsonLine, QuotesAndControlCharactersAreEscaped) {
  EXPECT_EQ(json_quoted("a \"b\" \\\t\x7f"), "\"a \\\"b\\\" \\\\\\u0009\\u007f\"");
}

}  // namespace
}  // namespace mmusim
