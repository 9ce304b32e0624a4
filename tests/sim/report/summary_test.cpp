// SPDX-License-Identifier: MIT
#include "sim/report/summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/host/atomic_file.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

MachineTotals machine(uint64_t accesses, uint64_t walks) {
  MachineTotals m;
  m.accesses = accesses;
  m.lookups = accesses;
  m.l1_dtlb_misses = 2 * walks;
  m.stlb_misses = walks;
  m.walks = walks;
  m.entry_reads = 2 * walks;
  m.cycles = 10 * accesses;
  m.walk_cycles = 31 * walks;
  m.walk_latency.add(31, walks);
  m.stage_cycles[Stage::kEntryReads] = 29 * walks;
  m.stage_cycles[Stage::kData] = 4 * accesses;
  m.reads_by_level[1][HitLevel::kL2] = walks;
  m.reads_by_level[2][HitLevel::kL1] = walks;
  return m;
}

RunSummary sample() {
  RunSummary s;
  s.command = "run";
  s.name = "small";
  s.configuration = R"({"platform":"textbook"})";
  s.seed = 7;
  s.core_ghz = 2.0;
  PhaseSummary boot;
  boot.stage = "boot";
  boot.name = "boot";
  boot.machine = machine(1000, 10);
  boot.kernel.entry_writes = 512;
  boot.kernel.table_pages = 3;
  boot.kernel.bytes_zeroed = 12288;
  boot.functions.push_back({"vmemmap_pte_populate", 0, 9000, 8000, 512, 0});
  PhaseSummary work;
  work.stage = "scan";
  work.name = "workload";
  work.workload = true;
  work.machine = machine(500, 50);
  s.phases = {boot, work};
  s.totals = machine(1000, 10);
  s.totals.merge(work.machine);
  s.kernel = boot.kernel;
  s.counters.child("dtlb").add("hits", 3, "lookups that hit");
  s.totals.translation[AccessKind::kRead].walks.completed = {40, 20, 0};
  s.misses_over_time = {100, {1, 2}, {3, 4}};
  return s;
}

TEST(Summary, TotalsAlwaysHaveTheSevenKeys) {
  RunSummary empty;
  empty.configuration = "{}";
  const auto j = to_json(empty, {});
  std::vector<std::string> keys;
  for (const auto& [key, value] : j["totals"].items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks",
                                            "entry_reads", "cycles"}));
}

TEST(Summary, EqualRunsDifferInHostOnly) {
  auto a = to_json(sample(), {1.5, 1.0});
  auto b = to_json(sample(), {9.5, 7.0});
  EXPECT_NE(a["host"], b["host"]);
  a.erase("host");
  b.erase("host");
  EXPECT_EQ(a.dump(), b.dump());
}

TEST(Summary, SectionsSumThePhasesOfTheirKind) {
  const auto j = to_json(sample(), {});
  EXPECT_EQ(j["sections"]["build"]["totals"]["accesses"], 1000);
  EXPECT_EQ(j["sections"]["build"]["kernel"]["entry_writes"], 512);
  EXPECT_EQ(j["sections"]["workload"]["totals"]["walks"], 50);
  EXPECT_EQ(j["sections"]["workload"]["machine"]["walk_latency_cycles"]["p99"], 31);
  EXPECT_EQ(j["totals"]["walks"], 60);
  EXPECT_EQ(j["machine"]["walk_reads_by_level"]["1"]["L2"], 60);
}

TEST(Summary, TextHasTheNumbersWithUnits) {
  const std::string text = text_report(sample(), {});
  EXPECT_NE(text.find("small: run, seed 7, core at 2 GHz"), std::string::npos) << text;
  EXPECT_NE(text.find("12 KiB"), std::string::npos) << text;
  EXPECT_NE(text.find("mean 31.0, p50 31, p95 31, p99 31, max 31 cycles"), std::string::npos) << text;
}

TEST(Summary, WrittenSummaryIsReadBack) {
  const ScratchDir dir;
  write_summary(dir / "summary.json", sample(), {});
  EXPECT_EQ(read_summary(dir / "")["totals"]["accesses"], 1500);
}

std::string refusal(const std::string& directory) {
  try {
    read_summary(directory);
  } catch (const InputError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Summary, RefusalsSayWhatToDo) {
  const ScratchDir dir;
  EXPECT_NE(refusal(dir / "none").find("expected one that `mmusim run --out` wrote"), std::string::npos);
  EXPECT_NE(refusal(dir / "").find("give a directory"), std::string::npos);
  write_file(dir / "events.jsonl.zst", "");
  EXPECT_NE(refusal(dir / "").find("unfinished"), std::string::npos);
  write_file(dir / "summary.json", "[1]");
  EXPECT_NE(refusal(dir / "").find("not a summary"), std::string::npos);
  write_file(dir / "summary.json", R"({"format":"mmusim-summary","version":999,"program":"mmusim 9.0"})");
  EXPECT_NE(refusal(dir / "").find("use the mmusim that wrote it (mmusim 9.0)"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
