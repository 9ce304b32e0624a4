// SPDX-License-Identifier: MIT
#include "sim/report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/base/errors.h"
#include "sim/report/answer.h"
#include "sim/report/summary.h"

namespace mmusim {
namespace {

nlohmann::ordered_json summary_of(uint64_t walks, uint64_t cycles, const std::string& workload = "linear_pfn_scan") {
  RunSummary s;
  s.name = "s";
  s.configuration = R"({"phases":[{"phase":"boot"},{"phase":"workload","kind":")" + workload + R"("}]})";
  PhaseSummary boot;
  boot.stage = "boot";
  boot.kernel.entry_writes = 10 * walks;
  boot.machine.cycles = 7;
  PhaseSummary work;
  work.stage = "scan";
  work.workload = true;
  work.machine.accesses = 1000;
  work.machine.walks = walks;
  work.machine.walk_cycles = 30 * walks;
  if (walks != 0) work.machine.walk_latency.add(30, walks);
  work.machine.cycles = cycles;
  work.machine.stage_cycles[Stage::kEntryReads] = 100;
  work.machine.stage_cycles[Stage::kData] = 300;
  s.phases = {boot, work};
  return to_json(s, {});
}

ComparedRun run_of(const std::string& label, std::vector<nlohmann::ordered_json> summaries) {
  ComparedRun run;
  run.label = label;
  run.summaries = std::move(summaries);
  return run;
}

const Metric& metric(const std::string& key) {
  for (const Metric& m : compared_metrics()) {
    if (key == m.key) return m;
  }
  throw std::out_of_range(key);
}

TEST(Comparison, RatiosAreToTheFirstRun) {
  const Comparison c({run_of("base", {summary_of(400, 8000)}), run_of("huge", {summary_of(2, 4000)})});
  EXPECT_EQ(*c.ratio(metric("walks"), 1), 0.005);
  EXPECT_EQ(*c.ratio(metric("cycles"), 1), 0.5);
  EXPECT_EQ(*c.ratio(metric("cycles"), 0), 1.0);
  EXPECT_EQ(c.value(metric("walk_cycles_per_1000_accesses"), 0)->mean, 12000);
  EXPECT_EQ(c.value(metric("translation_share"), 0)->mean, 25);
}

TEST(Comparison, AccessesAreMeasuredInWorkloadPhasesAndTablesInTheOthers) {
  const Comparison c({run_of("base", {summary_of(400, 8000)})});
  EXPECT_EQ(c.value(metric("cycles"), 0)->mean, 8000) << "without the 7 of the boot";
  EXPECT_EQ(c.value(metric("entry_writes"), 0)->mean, 4000);
}

TEST(Comparison, HeadlineSaysWhatIsSavedAndOfWhat) {
  const Comparison c({run_of("base", {summary_of(400, 8000)}), run_of("huge", {summary_of(2, 4000)})});
  EXPECT_EQ(c.headline(),
            "huge against base saves 4 of 8 cycles per access (50 %) and 398 of 400 page walks per 1,000 accesses "
            "(99.5 %).");
}

TEST(Comparison, HeadlineSaysWhatIsPaidAndOnTopOfWhat) {
  const Comparison c({run_of("base", {summary_of(400, 10000)}), run_of("other", {summary_of(440, 9800)})});
  EXPECT_EQ(c.headline(),
            "other against base saves 0.2 of 10 cycles per access (2 %); it costs 40 page walks per 1,000 accesses on "
            "top of 400 (10 %).");
  const Comparison none({run_of("base", {summary_of(0, 100)}), run_of("other", {summary_of(440, 9800)})});
  EXPECT_EQ(none.headline(),
            "other against base costs 9.7 cycles per access on top of 0.1 (98 times as much) and 440 page walks per "
            "1,000 accesses where there were none.");
  const Comparison same({run_of("base", {summary_of(400, 100)}), run_of("other", {summary_of(400, 100)})});
  EXPECT_EQ(same.headline(), "other against base makes no difference in what was measured.");
}

TEST(Comparison, HeadlineTellsMemoryAndHowManyRunsWereSlower) {
  auto off = summary_of(400, 8000);
  auto on = summary_of(400, 8800);
  off["memmap_bytes"] = {{"struct_pages", 100 << 20}, {"tables", 1 << 20}};
  on["memmap_bytes"] = {{"struct_pages", 20 << 20}, {"tables", 2 << 20}};
  const Comparison two({run_of("off", {off}), run_of("on", {on})});
  EXPECT_EQ(
      two.headline(),
      "on against off saves 79 MiB of 101 MiB of struct pages and their page tables (78.2 %); it costs 0.8 cycles "
      "per access on top of 8 (10 %).");
  const Comparison three({run_of("off", {off}), run_of("on", {on}), run_of("slower", {summary_of(400, 9000)})});
  EXPECT_EQ(three.headline().find("on, the fastest of 2, against off saves"), 0U) << three.headline();
  EXPECT_EQ(two.table().find(two.headline() + "\nNot simulated: "), 0U) << "the answer comes first";
}

TEST(Comparison, HeadlineCountsOperationsWhereTheWorkloadDoes) {
  auto off = summary_of(400, 8000, "anon_fault");  // of 1000 accesses
  auto on = summary_of(400, 8800, "anon_fault");
  for (auto* s : {&off, &on}) {
    (*s)["configuration"]["phases"][1]["parameters"]["operations"] = 60;
    (*s)["configuration"]["phases"][1]["warmup"] = 200;
  }
  const Comparison c({run_of("off", {off}), run_of("on", {on})});
  EXPECT_EQ(c.headline(), "on against off costs 16 cycles per page fault on top of 160 (10 %).")
      << "1,200 accesses for 60 faults, warm-up and all";
}

TEST(Comparison, EachPlatformHasItsOwnBase) {
  std::vector<ComparedRun> runs = {
      run_of("base on a", {summary_of(400, 8000)}), run_of("huge on a", {summary_of(400, 4000)}),
      run_of("base on b", {summary_of(400, 2000)}), run_of("huge on b", {summary_of(400, 1000)})};
  for (size_t i = 0; i < runs.size(); ++i) runs[i].family = i < 2 ? "a" : "b";
  const Comparison c(std::move(runs));
  EXPECT_EQ(*c.ratio(metric("cycles"), 3), 0.5) << "of its own base's";
  EXPECT_EQ(
      c.headline(),
      "huge on a against base on a saves 4 of 8 cycles per access (50 %). huge on b against base on b saves 1 of 2 "
      "cycles per access (50 %).");
  EXPECT_EQ(c.to_json()["bases"]["huge on b"], "base on b");
}

TEST(Comparison, OneRunAloneIsDescribed) {
  const Comparison c({run_of("base", {summary_of(400, 8000)})});
  EXPECT_EQ(c.headline(), "base: 8 cycles per access and 400 page walks per 1,000 accesses.");
}

TEST(Comparison, ProcessorsOfDifferentClocksCompareByTime) {
  auto slow = summary_of(400, 10000);
  auto fast = summary_of(400, 12000);  // more cycles, but shorter ones
  slow["core_ghz"] = 2.0;
  fast["core_ghz"] = 4.0;
  const Comparison c({run_of("slow", {slow}), run_of("fast", {fast})});
  EXPECT_EQ(c.value(metric("time"), 0)->mean, 5000);
  EXPECT_EQ(c.headline(), "fast against slow saves 2 ns of 5 ns per access (40 %).");
  EXPECT_EQ(c.to_json()["phases"][1]["unit"], "ns");
}

TEST(Comparison, PhasesAreInCsvAndJson) {
  const Comparison c({run_of("base", {summary_of(400, 8000)}), run_of("huge", {summary_of(2, 4000)})});
  EXPECT_NE(c.to_csv().find("phase scan,cycles,huge,4000,0,1,0.5\n"), std::string::npos) << c.to_csv();
  EXPECT_EQ(c.to_json()["phases"][1]["runs"]["huge"]["ratio"], 0.5);
}

TEST(Comparison, LatencyOfNoWalksIsNothingRatherThanZero) {
  const Comparison c({run_of("base", {summary_of(400, 8000)}), run_of("none", {summary_of(0, 4000)})});
  EXPECT_FALSE(c.value(metric("walk_latency_p99"), 1).has_value());
  EXPECT_NE(c.table().find(" -"), std::string::npos);
}

TEST(Comparison, RepeatsGiveMeanAndStudentInterval) {
  const Comparison c({run_of("base", {summary_of(10, 100), summary_of(12, 110), summary_of(14, 120)})});
  const auto walks = c.value(metric("walks"), 0);
  EXPECT_EQ(walks->mean, 12);
  EXPECT_EQ(walks->count, 3u);
  EXPECT_NEAR(walks->half_width, 4.303 * 2 / std::sqrt(3.0), 1e-9);  // t(0.975, 2) * s / sqrt(n), s = 2
}

TEST(Comparison, DifferentWorkloadsAreRefusedWithWhatToDo) {
  try {
    const Comparison c({run_of("a", {summary_of(1, 1, "zap")}), run_of("b", {summary_of(1, 1, "reclaim")})});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("give both the same"), std::string::npos) << e.what();
  }
}

nlohmann::ordered_json replay_of(const std::string& trace, const std::string& limit = "1000", uint64_t walks = 400) {
  auto s = summary_of(walks, 8000);
  auto& configuration = s["configuration"] = nlohmann::ordered_json::object();
  configuration["trace"] = trace;
  configuration["model"] = "cycle";
  configuration["window"]["limit"] = limit;
  nlohmann::ordered_json curve = {{"page_size", "4K"}, {"ways", 4}, {"entries", {16, 32}}, {"misses", {500, 100}}};
  s["replay"]["what_if"]["lookups"] = 2000;
  s["replay"]["what_if"]["curves"] = nlohmann::ordered_json::array({curve});
  return s;
}

TEST(Comparison, ReplaysCompareIfTheyAreOfTheSamePartOfOneTrace) {
  EXPECT_NO_THROW(Comparison({run_of("a", {replay_of("x/t.mmt")}), run_of("b", {replay_of("y/t.mmt")})}));
  EXPECT_THROW(Comparison({run_of("a", {replay_of("t.mmt")}), run_of("b", {replay_of("u.mmt")})}), InputError);
  EXPECT_THROW(Comparison({run_of("a", {replay_of("t.mmt")}), run_of("b", {replay_of("t.mmt", "2000")})}), InputError);
  EXPECT_THROW(Comparison({run_of("a", {replay_of("t.mmt")}), run_of("b", {summary_of(1, 1)})}), InputError);
}

TEST(Comparison, ReplaysAreOfOneTraceIfItsContentIsTheSame) {
  const auto with = [](const std::string& trace, const std::string& content) {
    auto s = replay_of(trace);
    s["configuration"]["content"] = content;
    return s;
  };
  EXPECT_NO_THROW(Comparison({run_of("a", {with("t.mmt", "9 bytes, 1")}), run_of("b", {with("u.mmt", "9 bytes, 1")})}));
  EXPECT_THROW(Comparison({run_of("a", {with("t.mmt", "9 bytes, 1")}), run_of("b", {with("t.mmt", "9 bytes, 2")})}),
               InputError);
}

TEST(Comparison, FunctionalReplaysHaveNeitherTimeNorTables) {
  std::vector<ComparedRun> runs;
  for (const unsigned walks : {400U, 90U, 200U}) {
    auto counted = replay_of("t.mmt", "1000", walks);
    counted["configuration"]["model"] = "functional";
    runs.push_back(run_of(std::to_string(walks), {counted}));
  }
  const Comparison c(std::move(runs));
  for (const char* key :
       {"cycles", "time", "cycles_per_access", "walk_cycles_per_1000_accesses", "populate_cycles", "entry_writes"}) {
    EXPECT_FALSE(c.measured(metric(key))) << key;
  }
  EXPECT_EQ(c.headline().find("90, the one with the fewest walks of 2, against 400 saves "), 0U) << c.headline();
  EXPECT_EQ(not_simulated(c).find("Not simulated: time, wrong-path"), 0U) << not_simulated(c);
}

TEST(Comparison, MissCurvesAreInCsvAndJson) {
  auto other = replay_of("t.mmt");
  other["replay"]["what_if"]["curves"][0]["misses"] = {250, 100};
  const Comparison c({run_of("a", {replay_of("t.mmt")}), run_of("b", {other}), run_of("none", {replay_of("t.mmt")})});
  const auto curve = c.to_json()["what_if"][0];
  EXPECT_EQ(curve["entries"].dump(), "[16,32]");
  EXPECT_EQ(curve["runs"]["a"].dump(), "[250.0,50.0]") << "misses per 1000 of 2000 lookups";
  EXPECT_NE(c.to_csv().find("what-if 4K 4-way 16 entries,misses per 1000 lookups,b,125,0,1,0.5\n"), std::string::npos)
      << c.to_csv();
  EXPECT_EQ(Comparison({run_of("a", {summary_of(1, 1)})}).to_json()["what_if"].size(), 0U);
}

TEST(Comparison, WhatIsUnlikeIsSaid) {
  auto part = summary_of(2, 4000);
  part["interrupted"] = true;
  part["program"] = "mmusim 0.0.1";
  const Comparison c({run_of("base", {summary_of(400, 8000)}), run_of("huge", {part})});
  ASSERT_EQ(c.notes().size(), 2U);
  EXPECT_EQ(c.notes()[0], "huge was interrupted: its numbers are those of a part.");
  EXPECT_EQ(c.notes()[1].find("The runs are of different programs: mmusim 0.0.1, mmusim "), 0U) << c.notes()[1];
  EXPECT_NE(c.table().find(c.notes()[0]), std::string::npos);
  EXPECT_EQ(c.to_json()["notes"].size(), 2U);

  auto other = summary_of(2, 4000);
  other["name"] = "other";
  const Comparison scenarios({run_of("a", {summary_of(400, 8000)}), run_of("b", {other})});
  EXPECT_EQ(scenarios.notes(), std::vector<std::string>{"The runs are of different scenarios: other, s."});
  auto empty = replay_of("t.mmt");
  for (auto* section : {"build", "workload"}) {
    if (empty["sections"].contains(section)) empty["sections"][section]["totals"]["accesses"] = 0;
  }
  const Comparison replays({run_of("a", {empty}), run_of("b", {replay_of("t.mmt")})});
  EXPECT_EQ(replays.notes(), std::vector<std::string>{"a measured no access."});
}

TEST(Comparison, FailedRunIsShownAndTheNextIsTheBaseline) {
  ComparedRun failed;
  failed.label = "broken";
  failed.failures = {"exit code 2: no"};
  const Comparison c({failed, run_of("base", {summary_of(400, 8000)}), run_of("huge", {summary_of(2, 4000)})});
  EXPECT_TRUE(c.any_failed());
  EXPECT_EQ(*c.ratio(metric("cycles"), 2), 0.5);
  EXPECT_NE(c.table().find("broken: failed: exit code 2: no"), std::string::npos) << c.table();
  const std::string head = c.table().substr(0, c.table().find('\n'));
  EXPECT_EQ(head.find("base"), head.rfind("base")) << "the baseline stands there once: " << head;
  EXPECT_EQ(c.to_json()["baseline"], "base");
  EXPECT_TRUE(c.to_json()["metrics"][0]["runs"]["broken"].is_null());
}

TEST(Comparison, CsvHasALineForEachMetricAndRun) {
  const Comparison c({run_of("a, \"b\"", {summary_of(400, 8000)})});
  const std::string csv = c.to_csv();
  EXPECT_NE(csv.find("walks,walks,\"a, \"\"b\"\"\",400,0,1,1\n"), std::string::npos) << csv;
  EXPECT_EQ(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')), compared_metrics().size() + 2 + 1)
      << "two phases, and the heading";
}

}  // namespace
}  // namespace mmusim
