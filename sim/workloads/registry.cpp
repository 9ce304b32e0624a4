// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "sim/workloads/random.h"
#include "sim/workloads/readers.h"
#include "sim/workloads/workload.h"

namespace mmusim {

namespace {

constexpr std::array<WorkloadKind, 24> kKinds = {{
    {"sequential", "one access after the other through a region", read_sequential},
    {"strided", "accesses a fixed distance apart, wrapping at the end of the region", read_strided},
    {"uniform", "uniformly random places of a region (GUPS with direction modify)", read_uniform},
    {"pointer_chase", "dependent loads through N pages in random order, one line of each, distinct sets",
     read_pointer_chase},
    {"zipf", "places of a region with Zipf popularity", read_zipf},
    {"linear_pfn_scan", "a field of each struct page, ascending page frames", read_linear_pfn_scan},
    {"random_pfn", "a field of the struct pages of uniformly random page frames", read_random_pfn},
    {"kpageflags", "K1: /proc/kpageflags, ascending", read_kpageflags},
    {"kpagecount", "K2: /proc/kpagecount, ascending", read_kpagecount},
    {"compaction", "K3 and K4: migration scanner upwards, free scanner downwards, alternating", read_compaction},
    {"free_scanner", "K4: compaction's free scanner alone, pageblocks descending", read_free_scanner},
    {"unmovable_scan", "K5: memory offline, has_unmovable_pages", read_unmovable_scan},
    {"movable_scan", "K6: memory offline, scan_movable_pages", read_movable_scan},
    {"buddy_free", "K7: free into the buddy allocator with merging", read_buddy_free},
    {"buddy_alloc", "K8: allocation from the buddy allocator with splitting", read_buddy_alloc},
    {"pcp_churn", "K9: order-0 allocation and free through the per-CPU lists", read_pcp_churn},
    {"anon_fault", "K10: anonymous page faults with batched LRU addition", read_anon_fault},
    {"zap", "K11: unmapping of anonymous memory", read_zap},
    {"reclaim", "K12: LRU reclaim, a pointer chase in batches of 32", read_reclaim},
    {"gup_fast", "K13: get_user_pages_fast on random or contiguous pages", read_gup_fast},
    {"page_cache", "K14: reads and writes of cached file pages", read_page_cache},
    {"page_ext", "K15: page_owner-like side table beside the struct pages", read_page_ext},
    {"crash_dump", "K16: makedumpfile's filter over all of memory", read_crash_dump},
    {"memmap_init", "K17: the stores that initialise struct pages, ascending", read_memmap_init},
}};

constexpr WorkloadKind kMix = {"mix", "several workloads interleaved by weight", read_mix};

struct MixPart {
  WorkloadPlan plan;
  double weight = 1;
};

/// Takes the next accesses from one part after the other, chosen at random by weight, until all have ended.
class Mix final : public Workload {
 public:
  Mix(const std::vector<MixPart>& parts, const WorkloadContext& context) : random_(derived_seed(context.seed, 99)) {
    uint64_t user = 100;
    for (const MixPart& part : parts) {
      WorkloadContext own = context;
      own.seed = derived_seed(context.seed, ++user);
      parts_.push_back({part.plan(own), part.weight});
    }
  }

  bool next(std::vector<MemAccess>& batch) override {
    batch.clear();
    while (batch.empty() && !parts_.empty()) {
      double all = 0;
      for (const Running& p : parts_) all += p.weight;
      double pick = random_.unit() * all;
      size_t i = 0;
      while (i + 1 < parts_.size() && (pick -= parts_[i].weight) >= 0) ++i;
      if (!parts_[i].workload->next(batch)) parts_.erase(parts_.begin() + static_cast<ptrdiff_t>(i));
    }
    return !batch.empty();
  }

 private:
  struct Running {
    std::unique_ptr<Workload> workload;
    double weight;
  };
  Random random_;
  std::vector<Running> parts_;
};

}  // namespace

std::span<const WorkloadKind> workload_kinds() {
  static const auto kAll = [] {
    std::vector<WorkloadKind> all(kKinds.begin(), kKinds.end());
    all.push_back(kMix);
    return all;
  }();
  return kAll;
}

const WorkloadKind* find_workload_kind(std::string_view name) {
  const auto kinds = workload_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const WorkloadKind& k) { return k.name == name; });
  return kind == kinds.end() ? nullptr : &*kind;
}

WorkloadPlan read_mix(ConfigReader& r) {
  std::vector<MixPart> parts;
  const auto read_part = [&](ConfigReader part) {
    MixPart p;
    part.read_above({"weight", "Share of the mix, relative to the other parts."}, p.weight, 0);
    const WorkloadKind* kind = part.read_kind({"kind", "Workload of the part."}, kKinds, "workload");
    part.with_kind(kind, kKinds, [&](const WorkloadKind& known, ConfigReader& own) {
      ConfigReader parameters = own.child({"parameters", "Parameters of that workload."});
      p.plan = known.read(parameters);
      parameters.finish();
      parts.push_back(std::move(p));
    });
    if (kind == nullptr && !part.records_all()) part.ignore("parameters");
    part.finish();
  };
  r.for_each({"parts", "Workloads that are interleaved."}, read_part, 1);
  r.check(!parts.empty(), "parts", "expected at least one part {{\"kind\", \"weight\", \"parameters\"}}");
  return [parts](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<Mix>(parts, context);
  };
}

}  // namespace mmusim
