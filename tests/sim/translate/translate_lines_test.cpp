// SPDX-License-Identifier: MIT
// What translate does with lines that are not as they should be.
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "sim/translate/case_translator.h"

namespace mmusim {
namespace {

using nlohmann::json;

json good_case() {
  return json::parse(R"({"id":"a","mode":"L4","maxpa":40,"g1":1,"cr0":"80010011","cr3":"204000","cr4":"20","efer":"d00",
    "pkru":"0","pkrs":"0","ac":0,"cpl":0,"acc":"r","imp":0,"stk":0,"va":"ffff9000ffc01008","n":8,"ew":8,
    "mem":[["204900","4001003"],["4001018","400001e3"]]})");
}

struct Answer {
  bool good;
  json object;
};

Answer answer(const std::string& line, uint64_t number = 1, CaseDefaults defaults = {}) {
  std::string padded = line + std::string(CaseTranslator::kPadding, '}');
  std::string out;
  CaseTranslator translator(defaults);
  const bool good = translator.translate_line(std::string_view(padded).substr(0, line.size()), number, out);
  EXPECT_EQ(out.back(), '\n');
  return {good, json::parse(out)};
}

std::string error_of(const json& c) {
  const Answer a = answer(c.dump(), 77);
  EXPECT_FALSE(a.good) << c;
  EXPECT_EQ(a.object.value("line", 0), 77);
  return a.object.value("error", "");
}

std::string error_with(const char* key, const json& value) {
  json c = good_case();
  c[key] = value;
  return error_of(c);
}

using ::testing::Test;

TEST(TranslateLines, AGoodCaseNeedsNoOptionalKey) {
  json c = good_case();
  for (const char* key : {"mode", "pkru", "pkrs", "ac", "imp", "stk", "ew"}) c.erase(key);
  const Answer a = answer(c.dump());
  EXPECT_TRUE(a.good);
  EXPECT_EQ(a.object, json::parse(R"({"id":"a","out":"ok","pa":"7fc01008","aft":["4001023","400001e3"]})"));
}

TEST(TranslateLines, AccessedBitsAreSetInWhatIsReturned) {
  json c = good_case();
  c["acc"] = "rmw";
  c["mem"][1][1] = "40000083";
  EXPECT_EQ(answer(c.dump()).object["aft"], json({"4001023", "400000e3"}));
}

TEST(TranslateLines, EachMissingKeyIsNamed) {
  for (const char* key : {"id", "maxpa", "g1", "cr0", "cr3", "cr4", "efer", "cpl", "acc", "va", "n", "mem"}) {
    json c = good_case();
    c.erase(key);
    EXPECT_EQ(error_of(c), std::string(key) + ": missing");
  }
}

TEST(TranslateLines, APlatformSuppliesWhatTheProcessorIs) {
  json c = good_case();
  c.erase("maxpa");
  c.erase("g1");
  CaseDefaults defaults;
  defaults.traits = ProcessorTraits{};
  EXPECT_EQ(answer(c.dump(), 1, defaults).object["out"], "ok");
  defaults.traits->gib_pages = false;
  EXPECT_EQ(answer(c.dump(), 1, defaults).object["ec"], "9");
}

TEST(TranslateLines, WrongTypesAndRangesAreNamed) {
  EXPECT_EQ(error_with("id", 5), "id: expected a string");
  EXPECT_EQ(error_with("cr3", 5), "cr3: expected a string");
  EXPECT_EQ(error_with("cr3", "12g"), "cr3: expected up to 16 hex digits");
  EXPECT_EQ(error_with("cr3", ""), "cr3: expected up to 16 hex digits");
  EXPECT_EQ(error_with("cr3", "11112222333344445"), "cr3: expected up to 16 hex digits");
  EXPECT_EQ(error_with("pkru", "100000000"), "pkru: expected up to 8 hex digits");
  EXPECT_EQ(error_with("n", 0), "n: expected an integer from 1 to 4096");
  EXPECT_EQ(error_with("n", 4097), "n: expected an integer from 1 to 4096");
  EXPECT_EQ(error_with("n", -1), "n: expected an integer from 1 to 4096");
  EXPECT_EQ(error_with("n", 2.5), "n: expected an integer from 1 to 4096");
  EXPECT_EQ(error_with("maxpa", 53), "maxpa: expected an integer from 32 to 52");
  EXPECT_EQ(error_with("ac", 2), "ac: expected an integer from 0 to 1");
  EXPECT_EQ(error_with("cpl", 4), "cpl: expected an integer from 0 to 3");
  EXPECT_EQ(error_with("acc", "q"), "acc: expected r, w, x or rmw");
  EXPECT_EQ(error_with("ew", 4), "ew: entries have 8 bytes in this mode");
}

TEST(TranslateLines, ControlStatesThatCannotBeAreRefused) {
  EXPECT_EQ(error_with("mode", "L5"), "mode: the control registers say L4");
  EXPECT_EQ(error_with("cr0", "80000000"), "CR0 has PG=1 with PE=0");
  EXPECT_EQ(error_with("cr3", "10000000000"), "CR3 0x10000000000 has reserved bits set (MAXPHYADDR is 40)");
}

TEST(TranslateLines, MemoryIsChecked) {
  EXPECT_EQ(error_with("mem", 1), "mem: expected an array");
  EXPECT_EQ(error_with("mem", {1}), "mem: item 0: expected [address, entry] in hex");
  EXPECT_EQ(error_with("mem", json::parse(R"([["0","0","0"]])")), "mem: item 0: expected [address, entry] in hex");
  EXPECT_EQ(error_with("mem", json::parse(R"([["8","0"],["z","0"]])")),
            "mem: item 1: expected [address, entry] in hex");
  EXPECT_EQ(error_with("mem", json::parse(R"([["4","0"]])")), "mem: item 0: address not aligned to 8");
  EXPECT_EQ(error_with("mem", json::parse(R"([["10000000000000","0"]])")), "mem: item 0: address beyond 52 bits");
  EXPECT_EQ(error_with("mem", json::parse(R"([["8","0"],["8","1"]])")), "mem: address 0x8 is listed twice");
}

TEST(TranslateLines, LongMemoryListsAreSearchedNotScanned) {
  json c = good_case();
  for (unsigned i = 0; i < 20000; ++i) c["mem"].push_back({fmt::format("{:x}", 0x10000000 + 8 * i), "0"});
  const Answer a = answer(c.dump());
  EXPECT_EQ(a.object["pa"], "7fc01008");
  EXPECT_EQ(a.object["aft"].size(), 20002U);
  c["mem"].push_back({"204900", "0"});
  EXPECT_EQ(error_of(c), "mem: address 0x204900 is listed twice");
}

TEST(TranslateLines, GarbageIsAnErrorAndNeverAnException) {
  for (const char* line : {"", "{", "[]", "null", "nan", "\"x\"", "{\"id\":", "{\"id\":\"\\ud800\"}", "\xff\xfe",
                           "{}{}", "{\"id\":\"a\",\"id\":\"b\"}"}) {
    EXPECT_FALSE(answer(line).good) << line;
  }
  std::string deep(200'000, '[');
  EXPECT_FALSE(answer(deep).good);
}

TEST(TranslateLines, IdsComeBackAsTheyCame) {
  json c = good_case();
  for (const std::string id : {"q\"uote", "back\\slash", "tab\t", "nul\x01", "\xc3\xa9", ""}) {
    c["id"] = id;
    EXPECT_EQ(answer(c.dump()).object["id"], id);
  }
}

TEST(TranslateLines, PaeLoadsItsPdptesAndRefusesReservedBits) {
  json c = good_case();
  c.update(json::parse(R"({"mode":"PAE","efer":"800","cr3":"200020","va":"c0a01234","n":4,
    "mem":[["200038","4001001"],["4001028","4002067"],["4002008","a123025"]]})"));
  EXPECT_EQ(answer(c.dump()).object,
            json::parse(R"({"id":"a","out":"ok","pa":"a123234","aft":["4001001","4002067","a123025"]})"));
  c["mem"][0][1] = "4001003";
  EXPECT_EQ(answer(c.dump()).object["out"], "gp");
  c["va"] = "1c0a01234";
  EXPECT_EQ(error_of(c), "va: linear addresses have 32 bits in this mode");
}

}  // namespace
}  // namespace mmusim
