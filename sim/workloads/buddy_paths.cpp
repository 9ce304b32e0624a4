// SPDX-License-Identifier: MIT
#include "sim/workloads/pcp_list.h"
#include "sim/workloads/readers.h"

namespace mmusim {

namespace {

constexpr unsigned kMaxOrder = 10;

struct BuddyConfig {
  uint64_t operations = 200'000;
  unsigned low = 0;           ///< order that is freed or asked for
  unsigned high = kMaxOrder;  ///< order that is split
  double merge = 0.5;         ///< chance that the buddy is free as well
};

BuddyConfig read_config(ConfigReader& r) {
  BuddyConfig c;
  r.read({"operations", "Blocks that are freed or allocated.", "operations"}, c.operations, 1, uint64_t{1} << 40);
  r.read({"order", "Order of these blocks.", "log2 of page frames"}, c.low, 0, kMaxOrder);
  return c;
}

/// [mm/page_alloc.c: __free_one_page]
class BuddyFree final : public PageStream {
 public:
  BuddyFree(const BuddyConfig& config, const WorkloadContext& context)
      : PageStream(context), config_(config), left_(config.operations) {}

 private:
  bool step() override {
    if (left_ == 0) return false;
    --left_;
    unsigned order = config_.low;
    Pfn pfn(random_pfn().raw & ~((uint64_t{1} << order) - 1));
    for (; order < kMaxOrder; ++order) {
      const Pfn buddy(pfn.raw ^ (uint64_t{1} << order));
      if (!space().contains(buddy)) break;
      read(buddy, page_field::kMapcount, 4);
      if (!random().chance(config_.merge)) break;
      read(buddy, page_field::kPrivate);
      read(pfn, page_field::kFlags);
      read(buddy, page_field::kFlags);
      list_delete(random_pfn(), random_pfn());
      write(buddy, page_field::kMapcount, 4);
      write(buddy, page_field::kPrivate);
      pfn = std::min(pfn, buddy);
    }
    if (!space().contains(pfn)) return true;
    write(pfn, page_field::kPrivate);
    write(pfn, page_field::kMapcount, 4);
    list_insert(pfn, random_pfn());
    return true;
  }
  const BuddyConfig config_;
  uint64_t left_;
};

/// [mm/page_alloc.c: __rmqueue_smallest, expand]
class BuddyAlloc final : public PageStream {
 public:
  BuddyAlloc(const BuddyConfig& config, const WorkloadContext& context)
      : PageStream(context), config_(config), left_(config.operations) {}

 private:
  bool step() override {
    if (left_ == 0) return false;
    --left_;
    const uint64_t block = uint64_t{1} << config_.high;
    const Pfn pfn(random_pfn().raw & ~(block - 1));
    if (!space().contains(pfn) || !space().contains(pfn + (block - 1))) return true;
    read(pfn, page_field::kLruNext);
    list_delete(pfn, random_pfn());
    write(pfn, page_field::kMapcount, 4);
    write(pfn, page_field::kPrivate);
    for (unsigned order = config_.high; order > config_.low; --order) {
      const Pfn half = pfn + (uint64_t{1} << (order - 1));
      list_insert(half, random_pfn());
      write(half, page_field::kPrivate);
      write(half, page_field::kMapcount, 4);
    }
    return true;
  }
  const BuddyConfig config_;
  uint64_t left_;
};

struct ChurnConfig {
  uint64_t operations = 200'000;
  unsigned run_order = 0;
  uint64_t held = 1024;  ///< pages held by the program on average
};

class PcpChurn final : public PcpStream {
 public:
  PcpChurn(const ChurnConfig& config, const WorkloadContext& context)
      : PcpStream(context, config.run_order), config_(config), left_(config.operations) {}

 private:
  bool step() override {
    if (left_ == 0) return false;
    --left_;
    // A random walk around `held`: the fuller, the likelier a free.
    const double free_chance = static_cast<double>(held_.size()) / (2.0 * static_cast<double>(config_.held));
    if (held_.empty() || !random().chance(free_chance)) {
      held_.push_back(allocate());
      return true;
    }
    const size_t victim = random().below(held_.size());
    const Pfn pfn = held_[victim];
    held_[victim] = held_.back();
    held_.pop_back();
    free(pfn);
    return true;
  }
  const ChurnConfig config_;
  uint64_t left_;
  std::vector<Pfn> held_;
};

}  // namespace

WorkloadPlan read_buddy_free(ConfigReader& r) {
  BuddyConfig config = read_config(r);
  r.read({"merge", "Chance that the buddy of a block is free as well.", "probability"}, config.merge, 0, 1);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<BuddyFree>(config, context);
  };
}

WorkloadPlan read_buddy_alloc(ConfigReader& r) {
  BuddyConfig config = read_config(r);
  r.read({"from_order", "Order of the free block that is split.", "log2 of page frames"}, config.high, 0, kMaxOrder);
  r.check(config.low <= config.high, "from_order", "{} is less than the order asked for, {}", config.high, config.low);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<BuddyAlloc>(config, context);
  };
}

WorkloadPlan read_pcp_churn(ConfigReader& r) {
  ChurnConfig config;
  r.read({"operations", "Allocations and frees of one page.", "operations"}, config.operations, 1, uint64_t{1} << 40);
  r.read({"run_order", "Order of the runs of contiguous page frames on the lists.", "log2 of page frames"},
         config.run_order, 0, kMaxOrder);
  r.read({"held", "Pages that the program holds on average.", "pages"}, config.held, 1, uint64_t{1} << 28);
  return [config](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<PcpChurn>(config, context);
  };
}

}  // namespace mmusim
