// SPDX-License-Identifier: MIT
#include "models/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace mmusim {
namespace {

TEST(Histogram, BucketsTileAllNumbersWithoutGapOrOverlap) {
  EXPECT_EQ(Histogram::lower_bound(0), 0u);
  for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    ASSERT_EQ(Histogram::upper_bound(i) + 1, Histogram::lower_bound(i + 1)) << "bucket " << i;
    ASSERT_EQ(Histogram::bucket_of(Histogram::lower_bound(i)), i);
    ASSERT_EQ(Histogram::bucket_of(Histogram::upper_bound(i)), i);
  }
  EXPECT_EQ(Histogram::upper_bound(Histogram::kBuckets - 1), ~uint64_t{0});
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (uint64_t v = 1; v <= 60; ++v) h.add(v);
  EXPECT_EQ(h.count(), 60u);
  EXPECT_EQ(h.sum(), 60u * 61u / 2);
  EXPECT_EQ(h.min(), 1u);
  EXPECT_EQ(h.max(), 60u);
  EXPECT_EQ(h.percentile(50), 30u);
  EXPECT_EQ(h.percentile(95), 57u);
  EXPECT_EQ(h.percentile(100), 60u);
  EXPECT_EQ(h.percentile(0), 1u);
}

TEST(Histogram, PercentilesOfLargeValuesAreWithinOneIn64) {
  std::mt19937_64 random(7);
  std::vector<uint64_t> values;
  Histogram h;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t v = random() >> (random() % 60);
    values.push_back(v);
    h.add(v);
  }
  std::sort(values.begin(), values.end());
  for (const double p : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto rank = static_cast<size_t>(std::ceil(p / 100 * 20000)) - 1;
    const auto exact = static_cast<double>(values[rank]);
    EXPECT_NEAR(static_cast<double>(h.percentile(p)), exact, exact / 64 + 0.5) << p;
  }
  EXPECT_EQ(h.percentile(100), values.back());
}

TEST(Histogram, EmptyHasNoValues) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.min(), 0u);
  EXPECT_EQ(h.max(), 0u);
  EXPECT_EQ(h.percentile(99), 0u);
  EXPECT_EQ(h.mean(), 0.0);
}

TEST(Histogram, SubtractUndoesMerge) {
  Histogram before;
  before.add(5);
  before.add(1000, 3);
  Histogram region;
  region.add(20, 10);
  region.add(40);
  Histogram whole = before;
  whole.merge(region);
  EXPECT_EQ(whole.count(), 15u);
  EXPECT_EQ(whole.sum(), 5u + 3000 + 200 + 40);
  whole.subtract(before);
  EXPECT_EQ(whole, region);
}

TEST(Histogram, CountsAndSumsBeyond32And53Bits) {
  constexpr uint64_t kMany = (uint64_t{1} << 32) + 1;
  Histogram h;
  h.add(3, kMany);
  h.add((uint64_t{1} << 53) + 1);
  EXPECT_EQ(h.count(), kMany + 1);
  EXPECT_EQ(h.sum(), 3 * kMany + (uint64_t{1} << 53) + 1);
  EXPECT_EQ(h.max(), 9007199254740993u);
  EXPECT_EQ(h.percentile(99), 3u);
  const Histogram before = h;
  h.add(5, kMany);
  h.subtract(before);
  EXPECT_EQ(h.count(), kMany);
  EXPECT_EQ(h.sum(), 5 * kMany);
}

}  // namespace
}  // namespace mmusim
