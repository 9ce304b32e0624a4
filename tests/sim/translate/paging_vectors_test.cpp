// SPDX-License-Identifier: MIT
// A sample of the recorded outcomes of independent implementations (tests/data/paging, up to 300 cases of each file,
// chosen over all kinds of case): every line must come out as recorded, entry contents included.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/translate/case_translator.h"
#include "tests/sim/translate/vector_lines.h"

namespace mmusim {
namespace {

std::string translated(const std::string& line) {
  std::string padded = line + std::string(CaseTranslator::kPadding, ' ');
  std::string out;
  CaseTranslator translator(CaseDefaults{});
  EXPECT_TRUE(translator.translate_line(std::string_view(padded).substr(0, line.size()), 1, out)) << out;
  return out;
}

class PagingVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(PagingVectors, ComeOutAsRecorded) {
  const auto lines = vector_lines(std::string("paging/") + GetParam());
  ASSERT_EQ(lines.size(), 300U);
  for (const std::string& line : lines) {
    const auto vector = nlohmann::json::parse(line);
    nlohmann::json expected;
    for (const char* key : {"id", "out", "ec", "cr2", "pa", "pa2", "aft"}) {
      if (vector.contains(key)) expected[key] = vector[key];
    }
    EXPECT_EQ(nlohmann::json::parse(translated(line)), expected) << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, PagingVectors,
                         ::testing::Values("L4.jsonl.zst", "L5.jsonl.zst", "PAE.jsonl.zst", "P32.jsonl.zst",
                                           "L4n1g.jsonl.zst", "MAXPA.jsonl.zst"));

}  // namespace
}  // namespace mmusim
