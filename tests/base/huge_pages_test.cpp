// SPDX-License-Identifier: MIT
#include "models/base/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_map>

namespace mmusim {
namespace {

TEST(HugePages, LargeArraysAreAlignedToThemSmallOnesAsTheirType) {
  HugePageVector<uint64_t> small(3, 7), large(size_t{1} << 19, 7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small.data()) % alignof(uint64_t), 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large.data()) % (size_t{2} << 20), 0u);
  EXPECT_EQ(large.front() + large.back(), 14u);
}

TEST(HugePagePool, ATableInItHoldsWhatWasPutAndUsesFreedNodesAgain) {
  constexpr uint64_t kNodes = 100'000;
  HugePagePool pool(64);
  std::pmr::unordered_map<uint64_t, uint64_t> table(pool.resource());
  uintptr_t lowest = ~uintptr_t{0}, highest = 0;
  const auto note = [&](const uint64_t& value) {
    lowest = std::min(lowest, reinterpret_cast<uintptr_t>(&value));
    highest = std::max(highest, reinterpret_cast<uintptr_t>(&value));
  };
  for (uint64_t i = 0; i < kNodes; ++i) note(table[i] = i * i);
  const uintptr_t first_lowest = lowest, first_highest = highest;
  for (uint64_t round = 0; round < 10; ++round) {
    for (uint64_t i = 0; i < kNodes; ++i) table.erase(round * kNodes + i);
    for (uint64_t i = 0; i < kNodes; ++i) note(table[(round + 1) * kNodes + i] = i);
  }
  EXPECT_EQ(table.size(), kNodes);
  EXPECT_EQ(table.at(10 * kNodes + 99), 99u);
  EXPECT_EQ(lowest, first_lowest);  // ten times as many nodes later
  EXPECT_EQ(highest, first_highest);
}

}  // namespace
}  // namespace mmusim
