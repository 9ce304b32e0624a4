// SPDX-License-Identifier: MIT
#include "sim/trace/stack_distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>

#include "models/base/errors.h"

namespace mmusim {
namespace {

/// The definition: position in a list ordered by last use.
class NaiveStack {
 public:
  std::optional<uint64_t> use(uint64_t key) {
    std::optional<uint64_t> distance;
    uint64_t depth = 0;
    for (auto at = keys_.begin(); at != keys_.end(); ++at, ++depth) {
      if (*at != key) continue;
      distance = depth;
      keys_.erase(at);
      break;
    }
    keys_.push_front(key);
    return distance;
  }

 private:
  std::list<uint64_t> keys_;
};

/// One LRU TLB, simulated directly.
class NaiveTlb {
 public:
  explicit NaiveTlb(const TlbGeometry& g) : geometry_(g), sets_(g.sets()) {}
  void lookup(uint64_t va) {
    const uint64_t page = va >> shift_of(geometry_.page_size);
    std::list<uint64_t>& set = sets_[page % sets_.size()];
    const auto at = std::find(set.begin(), set.end(), page);
    if (at == set.end()) {
      ++misses;
    } else {
      set.erase(at);
    }
    set.push_front(page);
    if (set.size() > geometry_.ways) set.pop_back();
  }
  uint64_t misses = 0;

 private:
  TlbGeometry geometry_;
  std::vector<std::list<uint64_t>> sets_;
};

TEST(StackDistance, EqualsTheDefinitionThroughCompactionsAndGrowth) {
  StackDistance fast;
  NaiveStack naive;
  std::mt19937_64 draw(3);
  for (unsigned i = 0; i < 30000; ++i) {
    const uint64_t range = i < 15000 ? 50 : 1500;
    const uint64_t key = draw() % range * 0x100000001;
    ASSERT_EQ(fast.use(key), naive.use(key)) << i;
  }
  EXPECT_EQ(fast.distinct(), 1500);
}

TEST(StackDistance, CyclicSweepHasTheDistanceOfItsLength) {
  StackDistance stack;
  for (unsigned round = 0; round < 3; ++round) {
    for (uint64_t page = 0; page < 10000; ++page) {
      const std::optional<uint64_t> distance = stack.use(page);
      if (round == 0) {
        EXPECT_FALSE(distance);
      } else {
        EXPECT_EQ(distance, 9999);
      }
    }
  }
}

TEST(TlbMissCurves, EqualsTlbsSimulatedOneByOne) {
  const std::vector<TlbGeometry> geometries = {
      {PageSize::k4K, 64, 4},    {PageSize::k4K, 16, 1},    {PageSize::k4K, 64, 64}, {PageSize::k4K, 128, 128},
      {PageSize::k4K, 1536, 12}, {PageSize::k4K, 192, 192}, {PageSize::k2M, 32, 4},  {PageSize::k2M, 4, 4},
      {PageSize::k4K, 128, 8},   {PageSize::k4K, 48, 4}};
  TlbMissCurves curves(geometries);
  std::vector<NaiveTlb> naive(geometries.begin(), geometries.end());
  std::mt19937_64 draw(11);
  uint64_t lookups = 0;
  for (unsigned i = 0; i < 60000; ++i) {
    MemAccess access;
    const uint64_t page = draw() % 4 == 0 ? draw() % 4000 : draw() % 100;
    access.va = VirtAddr(0xffffea0000000000 + page * 4096 + draw() % 4096);
    access.bytes = 8;
    curves.access(access);
    const uint64_t first = access.va.raw();
    const bool crosses = first % 4096 > 4088;
    lookups += crosses ? 2 : 1;
    for (NaiveTlb& tlb : naive) {
      tlb.lookup(first);
      if (crosses) tlb.lookup(first + 7);
    }
  }
  EXPECT_EQ(curves.lookups(), lookups);
  for (size_t i = 0; i < geometries.size(); ++i) EXPECT_EQ(curves.misses(i), naive[i].misses) << i;
}

TEST(TlbMissCurves, WaysMustDivideEntries) {
  EXPECT_THROW(TlbMissCurves({{PageSize::k4K, 64, 3}}), InputError);
  EXPECT_THROW(TlbMissCurves({{PageSize::k4K, 64, 0}}), InputError);
}

}  // namespace
}  // namespace mmusim
