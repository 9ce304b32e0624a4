// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/base/config.h"
#include "sim/workloads/page_stream.h"

namespace mmusim {

enum class PageKind : uint8_t { kFree, kAnon, kFile, kSlab, kThp, kHugetlb };

/// The uses of memory as shares of all pages; the rest, up to 1, is free.
struct FillConfig {
  double anon = 0.35;
  double file = 0.25;
  double slab = 0.05;
  double thp = 0.10;                                                    ///< in whole pageblocks of 2 MiB
  double hugetlb = 0.0;                                                 ///< in whole pageblocks of 2 MiB
  std::array<double, 10> free_orders = {4, 3, 2, 2, 1, 1, 1, 1, 1, 4};  ///< share of free memory in blocks of order i

  double free() const { return 1.0 - anon - file - slab - thp - hugetlb; }
};
/// Reads {"anon","file","slab","thp","hugetlb","free_orders":[...]}.
FillConfig read_fill_config(ConfigReader reader);

/// A naturally aligned block of page frames used for one thing.
struct PageRun {
  Pfn head;
  unsigned order = 0;
  PageKind kind = PageKind::kFree;
  uint64_t pages() const { return uint64_t{1} << order; }
  Pfn end() const { return head + pages(); }
};

/// The use of each page frame: a function of seed and pageblock number, so that memory of any size takes no
/// space here and pages can be asked for in any order.
class MemoryImage {
 public:
  MemoryImage(const FillConfig& config, uint64_t seed);
  /// The block that holds `pfn`.
  const PageRun& at(Pfn pfn);

 private:
  static constexpr uint64_t kPageblock = 512;
  static constexpr uint64_t kCluster = 32;
  struct Block {
    uint64_t number = ~uint64_t{0};
    std::vector<PageRun> runs;
    std::array<uint16_t, kPageblock> run_of{};
  };

  void build(Block& block, uint64_t number) const;
  void fill_cluster(Block& block, Pfn start, Random& random) const;
  void fill_free(Block& block, Pfn start, uint64_t pages, unsigned lowest, unsigned highest, Random& random) const;

  FillConfig config_;
  uint64_t seed_;
  double large_free_ = 0;  // share of all memory that is free in blocks larger than a cluster
  std::array<Block, 4> cache_;
};

}  // namespace mmusim
