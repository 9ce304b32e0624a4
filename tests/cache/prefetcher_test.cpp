// SPDX-License-Identifier: MIT
#include "models/cache/prefetcher.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

using Lines = std::vector<uint64_t>;

/// A prefetcher that is told of requests.
class Told {
 public:
  explicit Told(const CachePrefetcherConfig& config) : prefetcher_(make_cache_prefetcher(config)) {}
  Lines request(uint64_t line, bool hit = false) {
    Lines wanted;
    prefetcher_->requested(line, hit, wanted);
    return wanted;
  }

 private:
  std::unique_ptr<CachePrefetcher> prefetcher_;
};

TEST(CachePrefetcher, NextLine_AfterMissesOnlyAndWithinThePage) {
  Told told({CachePrefetcherKind::kNextLine, 3, 16});
  EXPECT_EQ(told.request(10), (Lines{11, 12, 13}));
  EXPECT_EQ(told.request(11, /*hit=*/true), Lines{});
  EXPECT_EQ(told.request(62), Lines{63});
  EXPECT_EQ(told.request(63), Lines{});
}

TEST(CachePrefetcher, Stride_ADistanceSeenTwiceIsFollowed) {
  Told told({CachePrefetcherKind::kStride, 2, 16});
  EXPECT_EQ(told.request(0), Lines{});
  EXPECT_EQ(told.request(5), Lines{});
  EXPECT_EQ(told.request(10), (Lines{15, 20}));
  EXPECT_EQ(told.request(10, /*hit=*/true), Lines{}) << "the line again is no stride";
  EXPECT_EQ(told.request(15, /*hit=*/true), (Lines{20, 25}));
  EXPECT_EQ(told.request(16), Lines{});
  EXPECT_EQ(told.request(17), (Lines{18, 19}));
}

TEST(CachePrefetcher, Stride_GoesDownAndEndsWithThePage) {
  Told told({CachePrefetcherKind::kStride, 4, 16});
  told.request(64 + 20);
  told.request(64 + 13);
  EXPECT_EQ(told.request(64 + 6), Lines{}) << "7 further down another page begins";
  told.request(64 + 5);
  EXPECT_EQ(told.request(64 + 4), (Lines{64 + 3, 64 + 2, 64 + 1, 64}));
}

TEST(CachePrefetcher, Stream_RunsDegreeLinesAheadAndAsksForEachOnce) {
  Told told({CachePrefetcherKind::kStream, 4, 16});
  EXPECT_EQ(told.request(8), Lines{});
  EXPECT_EQ(told.request(9), Lines{}) << "one step tells a direction, the second confirms it";
  EXPECT_EQ(told.request(11), (Lines{12, 13, 14, 15}));
  EXPECT_EQ(told.request(12, /*hit=*/true), Lines{16});
  EXPECT_EQ(told.request(15, /*hit=*/true), (Lines{17, 18, 19}));
  EXPECT_EQ(told.request(62), Lines{63}) << "it has overtaken what was asked for";
}

TEST(CachePrefetcher, Stream_DownwardsAndTurning) {
  Told told({CachePrefetcherKind::kStream, 2, 16});
  told.request(40);
  told.request(39);
  EXPECT_EQ(told.request(38), (Lines{37, 36}));
  EXPECT_EQ(told.request(50), Lines{}) << "turned";
  EXPECT_EQ(told.request(51), (Lines{52, 53}));
}

TEST(CachePrefetcher, PagesBeyondTheTrackersAreForgotten) {
  for (const auto kind : {CachePrefetcherKind::kStride, CachePrefetcherKind::kStream}) {
    Told few({kind, 1, 1}), enough({kind, 1, 2});
    for (Told* told : {&few, &enough}) {
      told->request(0);
      told->request(1);
      told->request(64);  // another page
    }
    EXPECT_EQ(few.request(2), Lines{});
    EXPECT_EQ(enough.request(2), Lines{3});
  }
}

}  // namespace
}  // namespace mmusim
