// SPDX-License-Identifier: MIT
#include "sim/events/vcd.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "models/base/errors.h"
#include "tests/support/log_files.h"
#include "tests/support/sample_events.h"

namespace mmusim {
namespace {

using Course = std::vector<std::pair<uint64_t, std::string>>;

/// A value change dump, read as IEEE 1364 describes it.
struct Dump {
  std::map<std::string, Course> signals;  ///< by full name: time and value
  uint64_t last_time = 0;
};

Dump parse(const std::string& text) {
  std::istringstream in(text);
  Dump dump;
  std::map<std::string, std::string> names;
  std::vector<std::string> scopes;
  std::string token;
  bool in_header = true;
  bool any_time = false;
  while (in >> token) {
    if (in_header) {
      std::vector<std::string> words;
      for (std::string w; in >> w && w != "$end";) words.push_back(w);
      if (token == "$scope") scopes.push_back(words.at(1));
      if (token == "$upscope") scopes.pop_back();
      if (token == "$enddefinitions") in_header = false;
      if (token == "$timescale") {
        EXPECT_EQ(words, (std::vector<std::string>{"1", "ps"}));
      }
      if (token != "$var") continue;
      std::string full;
      for (const std::string& s : scopes) full += s + ".";
      EXPECT_TRUE(names.try_emplace(words.at(2), full + words.at(3)).second) << "code used twice";
    } else if (token == "$dumpvars" || token == "$end") {
      continue;
    } else if (token[0] == '#') {
      const uint64_t t = std::stoull(token.substr(1));
      EXPECT_TRUE(!any_time || t > dump.last_time) << token;
      dump.last_time = t;
      any_time = true;
    } else {
      std::string code;
      EXPECT_TRUE(in >> code && names.contains(code)) << token;
      dump.signals[names[code]].emplace_back(dump.last_time, token);
    }
  }
  EXPECT_TRUE(scopes.empty());
  return dump;
}

WalkRecord walk_from(uint64_t begin, uint64_t queue, uint64_t end) {
  WalkRecord w = sample_walk(1);
  w.core = 0;
  w.begin = CycleTime(begin);
  w.queue = Cycles(queue);
  w.end = CycleTime(end);
  return w;
}

SignalTraceConfig config_of(const char* signals) {
  SignalTraceConfig config;
  config.signals = SignalSelection::parse(signals);
  config.period_ps = 300;
  return config;
}

TEST(SignalTrace, OverlappingWalksAreCountedAndPutInTheirPlaceInTime) {
  const ScratchDir dir;
  SignalTrace trace(dir / "t.vcd", config_of("walkers"));
  trace.walk(walk_from(20, 0, 50));  // retires first
  trace.walk(walk_from(10, 5, 40));
  trace.close(CycleTime(100));
  Dump dump = parse(slurp(dir / "t.vcd"));
  EXPECT_EQ(dump.signals["core0.walkers_busy"],
            (Course{{0, "b0"}, {4500, "b1"}, {6000, "b10"}, {12000, "b1"}, {15000, "b0"}}));
  EXPECT_EQ(dump.signals["core0.walks_waiting"], (Course{{0, "b0"}, {3000, "b1"}, {4500, "b0"}}));
  EXPECT_EQ(dump.last_time, 30000U);
}

TEST(SignalTrace, PhasesQueuesAndRowsHaveTheirScopes) {
  const ScratchDir dir;
  SignalTrace trace(dir / "t.vcd", config_of("all"));
  trace.phase({CycleTime(0), "boot", "boot"});
  trace.phase({CycleTime(7), "fill it", "workload"});
  trace.dram_queue_lengths(1, 3, 0, 900);
  trace.dram_row(1, 12, 5, 1000);
  trace.dram_row(1, 12, SignalTrace::kClosed, 2000);
  trace.close(CycleTime(10));
  Dump dump = parse(slurp(dir / "t.vcd"));
  EXPECT_EQ(dump.signals["scenario.phase"], (Course{{0, "sboot:boot"}, {2100, "sfill_it:workload"}}));
  EXPECT_EQ(dump.signals["dram.channel1.reads_queued"], (Course{{0, "b0"}, {900, "b11"}}));
  EXPECT_EQ(dump.signals["dram.channel1.bank12_row"], (Course{{0, "bz"}, {1000, "b101"}, {2000, "bz"}}));
}

TEST(SignalTrace, OnlyWhatIsWantedAndInTheWindowIsKept) {
  const ScratchDir dir;
  SignalTraceConfig config = config_of("walkers");
  config.begin = CycleTime(100);
  config.end = CycleTime(200);
  SignalTrace trace(dir / "t.vcd", config);
  trace.phase({CycleTime(0), "boot", "boot"});
  trace.dram_row(0, 0, 1, 33000);
  trace.walk(walk_from(50, 0, 150));
  trace.walk(walk_from(150, 0, 160));
  trace.walk(walk_from(200, 0, 210));
  trace.close(CycleTime(1000));
  Dump dump = parse(slurp(dir / "t.vcd"));
  EXPECT_EQ(dump.signals.size(), 2U);
  EXPECT_EQ(dump.signals["core0.walkers_busy"], (Course{{30000, "b0"}, {45000, "b1"}, {48000, "b0"}}));
  EXPECT_EQ(dump.last_time, 60000U);
}

TEST(SignalTrace, TheFileIsBoundedAndSaysWhatItLeavesOut) {
  const ScratchDir dir;
  SignalTraceConfig config = config_of("walkers");
  config.max_changes = 100;
  SignalTrace trace(dir / "t.vcd", config);
  for (uint64_t i = 0; i < 1000; ++i) trace.walk(walk_from(10 * i, 0, 10 * i + 5));
  trace.close(CycleTime(10000));
  const std::string text = slurp(dir / "t.vcd");
  EXPECT_NE(text.find("$comment 1900 changes after the first 100 left out $end"), std::string::npos);
  Dump dump = parse(text);
  EXPECT_EQ(dump.signals["core0.walkers_busy"].size(), 100U);
  EXPECT_EQ(dump.signals["core0.walkers_busy"].back().second, "b0");
}

TEST(SignalTrace, UnknownGroupsAreNamed) {
  EXPECT_THROW(SignalSelection::parse("walkers,tlb"), InputError);
  EXPECT_TRUE(SignalSelection::parse("misses").has(SignalGroup::kMisses));
  EXPECT_FALSE(SignalSelection::parse("misses").has(SignalGroup::kPhase));
}

}  // namespace
}  // namespace mmusim
