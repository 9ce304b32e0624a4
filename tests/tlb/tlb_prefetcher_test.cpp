// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_prefetcher.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

using Pages = std::vector<uint64_t>;

class Told {
 public:
  explicit Told(const TlbPrefetcherConfig& config) : prefetcher_(make_tlb_prefetcher(config)) {}
  Pages miss(uint64_t page) {
    Pages wanted;
    prefetcher_->missed(page, wanted);
    return wanted;
  }

 private:
  std::unique_ptr<TlbPrefetcher> prefetcher_;
};

TEST(TlbPrefetcher, NextPage_TheNextOnes) {
  Told told({TlbPrefetcherKind::kNextPage, 2, 64});
  EXPECT_EQ(told.miss(7), (Pages{8, 9}));
  EXPECT_EQ(told.miss(100), (Pages{101, 102}));
}

TEST(TlbPrefetcher, Stride_ADistanceSeenTwiceIsFollowed) {
  Told told({TlbPrefetcherKind::kStride, 2, 64});
  told.miss(100);
  EXPECT_EQ(told.miss(110), Pages{});
  EXPECT_EQ(told.miss(120), (Pages{130, 140}));
  EXPECT_EQ(told.miss(117), Pages{});
  EXPECT_EQ(told.miss(114), (Pages{111, 108}));
}

TEST(TlbPrefetcher, Stride_APageMissedAgainIsNone) {
  Told told({TlbPrefetcherKind::kStride, 2, 64});
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(told.miss(100), Pages{});
}

TEST(TlbPrefetcher, Distance_ListsWhatFollowsOnce) {
  Told told({TlbPrefetcherKind::kDistance, 2, 64});
  for (const uint64_t page : {100, 101, 103, 104, 106}) told.miss(page);  // 1 is followed by 2, twice
  EXPECT_EQ(told.miss(107), Pages{109});
}

TEST(TlbPrefetcher, Distance_FollowsWhatFollowedTheDistance) {
  Told told({TlbPrefetcherKind::kDistance, 2, 64});
  for (const uint64_t page : {100, 101, 103}) told.miss(page);  // distance 1, then 2
  EXPECT_EQ(told.miss(104), Pages{106}) << "1 was followed by 2";
  EXPECT_EQ(told.miss(109), Pages{}) << "nothing has followed 5";
  EXPECT_EQ(told.miss(110), (Pages{115, 112})) << "1 was followed by 5, before that by 2: the latest first";
}

TEST(TlbPrefetcher, Distance_ATableOfOneEntryForgets) {
  Told told({TlbPrefetcherKind::kDistance, 2, 1});
  for (const uint64_t page : {100, 101, 103, 106}) told.miss(page);  // the row of 1 has gone to 2
  EXPECT_EQ(told.miss(107), Pages{});
}

}  // namespace
}  // namespace mmusim
