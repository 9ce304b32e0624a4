// SPDX-License-Identifier: MIT
#include "sim/workloads/memory_image.h"

#include <numeric>

#include <nlohmann/json.hpp>

namespace mmusim {

namespace {

constexpr unsigned kPageblockOrder = 9;
constexpr unsigned kClusterOrder = 5;

}  // namespace

FillConfig read_fill_config(ConfigReader r) {
  FillConfig c;
  constexpr std::string_view kShare = "share of memory";
  r.read({"anon", "Anonymous pages.", kShare}, c.anon, 0, 1);
  r.read({"file", "Page-cache pages.", kShare}, c.file, 0, 1);
  r.read({"slab", "Slab pages.", kShare}, c.slab, 0, 1);
  r.read({"thp", "Transparent huge pages, in whole pageblocks of 2 MiB.", kShare}, c.thp, 0, 1);
  r.read({"hugetlb", "HugeTLB pages, in whole pageblocks of 2 MiB.", kShare}, c.hugetlb, 0, 1);
  r.check(c.free() > -1e-9, "", "the shares add up to {}, expected at most 1", 1 - c.free());
  const ConfigKey free_orders("free_orders", "Weights of the orders 0, 1, ... of free blocks.", "weights");
  const auto form = ValueForm::list(ValueForm::of(ValueForm::Kind::kNumber), 1, c.free_orders.size());
  if (const nlohmann::json* orders = r.raw(free_orders, form, nlohmann::json(c.free_orders).dump())) {
    const bool weights = orders->is_array() && !orders->empty() && orders->size() <= c.free_orders.size() &&
                         std::all_of(orders->begin(), orders->end(),
                                     [](const nlohmann::json& w) { return w.is_number() && w.get<double>() >= 0; });
    if (weights) {
      c.free_orders.fill(0);
      for (size_t i = 0; i < orders->size(); ++i) c.free_orders[i] = orders->at(i).get<double>();
    }
    r.check(weights && std::accumulate(c.free_orders.begin(), c.free_orders.end(), 0.0) > 0, "free_orders",
            "expected up to {} weights for the orders 0, 1, ..., not all 0", c.free_orders.size());
  }
  r.finish();
  return c;
}

MemoryImage::MemoryImage(const FillConfig& config, uint64_t seed) : config_(config), seed_(derived_seed(seed, 17)) {
  const double all = std::accumulate(config_.free_orders.begin(), config_.free_orders.end(), 0.0);
  const double large = std::accumulate(config_.free_orders.begin() + kClusterOrder + 1, config_.free_orders.end(), 0.0);
  large_free_ = std::max(0.0, config_.free()) * large / all;
}

const PageRun& MemoryImage::at(Pfn pfn) {
  const uint64_t number = pfn.raw / kPageblock;
  Block& block = cache_[number % cache_.size()];
  if (block.number != number) build(block, number);
  return block.runs[block.run_of[pfn.raw % kPageblock]];
}

void MemoryImage::build(Block& block, uint64_t number) const {
  Random random(derived_seed(seed_, number + 1));
  block.number = number;
  block.runs.clear();
  const Pfn start(number * kPageblock);
  const double pick = random.unit();
  if (pick < config_.thp) {
    block.runs.push_back({start, kPageblockOrder, PageKind::kThp});
  } else if (pick < config_.thp + config_.hugetlb) {
    block.runs.push_back({start, kPageblockOrder, PageKind::kHugetlb});
  } else if (pick < config_.thp + config_.hugetlb + large_free_) {
    fill_free(block, start, kPageblock, kClusterOrder + 1, kPageblockOrder, random);
  } else {
    for (uint64_t at = 0; at < kPageblock; at += kCluster) fill_cluster(block, start + at, random);
  }
  for (size_t i = 0; i < block.runs.size(); ++i) {
    const uint64_t first = block.runs[i].head.raw % kPageblock;
    std::fill_n(block.run_of.begin() + static_cast<ptrdiff_t>(first), block.runs[i].pages(), static_cast<uint16_t>(i));
  }
}

void MemoryImage::fill_cluster(Block& block, Pfn start, Random& random) const {
  const double small_free = std::max(0.0, config_.free()) - large_free_;
  const double all = small_free + config_.anon + config_.file + config_.slab;
  double pick = random.unit() * all;
  if ((pick -= small_free) < 0) return fill_free(block, start, kCluster, 0, kClusterOrder, random);
  const PageKind kind = (pick -= config_.anon) < 0   ? PageKind::kAnon
                        : (pick -= config_.file) < 0 ? PageKind::kFile
                                                     : PageKind::kSlab;
  // Slabs of eight pages are common for objects of a kilobyte; anonymous and file pages stand alone.
  const unsigned order = kind == PageKind::kSlab ? 3 : 0;
  for (uint64_t at = 0; at < kCluster; at += uint64_t{1} << order) block.runs.push_back({start + at, order, kind});
}

void MemoryImage::fill_free(Block& block, Pfn start, uint64_t pages, unsigned lowest, unsigned highest,
                            Random& random) const {
  double all = 0;
  for (unsigned order = lowest; order <= highest; ++order) all += config_.free_orders[order];
  uint64_t at = 0;
  while (at < pages) {
    double pick = random.unit() * all;
    unsigned order = lowest;
    while (order < highest && (pick -= config_.free_orders[order]) >= 0) ++order;
    // A block is aligned to its size and does not leave the piece.
    while (order > 0 && (at % (uint64_t{1} << order) != 0 || at + (uint64_t{1} << order) > pages)) --order;
    block.runs.push_back({start + at, order, PageKind::kFree});
    at += uint64_t{1} << order;
  }
}

}  // namespace mmusim
