// SPDX-License-Identifier: MIT
// design.md, "One settings grammar": what --platform and --set mean on every command.
#include "sim/scenario/settings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/scenario/known_keys.h"

namespace mmusim {
namespace {

using nlohmann::json;

json sample() {
  return json::parse(R"({
    "name": "sample", "platform": "milan", "kernel": {"version": "6.12"},
    "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000"}]},
    "phases": [{"phase": "boot"}, {"phase": "workload", "kind": "zipf"}]})");
}

json with(const std::vector<std::string>& assignments, json document = sample()) {
  Settings(document, scenario_keys(), "").apply_all(assignments);
  return document;
}

std::string message(const std::string& assignment, const json& document = sample()) {
  try {
    with({assignment}, document);
  } catch (const InputError& e) {
    return e.what();
  }
  return "(accepted)";
}

json at(const json& document, const std::string& pointer) { return document.at(json::json_pointer(pointer)); }

TEST(Settings, ReachIntoAPlatformByNameAndIntoItsArrays) {
  const json d = with({"/platform/tlbs/stlb/arrays/0/entries=4096"});
  EXPECT_EQ(at(d, "/platform/tlbs/stlb/arrays/0/entries"), 4096);
  EXPECT_EQ(at(d, "/platform/tlbs/stlb/arrays/0/ways"), 16) << "the rest is milan's";
  EXPECT_EQ(at(d, "/platform/name"), "milan");
}

TEST(Settings, ReachIntoTheDeviceByName) {
  const json d = with({"/platform/dram/device/timing_cycles/CL=30"});
  EXPECT_EQ(at(d, "/platform/dram/device/timing_cycles/CL"), 30);
  EXPECT_EQ(at(d, "/platform/dram/device/name"), "ddr4-3200");
}

TEST(Settings, ReachIntoAPlatformThatNamesABase) {
  json document = sample();
  document["platform"] = {{"base", "genoa"}, {"cores", 2}};
  const json d = with({"/platform/tlbs/l1_dtlb/arrays/0/ways=8"}, document);
  EXPECT_EQ(at(d, "/platform/tlbs/l1_dtlb/arrays/0/ways"), 8);
  EXPECT_EQ(at(d, "/platform/name"), "genoa");
  EXPECT_EQ(at(d, "/platform/cores"), 2);
}

TEST(Settings, TakeTheDefaultPlatformWhereNoneIsNamed) {
  json document = sample();
  document.erase("platform");
  EXPECT_EQ(at(with({"/platform/cores=2"}, document), "/platform/name"), kDefaultPlatform);
}

TEST(Settings, TakeTextWhereATextIsExpected) {
  EXPECT_EQ(at(with({"/kernel/version=6.1"}), "/kernel/version"), "6.1");
  EXPECT_EQ(at(with({"/kernel/version=6.10"}), "/kernel/version"), "6.10") << "as it stands, not as a number";
  EXPECT_EQ(at(with({"/kernel/version=\"6.1\""}), "/kernel/version"), "6.1");
  EXPECT_EQ(at(with({"/name=true"}), "/name"), "true");
  EXPECT_EQ(at(with({"/name=7"}), "/name"), "7");
  EXPECT_EQ(at(with({"/description=a = b"}), "/description"), "a = b");
  EXPECT_EQ(at(with({"/platform=genoa"}), "/platform"), "genoa");
  EXPECT_EQ(at(with({"/platform/core/model=window"}), "/platform/core/model"), "window");
  EXPECT_EQ(at(with({"/platform/dram/device=ddr5-4800"}), "/platform/dram/device"), "ddr5-4800");
}

TEST(Settings, TakeJsonEverywhereElse) {
  EXPECT_EQ(at(with({"/seed=7"}), "/seed"), 7);
  EXPECT_EQ(at(with({"/kernel/pti=true"}), "/kernel/pti"), true);
  EXPECT_EQ(at(with({"/phases/1/parameters={\"unit\": 64}"}), "/phases/1/parameters/unit"), 64);
  EXPECT_EQ(at(with({"/platform={\"base\": \"rome\"}"}), "/platform/base"), "rome");
  EXPECT_EQ(at(with({"/kernel/kaslr_seed=seed"}), "/kernel/kaslr_seed"), "seed");
  EXPECT_EQ(at(with({"/phases/1/parameters/bytes=64MiB"}), "/phases/1/parameters/bytes"), "64MiB");
  EXPECT_EQ(at(with({"/memory/ranges/0/start=0x2000"}), "/memory/ranges/0/start"), "0x2000");
}

TEST(Settings, MakeWhatIsMissingAndAddElements) {
  EXPECT_EQ(at(with({"/kernel/cpu/pse=false"}), "/kernel/cpu/pse"), false);
  EXPECT_EQ(at(with({"/phases/1/parameters/exponent=1.2"}), "/phases/1/parameters/exponent"), 1.2);
  EXPECT_EQ(at(with({"/memory/reserved/0/start=0x1000"}), "/memory/reserved/0/start"), "0x1000");
  EXPECT_EQ(at(with({"/memory/ranges/-={\"start\": 0, \"size\": 4096}"}), "/memory/ranges/1/size"), 4096);
  EXPECT_EQ(at(with({"/phases/2={\"phase\": \"mark\"}"}), "/phases/2/phase"), "mark");
}

TEST(Settings, NullTakesAKeyAway) {
  EXPECT_FALSE(with({"/kernel=null"}).contains("kernel"));
  EXPECT_FALSE(at(with({"/platform/tlbs/l2_itlb=null"}), "/platform/tlbs").contains("l2_itlb"));
}

TEST(Settings, LaterOnesSeeEarlierOnes) {
  const json d = with({"/platform=genoa", "/platform/cores=2", "/platform/tlbs/stlb/arrays/0/ways=12"});
  EXPECT_EQ(at(d, "/platform/name"), "genoa");
  EXPECT_EQ(at(d, "/platform/cores"), 2);
  EXPECT_EQ(at(with({"/phases/1/kind=strided", "/phases/1/parameters/stride=64"}), "/phases/1/parameters/stride"), 64);
}

TEST(Settings, ThePlatformOptionComesFirst) {
  json document = sample();
  Settings settings(document, scenario_keys(), "");
  settings.use_platform("genoa");
  settings.apply("/platform/cores=2");
  EXPECT_EQ(at(document, "/platform/name"), "genoa");
}

TEST(Settings, ABaseIsSetBeforeWhatChangesIt) {
  EXPECT_EQ(at(with({"/platform/base=rome"}), "/platform/base"), "rome");
  EXPECT_EQ(at(with({"/platform/base=rome", "/platform/cores=2"}), "/platform/name"), "rome");
  json document = sample();
  document = with({"/platform/cores=2"}, document);
  EXPECT_EQ(
      message("/platform/base=rome", document),
      "--set /platform/base=rome: the platform is an object already: set /platform=NAME, or the base before the keys "
      "that change it");
}

TEST(Settings, AMisspeltKeyIsToldTheNearestOne) {
  EXPECT_EQ(message("/platform/tlbs/stbl/arrays/0/entries=4"),
            "--set /platform/tlbs/stbl/arrays/0/entries=4: /platform/tlbs: no key \"stbl\", did you mean "
            "/platform/tlbs/stlb?");
  EXPECT_EQ(message("/kernel/vresion=6.1"),
            "--set /kernel/vresion=6.1: /kernel: no key \"vresion\", did you mean /kernel/version?");
  EXPECT_EQ(message("/kernal/version=6.1"), "--set /kernal/version=6.1: no key \"kernal\", did you mean /kernel?");
  EXPECT_EQ(message("/phases/1/parameters/exponnent=2"),
            "--set /phases/1/parameters/exponnent=2: /phases/1/parameters: no key \"exponnent\", did you mean "
            "/phases/1/parameters/exponent?");
  EXPECT_EQ(
      message("/platform/dram/device/timing_cycles/tRDC=1"),
      "--set /platform/dram/device/timing_cycles/tRDC=1: /platform/dram/device/timing_cycles: no key \"tRDC\", did you "
      "mean /platform/dram/device/timing_cycles/tRC?");
}

TEST(Settings, AKeyInTheWrongPlaceIsToldItsPlace) {
  EXPECT_EQ(message("/issue_width=4"),
            "--set /issue_width=4: no key \"issue_width\", did you mean /platform/core/issue_width?");
  EXPECT_EQ(message("/platform/hvo=true"),
            "--set /platform/hvo=true: /platform: no key \"hvo\", did you mean /kernel/hvo?");
}

TEST(Settings, AKeyOfAnotherKindOfPhaseIsRefused) {
  EXPECT_NE(message("/phases/0/start=0x0"), "(accepted)");
  EXPECT_NE(message("/phases/1/parameters/stride=64"), "(accepted)") << "zipf has no stride";
}

TEST(Settings, CarelessInputIsRefusedWithASentence) {
  EXPECT_EQ(message(""), "--set : expected /json/pointer=VALUE");
  EXPECT_EQ(message("/seed"), "--set /seed: expected /json/pointer=VALUE");
  EXPECT_EQ(message("seed=1"), "--set seed=1: expected /json/pointer=VALUE, did you mean /seed=1?");
  EXPECT_EQ(message("platform.cores=2"),
            "--set platform.cores=2: expected /json/pointer=VALUE, did you mean /platform/cores=2?");
  EXPECT_EQ(message("/seed/x=1"), "--set /seed/x=1: /seed takes one value (integer), it has no keys");
  EXPECT_EQ(message("/phases/boot/timed=false"),
            "--set /phases/boot/timed=false: /phases: no element \"boot\", expected 0 to 1, or - to add one");
  EXPECT_EQ(message("/phases/7/timed=false"),
            "--set /phases/7/timed=false: /phases: no element \"7\", expected 0 to 1, or - to add one");
  EXPECT_EQ(message("/phases/99999999999999999999999/timed=false"),
            "--set /phases/99999999999999999999999/timed=false: /phases: no element \"99999999999999999999999\", "
            "expected 0 to "
            "1, or - to add one");
  EXPECT_NE(message("/phases/-1/timed=false"), "(accepted)");
  EXPECT_NE(message("/phases/1/parameters={\"unit\": "), "(accepted)");
  EXPECT_EQ(message("/variants/a/seed=1"),
            "--set /variants/a/seed=1: variants are applied before settings: set the key itself");
  EXPECT_NE(message("/name=\xff"), "(accepted)");
  EXPECT_NE(message("/=1"), "(accepted)");
  EXPECT_NE(message("//=1"), "(accepted)");
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "/a";
  EXPECT_NE(message(deep + "=1"), "(accepted)");
  EXPECT_LT(message("/" + std::string(100'000, 'x') + "=1").size(), 1000U);
}

TEST(Settings, AnUnknownPlatformListsThoseThereAre) {
  EXPECT_NE(message("/platform/cores=2", json::parse(R"({"platform": "pentium"})")).find("milan"), std::string::npos);
}

TEST(ChoosePlatform, IsThatOfACommandWithoutAScenario) {
  EXPECT_EQ(choose_platform("textbook", {"/platform/cores=3"}).config.cores, 3U);
  EXPECT_EQ(choose_platform("textbook", {"/platform=milan", "/platform/cores=3"}).config.name, "milan");
  EXPECT_THROW(choose_platform("textbook", {"/platform/cores=0"}), InputError);
  EXPECT_THROW(choose_platform("textbook", {"/kernel/levels=5"}), InputError);
}

}  // namespace
}  // namespace mmusim
