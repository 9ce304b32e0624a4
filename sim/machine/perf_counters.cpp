// SPDX-License-Identifier: MIT
#include "sim/machine/perf_counters.h"

#include <numeric>

namespace mmusim {

namespace {

/// Events that a generation's list has, beside those that all of Intel's lists here have.
struct IntelList {
  bool miss_causes_a_walk;
  bool itlb_walk_completed_1g;
  bool itlb_flush;
  bool tlb_flush;
  bool page_walker_loads;
};

/// Names that a generation's list has.
struct AmdList {
  bool tablewalker;
  bool all_l2_miss;       ///< ls_l1_d_tlb_miss.all_l2_miss
  const char* itlb_hit;   ///< name of event 0x84
  const char* itlb_all;   ///< suffix of the sum of event 0x85
  bool itlb_coalesced;    ///< .coalesced_4k
  const char* tlb_flush;  ///< name of event 0x78
};

IntelList intel_list(CounterNames names) {
  switch (names) {
    case CounterNames::kAllIntel:
      return {true, true, true, true, true};
    case CounterNames::kIcelakeX:
      return {false, false, false, true, false};
    case CounterNames::kSapphireRapids:
      return {false, false, false, false, false};
    default:
      return {true, true, true, true, false};  // skylakex, cascadelakex
  }
}

AmdList amd_list(CounterNames names) {
  switch (names) {
    case CounterNames::kZen2:
      return {true, false, "bp_l1_tlb_miss_l2_hit", "", false, "ls_tlb_flush"};
    case CounterNames::kZen3:
      return {true, false, "bp_l1_tlb_miss_l2_tlb_hit", "", true, "ls_tlb_flush.all_tlb_flushes"};
    default:
      return {false, true, "bp_l1_tlb_miss_l2_tlb_hit", ".all", true, "ls_tlb_flush.all"};
  }
}

bool is_amd(CounterNames names) { return names >= CounterNames::kZen2; }

template <class Counts>
uint64_t total(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

class List {
 public:
  explicit List(const TranslationCountsByKind& counts, uint64_t flushes) : counts_(counts), flushes_(flushes) {}

  const TranslationCounts& of(AccessKind kind) const { return counts_[kind]; }

  void generic(bool amd) {
    const TranslationCounts& loads = of(AccessKind::kRead);
    const TranslationCounts& stores = of(AccessKind::kWrite);
    const TranslationCounts& fetches = of(AccessKind::kFetch);
    if (amd) {  // perf maps them to ls_l1_d_tlb_miss.all and .all_l2_miss, and counts no stores apart
      add("dTLB-loads", data_hits() + data_misses());
      add("dTLB-load-misses", data_misses());
      add("iTLB-loads", total(fetches.second_level_hits));
      add("iTLB-load-misses", total(fetches.second_level_misses));
      return;
    }
    add("dTLB-loads", loads.accesses);
    add("dTLB-load-misses", total(loads.walks.completed));
    add("dTLB-stores", stores.accesses);
    add("dTLB-store-misses", total(stores.walks.completed));
    add("iTLB-load-misses", total(fetches.walks.completed));
  }

  void intel(const IntelList& list) {
    misses("dtlb_load_misses", of(AccessKind::kRead), list, true);
    misses("dtlb_store_misses", of(AccessKind::kWrite), list, true);
    misses("itlb_misses", of(AccessKind::kFetch), list, list.itlb_walk_completed_1g);
    if (list.page_walker_loads) {
      walker_loads("dtlb", {of(AccessKind::kRead).walks, of(AccessKind::kWrite).walks});
      walker_loads("itlb", {of(AccessKind::kFetch).walks});
    }
    if (list.itlb_flush) add("itlb.itlb_flush", flushes_);
    if (list.tlb_flush) {
      add("tlb_flush.dtlb_thread", flushes_);
      add("tlb_flush.stlb_any", flushes_);
    }
  }

  void amd(const AmdList& list) {
    const std::string data = "ls_l1_d_tlb_miss.";
    const CountsByPage hits = data_by_page(&TranslationCounts::second_level_hits);
    const CountsByPage walked = data_by_page(&TranslationCounts::second_level_misses);
    using Names = EnumArray<PageGroup, const char*>;
    static constexpr Names kHits = {"tlb_reload_4k_l2_hit", "tlb_reload_coalesced_page_hit", "tlb_reload_2m_l2_hit",
                                    "tlb_reload_1g_l2_hit"};
    static constexpr Names kMisses = {"tlb_reload_4k_l2_miss", "tlb_reload_coalesced_page_miss",
                                      "tlb_reload_2m_l2_miss", "tlb_reload_1g_l2_miss"};
    for (const PageGroup page : kAllOf<PageGroup>) add(data + kHits[page], hits[page]);
    for (const PageGroup page : kAllOf<PageGroup>) add(data + kMisses[page], walked[page]);
    if (list.all_l2_miss) add(data + "all_l2_miss", data_misses());
    add(data + "all", data_hits() + data_misses());
    const TranslationCounts& fetches = of(AccessKind::kFetch);
    const std::string code = "bp_l1_tlb_miss_l2_tlb_miss";
    add(list.itlb_hit, total(fetches.second_level_hits));
    const CountsByPage& code_walked = fetches.second_level_misses;
    const uint64_t coalesced = code_walked[PageGroup::kCoalesced];
    add(code + ".if4k", code_walked[PageGroup::k4K] + (list.itlb_coalesced ? 0 : coalesced));
    if (list.itlb_coalesced) add(code + ".coalesced_4k", coalesced);
    add(code + ".if2m", code_walked[PageGroup::k2M4M]);
    add(code + ".if1g", code_walked[PageGroup::k1G]);
    add(code + list.itlb_all, total(code_walked));
    if (list.tablewalker) {
      add("ls_tablewalker.dside", of(AccessKind::kRead).walks.started + of(AccessKind::kWrite).walks.started);
      add("ls_tablewalker.iside", fetches.walks.started);
    }
    add(list.tlb_flush, flushes_);
  }

  std::vector<PerfCounter> take() { return std::move(counters_); }

 private:
  void add(std::string name, uint64_t value) { counters_.push_back({std::move(name), value, false}); }
  void add_timed(std::string name, uint64_t value) { counters_.push_back({std::move(name), value, true}); }

  void misses(const std::string& event, const TranslationCounts& c, const IntelList& list, bool completed_1g) {
    if (list.miss_causes_a_walk) add(event + ".miss_causes_a_walk", c.walks.started);
    add(event + ".stlb_hit", total(c.second_level_hits));
    add(event + ".walk_completed", total(c.walks.completed));
    add(event + ".walk_completed_4k", c.walks.completed[0]);
    add(event + ".walk_completed_2m_4m", c.walks.completed[1]);
    if (completed_1g) add(event + ".walk_completed_1g", c.walks.completed[2]);
    add_timed(event + ".walk_pending", c.walks.pending);
    add_timed(event + ".walk_active", c.walks.active);
  }

  void walker_loads(const std::string& side, const std::vector<WalkCounts>& walks) {
    EnumArray<HitLevel, uint64_t> reads{};
    for (const WalkCounts& w : walks) reads += w.reads;
    const std::string name = "page_walker_loads." + side;
    add_timed(name + "_l1", reads[HitLevel::kL1]);
    add_timed(name + "_l2", reads[HitLevel::kL2]);
    add_timed(name + "_l3", reads[HitLevel::kL3]);
    add_timed(name + "_memory", reads[HitLevel::kDram] + reads[HitLevel::kUncached]);
  }

  CountsByPage data_by_page(CountsByPage TranslationCounts::*counts) const {
    CountsByPage sum = of(AccessKind::kRead).*counts;
    sum += of(AccessKind::kWrite).*counts;
    return sum;
  }
  uint64_t data_hits() const { return total(data_by_page(&TranslationCounts::second_level_hits)); }
  uint64_t data_misses() const { return total(data_by_page(&TranslationCounts::second_level_misses)); }

  const TranslationCountsByKind& counts_;
  uint64_t flushes_;
  std::vector<PerfCounter> counters_;
};

}  // namespace

std::vector<PerfCounter> perf_counters(CounterNames names, const TranslationCountsByKind& counts, uint64_t flushes) {
  List list(counts, flushes);
  list.generic(is_amd(names));
  if (is_amd(names)) {
    list.amd(amd_list(names));
  } else if (names != CounterNames::kGeneric) {
    list.intel(intel_list(names));
  }
  return list.take();
}

}  // namespace mmusim
