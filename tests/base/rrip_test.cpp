// SPDX-License-Identifier: MIT
#include "models/base/rrip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "models/base/set_array.h"

namespace mmusim {
namespace {

Geometry shape(unsigned entries, unsigned ways, Replacement replacement) {
  Geometry geometry{entries, ways};
  geometry.replacement = replacement;
  return geometry;
}

/// Drives an array with keys as a cache would be: by the number of the line, in the set of its low bits.
struct Driven {
  explicit Driven(const Geometry& geometry) : array(geometry, 1, ~uint64_t{0}, /*region_shift=*/8) {}

  /// True on a hit.
  bool access(uint64_t line) {
    const unsigned set = array.set_of(line);
    const unsigned slot = array.find(set, line + 1);  // 0 is no key
    if (slot != SetArray::kNone) {
      array.touch(slot);
      return true;
    }
    const auto out = array.replace(set, line + 1);
    if (out.stored != 0) left.push_back(out.key() - 1);
    return false;
  }
  bool has(uint64_t line) const { return array.find(array.set_of(line), line + 1) != SetArray::kNone; }

  SetArray array;
  std::vector<uint64_t> left;  // keys that made room, in order
};

/// SRRIP of the paper, word by word.
class PaperSrrip {
 public:
  explicit PaperSrrip(unsigned ways) : ways_(ways) {}
  bool access(uint64_t key) {
    for (auto& [held, prediction] : set_) {
      if (held != key) continue;
      prediction = 0;
      return true;
    }
    if (set_.size() < ways_) {
      set_.emplace_back(key, 2);
      return false;
    }
    for (;;) {
      for (auto& [held, prediction] : set_) {
        if (prediction != 3) continue;
        held = key;
        prediction = 2;
        return false;
      }
      for (auto& [held, prediction] : set_) ++prediction;
    }
  }

 private:
  unsigned ways_;
  std::vector<std::pair<uint64_t, unsigned>> set_;
};

TEST(Rrip, Srrip_EqualsThePaper) {
  for (const unsigned ways : {1U, 3U, 8U, 40U}) {
    Driven array(shape(ways, ways, Replacement::kSrrip));
    PaperSrrip paper(ways);
    uint64_t x = 42;
    for (unsigned i = 0; i < 5000; ++i) {
      x = x * 6364136223846793005 + 1442695040888963407;
      const uint64_t line = (x >> 33) % (2 * ways);
      ASSERT_EQ(array.access(line), paper.access(line)) << "step " << i << " of " << ways << " ways";
    }
  }
}

TEST(Rrip, Srrip_AScanLeavesWhatIsUsedAgain) {
  Driven array(shape(4, 4, Replacement::kSrrip));
  for (unsigned i = 0; i < 2; ++i) {
    array.access(0);
    array.access(1);
  }
  for (uint64_t scan = 100; scan < 104; ++scan) array.access(scan);  // LRU would have lost 0 and 1
  EXPECT_TRUE(array.has(0));
  EXPECT_TRUE(array.has(1));
}

/// Hits of the second and later rounds over `lines` lines.
unsigned hits_of_rounds(Driven& array, unsigned lines, unsigned rounds) {
  unsigned hits = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned line = 0; line < lines; ++line) hits += array.access(line) ? 1 : 0;
  }
  return hits;
}

TEST(Rrip, Drrip_KeepsAPartOfWhatDoesNotFit) {
  constexpr unsigned kEntries = 64 * 8, kRounds = 60;
  Driven fixed(shape(kEntries, 8, Replacement::kSrrip)), duelling(shape(kEntries, 8, Replacement::kDrrip));
  EXPECT_EQ(hits_of_rounds(fixed, 2 * kEntries, kRounds), 0u);  // as LRU: each line leaves before its next use
  EXPECT_GT(hits_of_rounds(duelling, 2 * kEntries, kRounds), kRounds * kEntries / 4);
}

TEST(Rrip, Drrip_FollowersTakeTheRuleThatLosesLess) {
  constexpr unsigned kSets = 128, kWays = 4;  // groups of 4 sets: 0 leads for the one rule, 3 for the other
  Driven array(shape(kSets * kWays, kWays, Replacement::kDrrip));
  const auto round = [&](unsigned set) {
    unsigned hits = 0;
    for (uint64_t i = 0; i < 2 * kWays; ++i) hits += array.access(i * kSets + set) ? 1 : 0;
    return hits;
  };
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(round(1), 0u);  // as kStatic at first
  for (unsigned i = 0; i < 200; ++i) round(0);               // the one rule misses
  unsigned hits = 0;
  for (unsigned i = 0; i < 8; ++i) hits += round(1);
  EXPECT_GT(hits, 8u);
  for (unsigned i = 0; i < 400; ++i) round(3);  // the other one misses too, more often
  for (unsigned i = 0; i < 4; ++i) round(1);
  EXPECT_EQ(round(1), 0u);
}

TEST(Rrip, Drrip_TheOtherRuleKeepsOneKeyIn32) {
  constexpr unsigned kSets = 128, kWays = 4, kLeader = 3;
  Driven array(shape(kSets * kWays, kWays, Replacement::kDrrip));
  std::vector<unsigned> kept;  // the keys, by number, that did not leave for the next one
  for (unsigned i = 0; i < 140; ++i) {
    const uint64_t before = (uint64_t{i} - 1) * kSets + kLeader;
    const size_t left = array.left.size();
    array.access(uint64_t{i} * kSets + kLeader);
    if (array.left.size() != left && array.left.back() != before) kept.push_back(i - 1);
  }
  ASSERT_GE(kept.size(), 3u);
  for (size_t i = 2; i < kept.size(); ++i) EXPECT_EQ(kept[i] - kept[i - 1], 32u);
}

TEST(Rrip, Ship_LearnsWhichRegionsAreNotUsedAgain) {
  constexpr uint64_t kScan = 1 << 20, kHot = 0;
  Driven array(shape(16, 16, Replacement::kShip));
  uint64_t scan = kScan;
  const auto scan_some = [&](unsigned lines) {
    for (unsigned i = 0; i < lines; ++i) array.access(kScan + (scan++ & 255));
  };
  scan_some(64);  // one region of 256 lines: its counter goes to 0
  for (uint64_t line = 0; line < 15; ++line) array.access(kHot + line);
  array.left.clear();
  scan_some(64);  // each line of the scan takes the place of the one before
  for (uint64_t line = 0; line < 15; ++line) EXPECT_TRUE(array.has(kHot + line)) << line;
  EXPECT_EQ(std::count_if(array.left.begin(), array.left.end(), [](uint64_t line) { return line < kScan; }), 0);
}

TEST(Rrip, Ship_ARegionThatIsUsedAgainIsKeptAgain) {
  Driven array(shape(2, 2, Replacement::kShip));
  for (uint64_t line = 0; line < 6; ++line) array.access(line);  // never used again: inserted distant
  array.access(1000);
  array.access(7);
  array.access(8);
  EXPECT_TRUE(array.has(1000));
  EXPECT_FALSE(array.has(7));
  array.access(8);     // the region is used again
  array.access(2000);  // in place of 1000
  array.array.erase(array.array.find(0, 8 + 1));
  array.access(9);
  array.access(3000);  // in place of 2000; a distant 9 would have left before that
  EXPECT_TRUE(array.has(9));
}

TEST(Rrip, Ship_AKeyIsNotUsedBecauseTheOneBeforeItWas) {
  constexpr uint64_t kScan = 1 << 20;
  Driven array(shape(2, 2, Replacement::kShip));
  uint64_t scan = kScan;
  const auto scan_some = [&] {
    for (unsigned i = 0; i < 8; ++i) array.access(scan++);
  };
  for (const uint64_t line : {0, 1, 0, 1}) array.access(line);
  scan_some();  // in the places of lines that were used again
  array.access(0);
  scan_some();
  EXPECT_TRUE(array.has(0));
}

TEST(Rrip, RunsOfHitsMayBeToldAsOne) {
  for (const Replacement rule : {Replacement::kSrrip, Replacement::kDrrip, Replacement::kShip}) {
    Driven one(shape(32, 4, rule)), many(shape(32, 4, rule));
    uint64_t x = 7;
    for (unsigned i = 0; i < 3000; ++i) {
      x = x * 6364136223846793005 + 1442695040888963407;
      const uint64_t line = (x >> 33) % 80;
      for (unsigned run = 0; run < 2; ++run) one.access(line);
      for (unsigned run = 0; run < 5; ++run) many.access(line);
    }
    EXPECT_EQ(one.left, many.left);
  }
}

TEST(Rrip, DemotedEraseAndClear) {
  for (const Replacement rule : {Replacement::kSrrip, Replacement::kDrrip, Replacement::kShip}) {
    Driven array(shape(16, 4, rule));
    for (uint64_t i = 0; i < 4; ++i) array.access(4 * i);
    for (uint64_t i = 0; i < 4; ++i) array.access(4 * i);
    const unsigned slot = array.array.find(0, 8 + 1);
    array.array.demote(slot);
    array.access(16);
    EXPECT_EQ(array.left, std::vector<uint64_t>{8});
    array.array.erase(array.array.find(0, 16 + 1));
    array.access(20);
    EXPECT_EQ(array.left.size(), 1u);  // into the place that is empty
    array.array.clear();
    for (uint64_t i = 0; i < 4; ++i) EXPECT_FALSE(array.access(4 * i));
    EXPECT_EQ(array.left.size(), 1u);
  }
}

}  // namespace
}  // namespace mmusim
