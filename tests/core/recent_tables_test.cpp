// SPDX-License-Identifier: MIT
// The tables behind cheap hits: what they answer is what a search would find, and an answer ends with what it rests on.
#include <gtest/gtest.h>

#include <vector>

#include "models/core/recent_lines.h"
#include "models/core/recent_pages.h"

namespace mmusim {
namespace {

constexpr Geometry kCache = {512, 8};  // 32 KiB
constexpr PhysAddr kLine(0x12340);

TEST(RecentLines, ALineIsFoundAsLongAsTheCacheHasIt) {
  CacheArray cache(kCache);
  RecentLines recent(cache);
  EXPECT_EQ(recent.find(kLine), nullptr);
  cache.fill(cache.home_of(kLine), false);
  for (int again = 0; again < 2; ++again) {
    ASSERT_NE(recent.find(kLine), nullptr);
    EXPECT_EQ(recent.find(kLine)->slot, cache.find(kLine));
    EXPECT_EQ(recent.find(kLine + 63), recent.find(kLine));  // any byte of it
  }
  EXPECT_EQ(recent.find(kLine + 64), nullptr);
}

TEST(RecentLines, ALineThatIsTakenAwayIsNotFound) {
  CacheArray cache(kCache);
  RecentLines recent(cache);
  cache.fill(cache.home_of(kLine), false);
  ASSERT_NE(recent.find(kLine), nullptr);
  cache.erase(cache.find(kLine));  // as coherence, a flush and an inclusive cache below do
  EXPECT_EQ(recent.find(kLine), nullptr);
}

TEST(RecentLines, ALineThatMadeRoomIsNotFound) {
  CacheArray cache({8, 8});
  RecentLines recent(cache);
  for (unsigned i = 0; i < 9; ++i) {
    cache.fill(cache.home_of(kLine + i * kLineBytes), false);
    ASSERT_NE(recent.find(kLine + i * kLineBytes), nullptr);
  }
  EXPECT_EQ(recent.find(kLine), nullptr);
}

TEST(RecentLines, ALineThatCameBackToAnotherWayIsFoundThere) {
  CacheArray cache({2, 2});
  RecentLines recent(cache);
  cache.fill(cache.home_of(kLine), false);
  const unsigned before = recent.find(kLine)->slot;
  cache.fill(cache.home_of(kLine + 64), false);
  cache.erase(cache.find(kLine));
  cache.erase(cache.find(kLine + 64));
  cache.fill(cache.home_of(kLine), false);  // the way that was emptied last
  const unsigned after = cache.find(kLine);
  ASSERT_NE(before, after);
  EXPECT_EQ(recent.find(kLine)->slot, after);
}

TEST(RecentLines, LinesOfOnePlaceInTheTableAreBothFound) {
  CacheArray cache({4096, 16});
  RecentLines recent(cache);
  for (const uint64_t apart : {0U, 64U, 128U, 1024U}) cache.fill(cache.home_of(kLine + apart * kKiB), false);
  for (int again = 0; again < 2; ++again) {
    for (const uint64_t apart : {0U, 64U, 128U, 1024U})
      EXPECT_EQ(recent.find(kLine + apart * kKiB)->slot, cache.find(kLine + apart * kKiB));
  }
}

TEST(RecentLines, DirtyAndCleanMakeNoDifference) {
  CacheArray cache(kCache);
  RecentLines recent(cache);
  cache.fill(cache.home_of(kLine), true);
  EXPECT_TRUE(CacheArray::dirty(*recent.find(kLine)));
  cache.mark_clean(cache.find(kLine));
  EXPECT_FALSE(CacheArray::dirty(*recent.find(kLine)));
  CacheArray::mark_dirty(*recent.find(kLine));
  EXPECT_TRUE(cache.dirty(cache.find(kLine)));
}

constexpr VirtAddr kVa(0x7000'1000);

/// A TLB with one page, which the table knows for reads.
class RecentPagesTest : public testing::Test {
 protected:
  RecentPagesTest() { fill(); }
  void fill() {
    slot = array.fill(kVa, EntryKind::k4K, 1, Translation({.frame = PhysAddr(0x5000)}));
    remember({.va = kVa});
  }
  void remember(const MemAccess& access) {
    pages.remember(access.va, PhysAddr(0x5008), access_type_of(access), {&array, slot, array.serial(slot)});
  }
  bool knows(const MemAccess& access) const { return pages.find(access) != nullptr; }

  TlbArray array{{8, 8}};
  unsigned slot = 0;
  RecentPages pages;
};

TEST_F(RecentPagesTest, AnswersForThePageOfTheFirstByte) {
  const RecentPages::Page* page = pages.find({.va = kVa + 0xfff});
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->frame, PhysAddr(0x5000));
  EXPECT_EQ(page->place.slot, slot);
  EXPECT_FALSE(knows({.va = kVa + kPageBytes}));
  EXPECT_FALSE(knows({.va = kVa - 1}));
}

TEST_F(RecentPagesTest, AnswersOnlyTheKindAndPrivilegeThatItWasTold) {
  std::vector<MemAccess> uses;
  for (const AccessKind kind : kAllOf<AccessKind>) {
    for (const unsigned flags : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U})
      uses.push_back(
          {.va = kVa, .kind = kind, .user = (flags & 1) != 0, .rmw = (flags & 2) != 0, .implicit = (flags & 4) != 0});
  }
  for (const MemAccess& told : uses) {
    pages.forget();
    remember(told);
    const AccessType type = access_type_of(told);
    for (const MemAccess& asked : uses) EXPECT_EQ(knows(asked), access_type_of(asked) == type);
    EXPECT_EQ(pages.find(told)->kind, type.kind());
  }
}

TEST_F(RecentPagesTest, PrivilegesThatUseOneEntryAreKnownAtOnce) {
  remember({.va = kVa, .user = true});
  EXPECT_TRUE(knows({.va = kVa}));
  EXPECT_TRUE(knows({.va = kVa, .user = true}));
  EXPECT_FALSE(knows({.va = kVa, .implicit = true}));
  slot = array.fill(kVa, EntryKind::k4K, 1, Translation({.frame = PhysAddr(0x5000)}));  // another one
  remember({.va = kVa, .user = true});
  EXPECT_FALSE(knows({.va = kVa}));
}

TEST_F(RecentPagesTest, WhatDoesNotDecideRightsMakesNoDifference) {
  EXPECT_TRUE(knows({.va = kVa,
                     .bytes = 1,
                     .stack = true,
                     .awaited = true,
                     .continues = true,
                     .depends_on = 3,
                     .gap = 9,
                     .also_depends_on = {4, 5}}));
}

TEST_F(RecentPagesTest, NeighbouringPagesOfAllKindsAreKnownAtOnce) {
  const auto use = [](uint64_t page, AccessKind kind) {
    return MemAccess{.va = kVa + page * kPageBytes, .kind = kind};
  };
  for (uint64_t page = 0; page < 256; ++page) {
    for (const AccessKind kind : kAllOf<AccessKind>) remember(use(page, kind));
  }
  for (uint64_t page = 0; page < 256; ++page) {
    for (const AccessKind kind : kAllOf<AccessKind>) EXPECT_TRUE(knows(use(page, kind))) << page;
  }
}

TEST_F(RecentPagesTest, AnAnswerEndsWithItsTlbEntry) {
  array.erase(slot);
  EXPECT_FALSE(knows({.va = kVa}));
  fill();
  EXPECT_TRUE(knows({.va = kVa}));
  array.fill(kVa, EntryKind::k4K, 1, Translation({.frame = PhysAddr(0x6000)}));  // the same slot again
  EXPECT_FALSE(knows({.va = kVa}));
  fill();
  array.clear();
  EXPECT_FALSE(knows({.va = kVa}));
}

TEST_F(RecentPagesTest, ForgetEndsAllAnswers) {
  pages.forget();
  EXPECT_FALSE(knows({.va = kVa}));
}

TEST_F(RecentPagesTest, AUseThroughAnAnswerIsAUseOfTheEntry) {
  for (uint64_t page = 1; page < 8; ++page) array.fill(kVa + page * kPageBytes, EntryKind::k4K, 1, Translation());
  pages.find({.va = kVa})->touch();  // it was the one to leave next
  array.fill(kVa + 8 * kPageBytes, EntryKind::k4K, 1, Translation());
  EXPECT_TRUE(knows({.va = kVa}));
  EXPECT_EQ(array.find(kVa + kPageBytes, EntryKind::k4K, 1), TlbArray::kNone);
}

}  // namespace
}  // namespace mmusim
