// SPDX-License-Identifier: MIT
#include "sim/scenario/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"

namespace mmusim {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ScenarioFile : public testing::Test {
 protected:
  ScenarioFile() {
    good_ = json::parse(R"({
      "name": "test", "platform": {"name": "none"},
      "kernel": {"version": "6.1"},
      "memory": {"ranges": [{"start": "0x1000", "end": "0x9f000", "node": 0},
                            {"start": "0x100000", "end": "0x20000000", "node": 0}],
                 "reserved": [{"start": "0x1000000", "end": "0x4000000"}]},
      "phases": [{"phase": "boot"},
                 {"phase": "hot_add", "stage": "plug", "start": "0x100000000", "size": "128MiB"},
                 {"phase": "workload", "kind": "random_pfn", "parameters": {"operations": 10}}],
      "variants": {"five": {"kernel": {"levels": 5}}, "bad": 1}})");
    good_["variants"].erase("bad");
  }
  std::string write(const std::string& text) {
    // Tests run side by side, each in a process of its own.
    const std::string path = testing::TempDir() + fmt::format("/{}-scenario_test.json", getpid());
    std::ofstream(path) << text;
    return path;
  }
  Scenario load(const json& document, const ScenarioOverrides& overrides = {}) {
    return load_scenario(write(document.dump()), overrides);
  }
  /// What load_scenario says about the scenario after `change`.
  template <class Change>
  std::string error_after(Change&& change) {
    json document = good_;
    change(document);
    try {
      load(document);
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  }
  json good_;
};

TEST_F(ScenarioFile, PhasesKeepTheirStageUntilTheNextOne) {
  const Scenario s = load(good_);
  ASSERT_EQ(s.phases.size(), 3U);
  EXPECT_EQ(s.phases[0].stage, "boot");
  EXPECT_EQ(s.phases[1].stage, "plug");
  EXPECT_EQ(s.phases[2].stage, "plug");
  EXPECT_TRUE(s.phases[0].timed);
  EXPECT_EQ(s.seed, 1U);
}

TEST_F(ScenarioFile, UnknownKeyIsNamedWithItsPointer) {
  EXPECT_THAT(error_after([](json& d) { d["kernell"] = 1; }), HasSubstr("scenario_test.json: /kernell: unknown key"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][1]["sise"] = 1; }), HasSubstr("/phases/1/sise: unknown key"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][2]["parameters"]["count"] = 1; }),
              HasSubstr("/phases/2/parameters/count: unknown key"));
}

TEST_F(ScenarioFile, WrongTypeIsNamedWithItsPointer) {
  EXPECT_THAT(error_after([](json& d) { d["seed"] = "yes"; }), HasSubstr("/seed: expected a non-negative integer"));
  EXPECT_THAT(error_after([](json& d) { d["seed"] = -1; }), HasSubstr("/seed: expected a non-negative integer"));
  EXPECT_THAT(error_after([](json& d) { d["phases"] = 5; }), HasSubstr("/phases: expected an array"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][0] = 5; }), HasSubstr("/phases/0: expected an object"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][1]["start"] = 1.5; }), HasSubstr("/phases/1/start"));
  EXPECT_THAT(error_after([](json& d) { d["platform"] = 5; }), HasSubstr("/platform: expected the name"));
}

TEST_F(ScenarioFile, WhatIsNoObjectIsRefused) {
  for (const char* text : {"8", "null", "[]", "\"x\""}) {
    EXPECT_THROW(scenario_from_json(json::parse(text), "scenario_test.json"), InputError) << text;
  }
}

TEST_F(ScenarioFile, OverlappingRangesAreRefused) {
  EXPECT_THAT(error_after([](json& d) { d["memory"]["ranges"][1]["start"] = "0x9e000"; }), HasSubstr("/memory/ranges"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][1]["start"] = "0x10000000"; }),
              HasSubstr("/phases/1/start: 0x10000000 to 0x18000000 overlaps memory of the boot"));
}

TEST_F(ScenarioFile, MemoryBeyondTheAddressWidthIsRefused) {
  EXPECT_THAT(error_after([](json& d) { d["memory"]["ranges"][1]["end"] = "0x800000000000"; }),
              HasSubstr("/memory/ranges/1"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][1]["size"] = "8388608TiB"; }), HasSubstr("/phases/1/size"));
}

TEST_F(ScenarioFile, MissingFilesAreNamed) {
  EXPECT_THAT(error_after([](json& d) {
                d["phases"][2] = {{"phase", "replay"}, {"trace", "no/such.vmt"}};
              }),
              HasSubstr("/phases/2/trace: no such file: no/such.vmt"));
  EXPECT_THAT(error_after([](json& d) { d["platform"] = "no-such-platform"; }), HasSubstr("/platform: "));
  EXPECT_THROW(load_scenario("/no/such/file.json"), EnvironmentError);
}

TEST_F(ScenarioFile, TrailingCommaIsRefusedWithItsPlace) {
  std::string text = good_.dump();
  text.insert(text.size() - 1, ",");
  try {
    load_scenario(write(text));
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("scenario_test.json"));
    EXPECT_THAT(e.what(), HasSubstr("line 1"));
  }
}

TEST_F(ScenarioFile, PhasesInImpossibleOrderAreRefused) {
  EXPECT_THAT(error_after([](json& d) { std::swap(d["phases"][0], d["phases"][1]); }),
              HasSubstr("/phases/0/phase: \"hot_add\" before \"boot\""));
  EXPECT_THAT(error_after([](json& d) {
                d["phases"].push_back({{"phase", "boot"}});
              }),
              HasSubstr("/phases/3/phase: \"boot\" again"));
  EXPECT_THAT(error_after([](json& d) { d["phases"][1]["phase"] = "hot_remove"; }),
              HasSubstr("/phases/1/start: no memory was added"));
  EXPECT_THAT(error_after([](json& d) { d["phases"].push_back(d["phases"][1]); }),
              HasSubstr("/phases/3/start: 0x100000000 to 0x108000000 overlaps memory added before"));
}

TEST_F(ScenarioFile, AllErrorsAreReportedTogether) {
  const std::string text = error_after([](json& d) {
    d["seed"] = -1;
    d["x"] = 1;
    d["phases"][1]["size"] = "a lot";
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(ScenarioFile, SetChangesWhatItPointsTo) {
  const Scenario s =
      load(good_, {.variant = {}, .sets = {"/seed=7", "/phases/0/timed=false", "/name=other"}, .seed = {}});
  EXPECT_EQ(s.seed, 7U);
  EXPECT_FALSE(s.phases[0].timed);
  EXPECT_EQ(s.name, "other");
  EXPECT_EQ(load(good_, {.variant = {}, .sets = {"/seed=7"}, .seed = 9}).seed, 9U);
}

TEST_F(ScenarioFile, VariantsAreMergePatches) {
  EXPECT_EQ(load(good_).kernel.levels, 4U);
  EXPECT_EQ(load(good_, {.variant = "five", .sets = {}, .seed = {}}).kernel.levels, 5U);
  EXPECT_THROW(load(good_, {.variant = "six", .sets = {}, .seed = {}}), InputError);
  EXPECT_EQ(scenario_variants(write(good_.dump())), std::vector<std::string>{"five"});
}

TEST_F(ScenarioFile, C3_RegionBasesMayBeDrawnFromTheSeedOfTheRun) {
  good_["kernel"]["kaslr_seed"] = "seed";
  const auto drawn = [&](uint64_t seed) {
    return load(good_, {.variant = {}, .sets = {}, .seed = seed}).kernel.kaslr_seed;
  };
  ASSERT_TRUE(drawn(1).has_value());
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
  EXPECT_THAT(error_after([](json& d) { d["kernel"]["kaslr_seed"] = "random"; }), HasSubstr("/kernel/kaslr_seed"));
}

TEST_F(ScenarioFile, VariantsKeepTheOrderOfTheFile) {
  EXPECT_EQ(scenario_variants(write(R"({"variants": {"plain": {}, /* the baseline */ "better": {}, "best": {}}})")),
            (std::vector<std::string>{"plain", "better", "best"}));
}

TEST_F(ScenarioFile, PlatformMayPatchAnotherFile) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/base_platform.json") << R"({"name": "base", "cores": 1, "l1d": {"ways": 8}})";
  good_["platform"] = {{"base", "base_platform.json"}, {"l1d", {{"ways", 12}}}};
  const json platform = json::parse(load(good_).platform);
  EXPECT_EQ(platform["l1d"]["ways"], 12);
  EXPECT_EQ(platform["name"], "base");
  good_["platform"] = "base_platform.json";
  const Scenario s = load(good_, {.variant = {}, .sets = {"/platform/l1d/ways=16"}, .seed = {}});
  EXPECT_EQ(json::parse(s.platform)["l1d"]["ways"], 16);
}

TEST_F(ScenarioFile, FoliosMustBeAlignedPairs) {
  good_["phases"].push_back({{"phase", "hugetlb"}, {"optimise", {{512, 512}, {513, 512}, {0, 100}, 7}}});
  try {
    load(good_);
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("/phases/3/optimise: element 1"));
    EXPECT_THAT(e.what(), HasSubstr("element 2"));
    EXPECT_THAT(e.what(), HasSubstr("element 3"));
  }
}

}  // namespace
}  // namespace mmusim
