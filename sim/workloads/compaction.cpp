// SPDX-License-Identifier: MIT
#include "sim/workloads/memory_image.h"
#include "sim/workloads/readers.h"

namespace mmusim {

namespace {

constexpr uint64_t kPageblock = 512;
constexpr uint64_t kClusterMax = 32;  // COMPACT_CLUSTER_MAX

struct CompactionConfig {
  FillConfig fill;
  bool async = true;  // the free scanner looks at every 32nd page only
};

CompactionConfig read_compaction_config(ConfigReader& r) {
  CompactionConfig c;
  r.read({"async", "Asynchronous compaction: the free scanner looks at every 32nd page only."}, c.async);
  c.fill = read_fill_config(r.child({"fill", "What memory is used for; the rest is free."}));
  return c;
}

/// The two fronts of memory compaction [mm/compaction.c]: one ascends from the start of memory and isolates pages that
/// can move, the other descends pageblock by pageblock from the end and isolates free ones, until they meet.
class Compaction final : public PageStream {
 public:
  enum class Fronts : uint8_t { kBoth, kFreeOnly };

  Compaction(const CompactionConfig& config, Fronts fronts, const WorkloadContext& context)
      : PageStream(context),
        image_(config.fill, context.seed),
        stride_(config.async ? kClusterMax : 1),
        fronts_(fronts),
        free_block_(space().pages() / kPageblock) {}

 private:
  bool step() override {
    if (migrate_ >= free_block_ * kPageblock) return false;
    const bool migrating = fronts_ == Fronts::kBoth && isolated_ < kClusterMax;
    if (migrating) {
      migrate_ += scan_for_pages(space().at(migrate_));
      return true;
    }
    scan_for_free_pages();
    return true;
  }

  /// isolate_migratepages_block, one candidate; returns how many page frames to go on.
  uint64_t scan_for_pages(Pfn pfn) {
    const PageRun& run = image_.at(pfn);
    read_head(pfn);
    read(pfn, page_field::kMapcount, 4);
    if (run.kind == PageKind::kFree) {
      read(pfn, page_field::kPrivate);
      return run.end() - pfn;
    }
    read(pfn, page_field::kFlags);
    if (run.order > 0) {
      read(pfn, page_field::kLruNext);
      read(run.head, page_field::kFolioOrder, 8, /*depends_on=*/1);
      return run.end() - pfn;
    }
    isolate(pfn);
    ++isolated_;
    return 1;
  }
  void isolate(Pfn pfn) {
    modify(pfn, page_field::kRefcount, 4);
    read(pfn, page_field::kMapping);
    read(pfn, page_field::kRefcount, 4);
    read(pfn, page_field::kMapcount, 4);
    modify(pfn, page_field::kFlags);
    list_delete(random_pfn(), random_pfn());
    list_insert(pfn, last_isolated_.value_or(pfn));
    last_isolated_ = pfn;
  }

  /// isolate_freepages_block, one pageblock from the end of memory.
  void scan_for_free_pages() {
    --free_block_;
    for (uint64_t at = 0; at < kPageblock;) {
      const Pfn pfn = space().at(free_block_ * kPageblock + at);
      const PageRun& run = image_.at(pfn);
      read(pfn, page_field::kFlags);
      read(pfn, page_field::kLruNext);
      read(pfn, page_field::kMapcount, 4);
      if (run.kind != PageKind::kFree) {
        at += stride_;
        continue;
      }
      read(run.head, page_field::kPrivate);
      list_delete(random_pfn(), random_pfn());
      write(run.head, page_field::kPrivate);
      write(run.head, page_field::kMapcount, 4);
      list_insert(run.head, last_free_.value_or(run.head));
      last_free_ = run.head;
      found_ += run.pages();
      at += std::max<uint64_t>(run.end() - pfn, 1);
    }
    if (found_ < kClusterMax) return;
    found_ = 0;
    isolated_ = 0;
  }

  MemoryImage image_;
  uint64_t stride_;
  Fronts fronts_;
  uint64_t migrate_ = 0;  // next page frame of the ascending front
  uint64_t free_block_;   // pageblocks below the descending front
  uint64_t isolated_ = 0;
  uint64_t found_ = 0;
  std::optional<Pfn> last_isolated_;
  std::optional<Pfn> last_free_;
};

WorkloadPlan plan(ConfigReader& r, Compaction::Fronts fronts) {
  const CompactionConfig config = read_compaction_config(r);
  return [config, fronts](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<Compaction>(config, fronts, context);
  };
}

}  // namespace

WorkloadPlan read_compaction(ConfigReader& r) { return plan(r, Compaction::Fronts::kBoth); }
WorkloadPlan read_free_scanner(ConfigReader& r) { return plan(r, Compaction::Fronts::kFreeOnly); }

}  // namespace mmusim
