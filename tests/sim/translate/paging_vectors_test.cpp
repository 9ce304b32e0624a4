// SPDX-License-Identifier: MIT
// A sample of the recorded outcomes of independent implementations (tests/data/paging, up to 300 cases of each file,
// chosen over all kinds of case): every line must come out as recorded, entry contents included.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/trace/byte_stream.h"
#include "sim/translate/case_translator.h"

namespace mmusim {
namespace {

std::vector<std::string> paging_lines(const std::string& name) {
  ByteInput input = open_bytes(std::string(MMUSIM_SOURCE_DIR "/tests/data/paging/") + name);
  ByteReader reader(std::move(input.source));
  std::vector<std::string> lines;
  while (const auto line = reader.line()) lines.emplace_back(*line);
  return lines;
}

std::string translated(const std::string& line) {
  std::string padded = line + std::string(CaseTranslator::kPadding, ' ');
  std::string out;
  CaseTranslator translator(CaseDefaults{});
  EXPECT_TRUE(translator.translate_line(std::string_view(padded).substr(0, line.size()), 1, out)) << out;
  return out;
}

class PagingVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(PagingVectors, ComeOutAsRecorded) {
  const auto lines = paging_lines(GetParam());
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
