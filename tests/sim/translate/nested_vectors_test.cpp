// SPDX-License-Identifier: MIT
// A sample of the outcomes of two-dimensional translations (tests/data/nested, up to 200 cases of each file, chosen
// over all kinds of case): every line must come out as recorded under the masks of what a processor may leave open.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/translate/case_translator.h"
#include "tests/sim/translate/vector_lines.h"

namespace mmusim {
namespace {

using nlohmann::json;

json translated(CaseTranslator& translator, const std::string& line) {
  std::string padded = line + std::string(CaseTranslator::kPadding, ' ');
  std::string out;
  EXPECT_TRUE(translator.translate_line(std::string_view(padded).substr(0, line.size()), 1, out)) << out;
  return json::parse(out);
}

uint64_t number(const json& value) { return std::stoull(value.get<std::string>(), nullptr, 16); }

void expect_entries(const json& vector, const json& result, const char* after, const char* may) {
  ASSERT_EQ(result[after].size(), vector[after].size());
  for (size_t i = 0; i < vector[after].size(); ++i) {
    const uint64_t open = vector.contains(may) ? number(vector[may][i]) : 0;
    EXPECT_EQ(number(result[after][i]) & ~open, number(vector[after][i]) & ~open) << after << " " << i;
  }
}

class NestedVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(NestedVectors, ComeOutAsRecorded) {
  CaseTranslator translator(CaseDefaults{});
  const auto lines = vector_lines(std::string("nested/") + GetParam());
  ASSERT_GE(lines.size(), 150U);
  for (const std::string& line : lines) {
    SCOPED_TRACE(line);
    const json vector = json::parse(line);
    const json result = translated(translator, line);
    for (const char* key :
         {"id", "out", "reason", "gpa", "gpa2", "pa", "pa2", "refs", "mt", "ec", "cr2", "gla", "ei1", "ei2"}) {
      if (vector.contains(key)) {
        EXPECT_EQ(result.value(key, json()), vector[key]) << key;
      }
    }
    if (vector.contains("qual")) {
      EXPECT_EQ((number(result["qual"]) ^ number(vector["qual"])) & ~number(vector.value("qmay", json("0"))), 0U);
    }
    expect_entries(vector, result, "aft", "may");
    expect_entries(vector, result, "naft", "nmay");
  }
}

INSTANTIATE_TEST_SUITE_P(Files, NestedVectors,
                         ::testing::Values("EPT1.jsonl.zst", "EPTF.jsonl.zst", "EPTX.jsonl.zst", "EPT_L4.jsonl.zst",
                                           "EPT_L5.jsonl.zst", "EPT_P32.jsonl.zst", "EPT_PAE.jsonl.zst",
                                           "EPT_PG0.jsonl.zst", "NPT5.jsonl.zst", "NPTF.jsonl.zst", "NPTX.jsonl.zst",
                                           "NPT_L4.jsonl.zst", "NPT_L5.jsonl.zst", "NPT_P32.jsonl.zst",
                                           "NPT_PAE.jsonl.zst", "NPT_PG0.jsonl.zst"));

const char* const kCase =
    R"({"id":"a","nk":"ept","mode":"NONE","maxpa":40,"g1":1,"ng1":1,"cr0":"31","cr3":"0","cr4":"0","efer":"0","cpl":0,
        "acc":"r","va":"403fb621","n":4,"nested":{"eptp":"40d5018"},"mem":[],"nmem":[["40d5000","4261007"],["4261008","400000b7"]]})";

std::string nested_error_with(const char* key, const json& value) {
  CaseTranslator translator(CaseDefaults{});
  json c = json::parse(kCase);
  if (value.is_null()) {
    c.erase(key);
  } else {
    c[key] = value;
  }
  const std::string line = c.dump();
  const std::string padded = line + std::string(CaseTranslator::kPadding, ' ');
  std::string out;
  EXPECT_FALSE(translator.translate_line(std::string_view(padded).substr(0, line.size()), 1, out)) << out;
  return json::parse(out).value("error", "");
}

TEST(NestedCases, TheSmallestOneIsTranslated) {
  CaseTranslator translator(CaseDefaults{});
  const json result = translated(translator, json::parse(kCase).dump());
  EXPECT_EQ(result["out"], "ok");
  EXPECT_EQ(result["pa"], "403fb621");
  EXPECT_EQ(result["refs"], 2);
}

TEST(NestedCases, WhatIsWrongIsNamed) {
  EXPECT_EQ(nested_error_with("nk", "hpt"), "nk: expected ept or npt");
  EXPECT_EQ(nested_error_with("nk", nullptr), "nk: missing");
  EXPECT_EQ(nested_error_with("nested", nullptr), "nested: missing");
  EXPECT_EQ(nested_error_with("nmem", nullptr), "nmem: missing");
  EXPECT_EQ(nested_error_with("nested", json::object()), "nested: expected eptp");
  EXPECT_EQ(nested_error_with("nested", {{"eptp", "40d5018"}, {"ncr3", "0"}}),
            "nested: keys of EPT and of NPT, but nk says ept");
  EXPECT_EQ(nested_error_with("nested", {{"eptp", "40d5018"}, {"xo", 2}}), "xo: expected an integer from 0 to 1");
  EXPECT_EQ(nested_error_with("nested", {{"eptp", "40d501b"}}),
            "nested: EPTP 0x40d501b has memory type 3, expected 0 (UC) or 6 (WB)");
  EXPECT_EQ(nested_error_with("nested", {{"eptp", "40d5010"}}),
            "nested: EPTP 0x40d5010 has a walk length of 3, expected 4 or 5");
  EXPECT_EQ(nested_error_with("nested", {{"eptp", "100040d5018"}}),
            "nested: EPTP 0x100040d5018 has reserved bits set (MAXPHYADDR is 40)");
  EXPECT_EQ(nested_error_with("pdpte", {"0", "0", "0", "0"}),
            "pdpte: only a PAE guest of EPT has its PDPTEs in registers");
  EXPECT_EQ(nested_error_with("mem", json::parse(R"([["1000","0"]])")), "memh: missing");
  EXPECT_EQ(nested_error_with("memh", {"1000"}), "memh: expected one host address for each entry of mem");
  EXPECT_EQ(nested_error_with("nmem", json::parse(R"([["1000","0"],["1000","1"]])")),
            "nmem: host address 0x1000 is listed twice");
}

}  // namespace
}  // namespace mmusim
