// SPDX-License-Identifier: MIT
#include "sim/measure/measured_platform.h"

#include <gtest/gtest.h>

#include <random>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "sim/machine/platform.h"
#include "sim/measure/counterpart.h"
#include "sim/measure/measure_report.h"

namespace mmusim {
namespace {

Finding found(const std::string& name, double value) {
  return {name, "entries", Interval{value, value - 1, value + 1}, ""};
}

/// Findings of a machine that nobody has, drawn at random.
Survey random_survey(unsigned seed) {
  std::mt19937 random(seed);
  Survey survey;
  for (const char* name : {"l1_dtlb.4K.entries",
                           "l1_dtlb.2M.entries",
                           "l1_dtlb.1G.entries",
                           "stlb.4K.entries",
                           "stlb.2M.entries",
                           "stlb.1G.entries",
                           "l1_itlb.4K.entries",
                           "l2_itlb.4K.entries",
                           "l1d.size_kib",
                           "l2.size_kib",
                           "l3.size_kib",
                           "l1d.latency_cycles",
                           "l2.latency_cycles",
                           "l3.latency_cycles",
                           "stlb.4K.hit_penalty_cycles",
                           "l2_itlb.4K.hit_penalty_cycles",
                           "walkers",
                           "walk.lookup_cycles",
                           "structure_caches.pde.entries",
                           "structure_caches.pdpte.entries",
                           "l1_dtlb.4K.ways",
                           "stlb.4K.ways"}) {
    const std::string text = name;
    if (random() % 4 == 0) continue;
    const unsigned most = text.ends_with("walkers") ? 16 : text.ends_with("ways") ? 32 : 3000;
    survey.findings.push_back(found(text, 1.0 + static_cast<double>(random() % most)));
  }
  return survey;
}

TEST(MeasuredPlatform, M3_WhateverWasFoundTheFileIsAPlatformOnAnyPreset) {
  for (const std::string& preset : config_names("platforms")) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
      std::vector<std::string> remarks;
      const MeasuredPlatformInput input{
          preset, "m", "", 3000, seed % 2 == 0 ? VirtualizationMode::kEpt : VirtualizationMode::kNone, 40, {}, {}};
      const auto document = measured_platform(platform_document(preset), input, random_survey(seed), remarks);
      EXPECT_NO_THROW(read_platform_document(document, "m")) << preset << " " << seed;
    }
  }
}

TEST(MeasuredPlatform, M3_NumbersAndTheirSourcesAreThere) {
  Survey survey;
  survey.findings = {found("l1_dtlb.4K.entries", 48), found("stlb.4K.hit_penalty_cycles", 9), found("walkers", 3)};
  std::vector<std::string> remarks;
  const auto document = measured_platform(platform_document("milan"),
                                          {"milan", "m", "", 0, VirtualizationMode::kNone, 0, {}, {}}, survey, remarks);
  const PlatformConfig platform = read_platform_document(document, "m");
  EXPECT_EQ(platform.lsu.tlbs.load.arrays[0].geometry.entries, 48U);
  EXPECT_EQ(platform.second_level.data.hit_penalty.count, 9U);
  EXPECT_EQ(platform.walker.walkers, 3U);
  EXPECT_EQ(document["tlbs"]["l1_dtlb"]["arrays"][0]["source"],
            "entries: measured 48 (47 to 49); ways: as entries: fully associative, which was not measured");
  EXPECT_EQ(document["caches"]["l1d"]["source"],
            "latency_cycles: from preset milan; miss_registers: from preset milan; ports: from preset milan; "
            "size_kib: from preset milan; ways: from preset milan");
}

TEST(MeasuredPlatform, M3_StructureCachesGoWhereThePresetHasThem) {
  Survey survey;
  survey.findings = {found("structure_caches.pde.entries", 24), found("structure_caches.pdpte.entries", 12)};
  std::vector<std::string> remarks;
  const auto intel =
      measured_platform(platform_document("skylake-sp"),
                        {"skylake-sp", "m", "", 0, VirtualizationMode::kNone, 0, {}, {}}, survey, remarks);
  const StructureCachesConfig own = read_platform_document(intel, "m").walker.structure_caches;
  EXPECT_EQ(own.level[2].entries, 24U);
  EXPECT_EQ(own.level[3].entries, 12U);
  EXPECT_TRUE(remarks.empty());
  const auto amd = measured_platform(platform_document("milan"),
                                     {"milan", "m", "", 0, VirtualizationMode::kNone, 0, {}, {}}, survey, remarks);
  EXPECT_EQ(read_platform_document(amd, "m").walker.structure_caches.upper.entries, 12U);
  ASSERT_EQ(remarks.size(), 1U);
  EXPECT_NE(remarks[0].find("milan has no such cache"), std::string::npos) << remarks[0];
}

TEST(Agreement, M4_CountsPointsOutsideKneesAndNamesThoseThatDiffer) {
  Survey measured;
  Counterpart simulated;
  NamedCurve real{"lines", "lines", {}}, model{"lines", "lines", {}};
  for (uint64_t n = 16; n <= 4096; n *= 2) {
    const double cost = n <= 256 ? 4 : 12;
    insert(real.points, {n, {cost, cost, cost}});
    const double other = n == 4096 ? 20 : cost * 1.1;
    insert(model.points, {n, {other, other, other}});
  }
  measured.curves = {real};
  simulated.curves = {model};
  const auto list = agreement(measured, simulated);
  ASSERT_EQ(list.size(), 1U);
  // 16 to 128 and 1024: the knees are at 256 to 512 and, of the model, at 2048 to 4096.
  EXPECT_EQ(list[0].compared, 5U);
  EXPECT_EQ(list[0].within, 5U);
  simulated.curves[0].points[0].cycles.median = 4.7;
  const auto off = agreement(measured, simulated);
  EXPECT_EQ(off[0].within, 4U);
  EXPECT_EQ(off[0].first_off, 16U);
  EXPECT_NE(sentence_of(off[0]).find("not the one at 16"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
