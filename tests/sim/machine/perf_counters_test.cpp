// SPDX-License-Identifier: MIT
// Which counters each generation shows, and how they are made of what the model counts: perf's event lists, umasks.
#include "sim/machine/perf_counters.h"

#include <gtest/gtest.h>

#include <map>

namespace mmusim {
namespace {

/// Every count is another power of ten, so that sums show what they are made of.
TranslationCountsByKind sample() {
  TranslationCountsByKind c{};
  TranslationCounts& loads = c[AccessKind::kRead];
  loads.accesses = 1000;
  loads.second_level_hits = {1, 10, 100, 1000};
  loads.second_level_misses = {2, 20, 200, 2000};
  loads.walks.completed = {3, 30, 300};
  loads.walks.started = 333;
  loads.walks.pending = 5000;
  loads.walks.active = 4000;
  loads.walks.reads = {1, 2, 3, 4, 5};
  TranslationCounts& stores = c[AccessKind::kWrite];
  stores.accesses = 500;
  stores.second_level_hits = {10000, 0, 0, 0};
  stores.second_level_misses = {20000, 0, 0, 0};
  stores.walks.completed = {6, 0, 0};
  stores.walks.started = 6;
  stores.walks.reads = {10, 0, 0, 0, 0};
  TranslationCounts& fetches = c[AccessKind::kFetch];
  fetches.second_level_hits = {7, 0, 0, 0};
  fetches.second_level_misses = {1, 2, 4, 8};
  fetches.walks.completed = {9, 0, 0};
  fetches.walks.started = 9;
  return c;
}

std::map<std::string, uint64_t> shown(CounterNames names) {
  std::map<std::string, uint64_t> all;
  for (const PerfCounter& c : perf_counters(names, sample(), 42)) {
    EXPECT_TRUE(all.emplace(c.name, c.value).second) << c.name << " twice";
  }
  return all;
}

TEST(PerfCounters, IntelMeanings) {
  auto c = shown(CounterNames::kSkylakeX);
  EXPECT_EQ(c["dTLB-loads"], 1000U);       // MEM_INST_RETIRED.ALL_LOADS
  EXPECT_EQ(c["dTLB-load-misses"], 333U);  // DTLB_LOAD_MISSES.WALK_COMPLETED
  EXPECT_EQ(c["dTLB-stores"], 500U);
  EXPECT_EQ(c["dTLB-store-misses"], 6U);
  EXPECT_EQ(c["iTLB-load-misses"], 9U);
  EXPECT_EQ(c["dtlb_load_misses.miss_causes_a_walk"], 333U);
  EXPECT_EQ(c["dtlb_load_misses.walk_completed"], 333U);  // umask 0xe = 4K | 2M/4M | 1G
  EXPECT_EQ(c["dtlb_load_misses.walk_completed_4k"], 3U);
  EXPECT_EQ(c["dtlb_load_misses.walk_completed_2m_4m"], 30U);
  EXPECT_EQ(c["dtlb_load_misses.walk_completed_1g"], 300U);
  EXPECT_EQ(c["dtlb_load_misses.walk_pending"], 5000U);
  EXPECT_EQ(c["dtlb_load_misses.walk_active"], 4000U);
  EXPECT_EQ(c["dtlb_load_misses.stlb_hit"], 1111U);
  EXPECT_EQ(c["tlb_flush.stlb_any"], 42U);
  EXPECT_EQ(c["itlb_misses.walk_completed_1g"], 0U);
}

TEST(PerfCounters, EachIntelGenerationShowsWhatItsListHas) {
  const auto skylake = shown(CounterNames::kSkylakeX);
  EXPECT_EQ(shown(CounterNames::kCascadeLakeX), skylake);
  EXPECT_FALSE(skylake.contains("page_walker_loads.dtlb_l1"));  // Haswell and Broadwell only
  const auto icelake = shown(CounterNames::kIcelakeX);
  EXPECT_FALSE(icelake.contains("dtlb_load_misses.miss_causes_a_walk"));
  EXPECT_FALSE(icelake.contains("itlb_misses.walk_completed_1g"));
  EXPECT_TRUE(icelake.contains("tlb_flush.stlb_any"));
  EXPECT_FALSE(icelake.contains("itlb.itlb_flush"));
  const auto sapphire_rapids = shown(CounterNames::kSapphireRapids);
  EXPECT_FALSE(sapphire_rapids.contains("tlb_flush.stlb_any"));
  EXPECT_TRUE(sapphire_rapids.contains("dtlb_store_misses.walk_active"));
}

TEST(PerfCounters, PageWalkerLoadsAreDataReadsByWhereTheyHit) {
  auto c = shown(CounterNames::kAllIntel);
  EXPECT_EQ(c["page_walker_loads.dtlb_l1"], 11U);  // of loads and of stores
  EXPECT_EQ(c["page_walker_loads.dtlb_l2"], 2U);
  EXPECT_EQ(c["page_walker_loads.dtlb_l3"], 3U);
  EXPECT_EQ(c["page_walker_loads.dtlb_memory"], 9U);  // DRAM, and what no cache may hold
}

TEST(PerfCounters, AmdMeanings) {
  auto c = shown(CounterNames::kZen4);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_4k_l2_hit"], 10001U);  // loads and stores
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_coalesced_page_hit"], 10U);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_2m_l2_hit"], 100U);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_1g_l2_hit"], 1000U);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_4k_l2_miss"], 20002U);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.tlb_reload_coalesced_page_miss"], 20U);
  EXPECT_EQ(c["ls_l1_d_tlb_miss.all_l2_miss"], 22222U);   // umask 0xf0
  EXPECT_EQ(c["ls_l1_d_tlb_miss.all"], 22222U + 11111U);  // umask 0xff
  EXPECT_EQ(c["dTLB-loads"], c["ls_l1_d_tlb_miss.all"]);  // perf's generic events are the same ones
  EXPECT_EQ(c["dTLB-load-misses"], c["ls_l1_d_tlb_miss.all_l2_miss"]);
  EXPECT_FALSE(c.contains("dTLB-stores"));
  EXPECT_EQ(c["bp_l1_tlb_miss_l2_tlb_hit"], 7U);
  EXPECT_EQ(c["bp_l1_tlb_miss_l2_tlb_miss.coalesced_4k"], 2U);
  EXPECT_EQ(c["bp_l1_tlb_miss_l2_tlb_miss.all"], 15U);
  EXPECT_EQ(c["ls_tlb_flush.all"], 42U);
}

TEST(PerfCounters, OlderZensNameThemDifferently) {
  auto zen2 = shown(CounterNames::kZen2);
  EXPECT_EQ(zen2["bp_l1_tlb_miss_l2_hit"], 7U);
  EXPECT_EQ(zen2["bp_l1_tlb_miss_l2_tlb_miss.if4k"], 3U);  // no event for coalesced pages
  EXPECT_EQ(zen2["bp_l1_tlb_miss_l2_tlb_miss"], 15U);
  EXPECT_EQ(zen2["ls_tablewalker.dside"], 339U);
  EXPECT_EQ(zen2["ls_tablewalker.iside"], 9U);
  EXPECT_EQ(zen2["ls_tlb_flush"], 42U);
  EXPECT_FALSE(zen2.contains("ls_l1_d_tlb_miss.all_l2_miss"));
  auto zen3 = shown(CounterNames::kZen3);
  EXPECT_EQ(zen3["bp_l1_tlb_miss_l2_tlb_miss.coalesced_4k"], 2U);
  EXPECT_EQ(zen3["ls_tlb_flush.all_tlb_flushes"], 42U);
  EXPECT_EQ(shown(CounterNames::kZen5), shown(CounterNames::kZen4));
}

TEST(PerfCounters, OnlyCyclesAndCachesNeedTime) {
  for (const PerfCounter& c : perf_counters(CounterNames::kAllIntel, sample(), 0)) {
    const bool timed =
        c.name.ends_with("walk_pending") || c.name.ends_with("walk_active") || c.name.starts_with("page_walker_loads");
    EXPECT_EQ(c.needs_time, timed) << c.name;
  }
}

}  // namespace
}  // namespace mmusim
