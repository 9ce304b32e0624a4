// SPDX-License-Identifier: MIT
#include "sim/events/timeline.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/log_files.h"
#include "tests/support/sample_events.h"

namespace mmusim {
namespace {

using nlohmann::json;

/// The trace, checked against what Perfetto needs of each event.
json checked(const std::string& path) {
  const json trace = json::parse(slurp(path));
  for (const json& e : trace["traceEvents"]) {
    EXPECT_TRUE(e["name"].is_string() && e["ph"].is_string() && e["pid"].is_number() && e["tid"].is_number()) << e;
    const std::string ph = e["ph"];
    if (ph == "M") continue;
    EXPECT_GE(e["ts"].get<double>(), 0) << e;
    if (ph == "X") {
      EXPECT_GE(e["dur"].get<double>(), 0) << e;
    }
    if (ph == "s" || ph == "t" || ph == "f") {
      EXPECT_TRUE(e["id"].is_number()) << e;
    }
    EXPECT_TRUE(ph == "X" || ph == "s" || ph == "t" || ph == "f") << e;
  }
  return trace;
}

std::map<std::string, int> count_of_names(const json& trace) {
  std::map<std::string, int> counts;
  for (const json& e : trace["traceEvents"]) {
    if (e["ph"] != "M") ++counts[e["name"]];
  }
  return counts;
}

TEST(Timeline, ShowsPhasesFunctionsWalksReadsAndBanks) {
  const ScratchDir dir;
  Timeline timeline(dir / "t.json", {.core_ghz = 2.0});
  timeline.phase({CycleTime(0), "boot", "boot"});
  timeline.kernel_slice(0, "vmemmap_pte_populate", 10, 20);
  timeline.kernel_slice(0, "vmemmap_pte_populate", 20, 30);  // goes on: one slice
  timeline.kernel_slice(0, "vmemmap_pmd_populate", 30, 40);
  timeline.walk(sample_walk(1));
  timeline.access(sample_access(2));  // the access that asked for walk 1
  timeline.access(sample_access(9));  // did not walk
  timeline.dram_slice(0, 1, 2, "ACT", 77, 100, 140);
  timeline.close(CycleTime(400));
  const json trace = checked(dir / "t.json");
  auto counts = count_of_names(trace);
  EXPECT_EQ(counts["boot (boot)"], 1);
  EXPECT_EQ(counts["vmemmap_pte_populate"], 1);
  EXPECT_EQ(counts["vmemmap_pmd_populate"], 1);
  EXPECT_EQ(counts["walk 4K"], 1);
  EXPECT_EQ(counts["level 1: DRAM"], 1);
  EXPECT_EQ(counts["level 2: L2"], 1);
  EXPECT_EQ(counts["write"], 1);
  EXPECT_EQ(counts["walk"], 4) << "an arrow from the access to the walk and to each of its two reads";
  EXPECT_EQ(counts["ACT"], 1);
  for (const json& e : trace["traceEvents"]) {
    if (e["name"] == "boot (boot)") {
      EXPECT_DOUBLE_EQ(e["dur"].get<double>(), 0.2) << "400 cycles at 2 GHz, in us";
    }
  }
}

TEST(Timeline, ArrowsLeadFromTheSenderOfInterruptsToEachHandlerAndBack) {
  const ScratchDir dir;
  Timeline timeline(dir / "t.json", {});
  timeline.interrupts_sent(0, 2);
  timeline.interrupt_handled(0, 2, 100, 140, 170);
  timeline.interrupts_sent(1, 1);  // while core 0 waits
  timeline.interrupt_handled(1, 2, 150, 170, 180);
  timeline.interrupt_handled(0, 1, 100, 160, 200);
  timeline.interrupts_sent(3, 2);  // the run ends before they are handled
  timeline.close(CycleTime(400));
  const json trace = checked(dir / "t.json");
  std::map<std::string, std::vector<std::string>> slices, arrows;
  std::map<uint64_t, std::string> tracks;
  for (const json& e : trace["traceEvents"]) {
    if (e["name"] == "thread_name") tracks[e["tid"]] = e["args"]["name"];
  }
  for (const json& e : trace["traceEvents"]) {
    if (e["ph"] == "X") {
      slices[tracks[e["tid"]]].push_back(
          fmt::format("{} {}+{}", e["name"].get<std::string>(), e["args"]["cycle"].dump(), e["args"]["cycles"].dump()));
    } else if (e["ph"] != "M") {
      arrows[e["id"].dump()].push_back(e["ph"].get<std::string>() + " " + tracks[e["tid"]] + " " + e["ts"].dump());
    }
  }
  using Texts = std::vector<std::string>;
  EXPECT_EQ(slices["core 0 sends"], Texts{"to 2 cores 100+100"});
  EXPECT_EQ(slices["core 1 sends"], Texts{"to 1 core 150+30"});
  EXPECT_EQ(slices["core 1 handles"], Texts{"from core 0 160+40"});
  EXPECT_EQ(slices["core 2 handles"].size() + slices["core 2 handles, beside 1"].size(), 2U);
  EXPECT_EQ(slices.size(), 5U) << "what was not handled is not drawn";
  ASSERT_EQ(arrows.size(), 3U);
  EXPECT_EQ(arrows["2"], (Texts{"s core 0 sends 0.1", "t core 1 handles 0.16", "f core 0 sends 0.2"}));
}

TEST(Timeline, ArrowsOfWalksOfDifferentCoresAreDifferent) {
  const ScratchDir dir;
  Timeline timeline(dir / "t.json", {});
  for (const uint32_t core : {0U, 1U}) {
    WalkRecord walk = sample_walk(1);
    walk.core = core;
    timeline.walk(walk);
  }
  timeline.close(CycleTime(400));
  const json trace = checked(dir / "t.json");
  std::map<std::string, std::set<std::string>> tracks;
  for (const json& e : trace["traceEvents"]) {
    if (e["name"] == "walk") tracks[e["id"].dump()].insert(e["tid"].dump());
  }
  ASSERT_EQ(tracks.size(), 2U);
  for (const auto& [id, of_arrow] : tracks) EXPECT_EQ(of_arrow.size(), 1U) << id;
}

TEST(Timeline, SizeIsBoundedAndTheWholeRunIsCovered) {
  const ScratchDir dir;
  constexpr uint64_t kWalks = 300000;
  Timeline timeline(dir / "t.json", {.max_bytes = 1 << 20});
  for (uint64_t i = 0; i < kWalks; ++i) timeline.walk(sample_walk(i));
  timeline.close(CycleTime(100 * kWalks + 31));
  const json trace = checked(dir / "t.json");
  EXPECT_LT(std::filesystem::file_size(dir / "t.json"), (1u << 20) + 4096);
  uint64_t last = 0;
  for (const json& e : trace["traceEvents"]) {
    if (e["ph"] == "X") last = std::max(last, e["args"]["cycle"].get<uint64_t>());
  }
  EXPECT_GT(last, 100 * kWalks * 8 / 10);
}

TEST(Timeline, WindowLeavesOutTheRest) {
  const ScratchDir dir;
  Timeline timeline(dir / "t.json", {.begin = CycleTime(1000), .end = CycleTime(2000)});
  for (uint64_t i = 0; i < 100; ++i) timeline.walk(sample_walk(i));
  timeline.close(CycleTime(10000));
  EXPECT_EQ(count_of_names(checked(dir / "t.json"))["walk 4K"], 10);
}

}  // namespace
}  // namespace mmusim
