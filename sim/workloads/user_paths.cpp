// SPDX-License-Identifier: MIT
#include <utility>

#include "sim/workloads/pcp_list.h"
#include "sim/workloads/readers.h"

namespace mmusim {

namespace {

constexpr unsigned kMaxRunOrder = 10;
constexpr size_t kLruBatch = 15;  // PAGEVEC_SIZE

struct OperationsConfig {
  uint64_t operations = 200'000;
  unsigned run_order = 0;  ///< log2 of contiguous page frames
};

OperationsConfig read_operations(ConfigReader& r) {
  OperationsConfig c;
  r.read({"operations", "Operations, each on one page.", "operations"}, c.operations, 1, uint64_t{1} << 40);
  r.read({"run_order", "Order of the runs of contiguous page frames that a program has.", "log2 of page frames"},
         c.run_order, 0, kMaxRunOrder);
  return c;
}

/// Page frames as a program's page tables name them: runs of 2^run_order contiguous frames at random places.
class RunPicker {
 public:
  explicit RunPicker(unsigned run_order) : run_(uint64_t{1} << run_order) {}
  Pfn next(const PfnSpace& space, Random& random) {
    do {
      if (at_ == run_) at_ = 0;
      if (at_ == 0) start_ = Pfn(space.at(random.below(space.pages())).raw & ~(run_ - 1));
      ++at_;
    } while (!space.contains(start_ + (at_ - 1)));
    return start_ + (at_ - 1);
  }

 private:
  uint64_t run_;
  uint64_t at_ = 0;
  Pfn start_;
};

/// So many operations, one after the other, on a stream of accesses of type `Stream`.
template <class Stream>
class Operations : public Stream {
 protected:
  template <class... Arguments>
  explicit Operations(uint64_t operations, Arguments&&... arguments)
      : Stream(std::forward<Arguments>(arguments)...), left_(operations) {}
  virtual void operation() = 0;

 private:
  bool step() final {
    if (left_ == 0) return false;
    --left_;
    operation();
    return true;
  }
  uint64_t left_;
};

/// Operations on page frames that a RunPicker names.
class PickedPages : public Operations<PageStream> {
 protected:
  PickedPages(const OperationsConfig& config, const WorkloadContext& context)
      : Operations(config.operations, context), picker_(config.run_order) {}
  virtual void visit(Pfn pfn) = 0;

 private:
  void operation() final { visit(picker_.next(space(), random())); }
  RunPicker picker_;
};

/// [mm/memory.c: do_anonymous_page], with the batched addition to the LRU list.
class AnonFault final : public Operations<PcpStream> {
 public:
  AnonFault(const OperationsConfig& config, const WorkloadContext& context)
      : Operations(config.operations, context, config.run_order) {}

 private:
  void operation() override {
    const Pfn pfn = allocate();
    write(pfn, page_field::kMemcg);
    modify(pfn, page_field::kFlags);
    modify(pfn, page_field::kFlags);
    write(pfn, page_field::kMapping);
    write(pfn, page_field::kIndex);
    write(pfn, page_field::kMapcount, 4);
    modify(pfn, page_field::kFlags);
    modify(pfn, page_field::kRefcount, 4);
    batch_.push_back(pfn);
    if (batch_.size() == kLruBatch) add_to_lru();
  }
  void add_to_lru() {
    for (const Pfn pfn : batch_) {
      list_insert(pfn, lru_.value_or(pfn));
      modify(pfn, page_field::kFlags);
      modify(pfn, page_field::kRefcount, 4);
      lru_ = pfn;
    }
    batch_.clear();
  }
  std::vector<Pfn> batch_;
  std::optional<Pfn> lru_;
};

/// [mm/memory.c: zap_pte_range]
class Zap final : public Operations<PcpStream> {
 public:
  Zap(const OperationsConfig& config, const WorkloadContext& context)
      : Operations(config.operations, context, config.run_order), picker_(config.run_order) {}

 private:
  void operation() override {
    const Pfn pfn = picker_.next(space(), random());
    read_head(pfn);
    modify(pfn, page_field::kMapcount, 4);
    modify(pfn, page_field::kRefcount, 4);
    free(pfn);
  }
  RunPicker picker_;
};

/// [mm/vmscan.c: isolate_lru_folios, shrink_folio_list]: a pointer chase through the LRU list, in batches of 32.
class Reclaim final : public PageStream {
 public:
  Reclaim(const OperationsConfig& config, const WorkloadContext& context)
      : PageStream(context), order_(space().pages(), context.seed), left_(config.operations) {}

 private:
  static constexpr uint64_t kSwapCluster = 32;  // SWAP_CLUSTER_MAX

  Pfn lru(uint64_t place) const { return space().at(order_(place % space().pages())); }

  bool step() override {
    if (left_ == 0) return false;
    const uint64_t batch = std::min(left_, kSwapCluster);
    left_ -= batch;
    for (uint64_t i = 0; i < batch; ++i) isolate(place_ + i);
    for (uint64_t i = 0; i < batch; ++i) {
      const Pfn pfn = lru(place_ + i);
      modify(pfn, page_field::kFlags);
      read(pfn, page_field::kMapping);
      read(pfn, page_field::kFlags);
    }
    place_ += batch;
    return true;
  }
  void isolate(uint64_t place) {
    // The address of this page came from `lru.prev` of the one before, nine accesses earlier.
    const Pfn pfn = lru(place);
    read(pfn, page_field::kLruPrev, 8, place == 0 ? 0 : kAccessesPerPage);
    read(pfn, page_field::kFlags);
    read(pfn, page_field::kMapcount, 4);
    modify(pfn, page_field::kRefcount, 4);
    modify(pfn, page_field::kFlags);
    write(pfn, page_field::kLruNext);
    write(pfn, page_field::kLruPrev);
    list_delete(lru(place + 1), lru(place == 0 ? 0 : place - 1));
  }
  static constexpr unsigned kAccessesPerPage = 9;

  Permutation order_;
  uint64_t left_;
  uint64_t place_ = 0;
};

struct GupConfig {
  OperationsConfig operations;
  bool pin = false;
  double large = 0.1;  ///< share of pages that belong to a 2 MiB folio
};

/// [mm/gup.c: try_get_folio]
class GupFast final : public PickedPages {
 public:
  GupFast(const GupConfig& config, const WorkloadContext& context)
      : PickedPages(config.operations, context), config_(config) {}

 private:
  static constexpr uint64_t kFolioPages = 512;
  void visit(Pfn pfn) override {
    const Pfn aligned(pfn.raw & ~(kFolioPages - 1));
    const bool large = random().chance(config_.large) && space().contains(aligned);
    const Pfn head = large ? aligned : pfn;
    read_head(pfn);
    read(head, page_field::kRefcount, 4, /*depends_on=*/1);
    modify(head, page_field::kRefcount, 4);
    read_head(pfn);
    if (large && config_.pin) modify(head, page_field::kFolioPincount, 4);
  }
  const GupConfig config_;
};

/// Reads and writes of cached file pages [mm/filemap.c].
class PageCache final : public PickedPages {
 public:
  PageCache(const OperationsConfig& config, const WorkloadContext& context) : PickedPages(config, context) {}

 private:
  void visit(Pfn pfn) override {
    read_head(pfn);
    modify(pfn, page_field::kRefcount, 4);
    read(pfn, page_field::kMapping);
    read(pfn, page_field::kIndex);
    read(pfn, page_field::kFlags);
    modify(pfn, page_field::kRefcount, 4);
  }
};

struct PageExtConfig {
  OperationsConfig operations;
  uint64_t entry_bytes = 64;  ///< page_ext entry: page_owner with its stack handles
};

/// page_owner and its like: a side table indexed by page frame, here at the start of the largest memory range in the
/// direct map [mm/page_ext.c: lookup_page_ext].
class PageExt final : public PickedPages {
 public:
  PageExt(const PageExtConfig& config, const WorkloadContext& context)
      : PickedPages(config.operations, context), config_(config) {
    const auto& ranges = space().ranges();
    const auto largest = std::max_element(
        ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.end - a.start < b.end - b.start; });
    table_ = context.page_offset_base + address_of(largest->start).raw();
    table_bytes_ = (largest->end - largest->start) * kPageBytes;
  }

 private:
  void visit(Pfn pfn) override {
    read_head(pfn);
    read_section(pfn);
    emit(table_ + pfn.raw * config_.entry_bytes % table_bytes_, 8, AccessKind::kWrite, /*rmw=*/false, /*depends_on=*/1);
  }
  const PageExtConfig config_;
  VirtAddr table_;
  uint64_t table_bytes_;
};

template <class Path>
WorkloadPlan path_plan(ConfigReader& r) {
  const OperationsConfig config = read_operations(r);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<Path>(config, context);
  };
}

}  // namespace

WorkloadPlan read_anon_fault(ConfigReader& r) { return path_plan<AnonFault>(r); }
WorkloadPlan read_zap(ConfigReader& r) { return path_plan<Zap>(r); }
WorkloadPlan read_reclaim(ConfigReader& r) { return path_plan<Reclaim>(r); }
WorkloadPlan read_page_cache(ConfigReader& r) { return path_plan<PageCache>(r); }

WorkloadPlan read_gup_fast(ConfigReader& r) {
  GupConfig config;
  config.operations = read_operations(r);
  r.read({"pin", "Pages are pinned (FOLL_PIN) instead of referenced."}, config.pin);
  r.read({"large", "Pages that belong to a folio of 2 MiB.", "share of pages"}, config.large, 0, 1);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<GupFast>(config, context);
  };
}

WorkloadPlan read_page_ext(ConfigReader& r) {
  PageExtConfig config;
  config.operations = read_operations(r);
  r.read({"entry_bytes", "Size of a page_ext entry.", "bytes"}, config.entry_bytes, 8, 4096);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<PageExt>(config, context);
  };
}

}  // namespace mmusim
