// SPDX-License-Identifier: MIT
#include "models/base/set_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <vector>

namespace mmusim {
namespace {

uint64_t next_random(uint64_t& x) {
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x;
}

/// True LRU as a list for each set, most recent first.
class ListLru {
 public:
  ListLru(unsigned sets, unsigned ways) : sets_(sets), ways_(ways) {}
  bool access(uint64_t key) {
    auto& list = lists_[key % sets_];
    const auto it = std::find(list.begin(), list.end(), key);
    const bool hit = it != list.end();
    if (hit) list.erase(it);
    list.push_front(key);
    if (list.size() > ways_) list.pop_back();
    return hit;
  }
  void erase(uint64_t key) { lists_[key % sets_].remove(key); }
  void demote(uint64_t key) {
    erase(key);
    lists_[key % sets_].push_back(key);
  }

 private:
  unsigned sets_, ways_;
  std::map<uint64_t, std::list<uint64_t>> lists_;
};

class TrueLru : public testing::TestWithParam<Geometry> {};

TEST_P(TrueLru, EqualsAListForEachSet) {
  const Geometry geometry = GetParam();
  SetArray array(geometry);
  ListLru reference(geometry.sets(), geometry.ways);
  uint64_t x = 42;
  for (unsigned i = 0; i < 20000; ++i) {
    const uint64_t number = next_random(x) % (2 * geometry.entries) + 1;
    const unsigned set = array.set_of(number);
    const unsigned slot = array.find(set, number);
    if (next_random(x) % 16 == 0) {
      if (slot != SetArray::kNone) array.erase(slot);
      reference.erase(number);
      continue;
    }
    ASSERT_EQ(slot != SetArray::kNone, reference.access(number)) << "step " << i;
    if (slot == SetArray::kNone) {
      const SetArray before = array;
      const SetArray::Replaced replaced = array.replace(set, number, /*marked=*/number % 3 == 0);
      EXPECT_EQ(replaced.key(), before.key(replaced.slot));
      EXPECT_EQ(replaced.marked(), before.marked(replaced.slot));
      EXPECT_EQ(array.marked(replaced.slot), number % 3 == 0);
    } else {
      array.touch(slot);
    }
    if (next_random(x) % 8 == 0) {
      array.demote(array.find(set, number));
      reference.demote(number);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Geometries, TrueLru,
                         testing::Values(Geometry{1, 1}, Geometry{64, 4}, Geometry{96, 6}, Geometry{48, 12},
                                         Geometry{64, 16}, Geometry{72, 72}, Geometry{72, 24}, Geometry{33, 11},
                                         Geometry{20, 20}));

/// The slot of set 0 that a key which is not there would take.
unsigned victim_of(SetArray copy) { return copy.replace(0, 1000).slot; }

TEST(SetArray, TreePlruPointsAwayFromTheWaysJustUsed) {
  SetArray array({4, 4, Replacement::kTreePlru});
  for (uint64_t key = 1; key <= 4; ++key) array.replace(0, key);
  array.touch(array.find(0, 1));
  EXPECT_EQ(array.key(victim_of(array)), 3u);  // the other half, and there the way used longer ago
  array.touch(array.find(0, 3));
  EXPECT_EQ(array.key(victim_of(array)), 2u);
}

/// The textbook's tree: inner node n has children 2n and 2n+1, and points to the half that was used longer ago.
class Tree {
 public:
  explicit Tree(unsigned ways) : points_right_(ways), keys_(ways) {}
  void access(uint64_t key) {
    auto at = std::find(keys_.begin(), keys_.end(), key);
    if (at == keys_.end()) at = std::find(keys_.begin(), keys_.end(), 0);
    if (at == keys_.end()) {
      size_t node = 1;
      while (node < keys_.size()) node = 2 * node + (points_right_[node] ? 1 : 0);
      at = keys_.begin() + static_cast<std::ptrdiff_t>(node - keys_.size());
    }
    *at = key;
    size_t node = keys_.size() + static_cast<size_t>(at - keys_.begin());
    for (; node > 1; node /= 2) points_right_[node / 2] = node % 2 == 0;
  }
  bool has(uint64_t key) const { return std::find(keys_.begin(), keys_.end(), key) != keys_.end(); }

 private:
  std::vector<bool> points_right_;
  std::vector<uint64_t> keys_;
};

TEST(SetArray, TreePlruEqualsATree) {
  for (const unsigned ways : {2U, 4U, 8U, 16U, 32U}) {
    SetArray array({ways, ways, Replacement::kTreePlru});
    Tree tree(ways);
    uint64_t x = ways;
    for (unsigned i = 0; i < 20000; ++i) {
      const uint64_t key = next_random(x) % (2 * ways) + 1;
      const unsigned slot = array.find(0, key);
      ASSERT_EQ(slot != SetArray::kNone, tree.has(key)) << ways << " ways, access " << i;
      if (slot != SetArray::kNone) {
        array.touch(slot);
      } else {
        array.replace(0, key);
      }
      tree.access(key);
    }
  }
}

TEST(SetArray, SkylakeTakesItsVictimFromTheGroupAfterTheOneUsedLast) {
  SetArray array({12, 12, Replacement::kSkylake});
  for (uint64_t key = 1; key <= 12; ++key) array.replace(0, key);
  for (const auto& [used, victim_group] : {std::pair{1u, 1u}, {5u, 2u}, {9u, 0u}}) {
    array.touch(array.find(0, used));
    EXPECT_EQ(victim_of(array) / 4, victim_group);
  }
}

TEST(SetArray, DemotedWayOfAPseudoLruSetLeavesNext) {
  for (const Geometry& geometry : {Geometry{8, 8, Replacement::kTreePlru}, Geometry{12, 12, Replacement::kSkylake}}) {
    SetArray array(geometry);
    for (unsigned i = 0; i < geometry.ways; ++i) array.replace(0, i + 1);
    for (unsigned slot = 0; slot < geometry.ways; ++slot) {
      array.touch((slot + 5) % geometry.ways);
      array.demote(slot);
      EXPECT_EQ(victim_of(array), slot) << geometry.ways;
    }
  }
}

TEST(SetArray, AFillOfAPseudoLruSetIsAUse) {
  SetArray tree({8, 8, Replacement::kTreePlru}), skylake({12, 12, Replacement::kSkylake});
  for (unsigned key = 1; key <= 24; ++key) {
    const unsigned half = tree.replace(0, key).slot / 4, group = skylake.replace(0, key).slot / 4;
    if (key < 12) continue;  // they fill up first
    EXPECT_EQ(victim_of(tree) / 4, 1 - half);
    EXPECT_EQ(victim_of(skylake) / 4, (group + 1) % 3);
  }
}

TEST(SetArray, RandomIsTheSameForTheSameSeedOnly) {
  const auto victims = [](uint64_t seed) {
    SetArray array({8, 8, Replacement::kRandom}, seed);
    for (uint64_t key = 1; key <= 8; ++key) array.replace(0, key);
    std::vector<unsigned> v(32);
    for (unsigned i = 0; i < v.size(); ++i) v[i] = array.replace(0, 9 + i).slot;
    return v;
  };
  EXPECT_EQ(victims(7), victims(7));
  EXPECT_NE(victims(7), victims(1234567));
}

TEST(SetArray, Xor7FoldsTheNumberInGroupsOfSevenBits) {
  const SetArray array({1536, 12, Replacement::kLru, IndexHash::kXor7});
  EXPECT_EQ(array.set_of(0b1010101'0000001'1111111), 0b1010101u ^ 0b0000001u ^ 0b1111111u);
}

constexpr Geometry kOfEachPolicy[] = {{64, 8},
                                      {40, 20},
                                      {64, 8, Replacement::kTreePlru},
                                      {48, 12, Replacement::kSkylake},
                                      {64, 8, Replacement::kRandom},
                                      {64, 8, Replacement::kSrrip},
                                      {64, 8, Replacement::kDrrip},
                                      {64, 8, Replacement::kShip}};

/// Uses two arrays with the same random keys, each in its own way, and expects them to hold the same all the time.
template <class Use>
void expect_equal_uses(const Geometry& geometry, Use&& use) {
  SetArray one(geometry), other(geometry);
  uint64_t x = 7;
  for (unsigned i = 0; i < 20000; ++i) {
    const uint64_t number = next_random(x) % (2 * geometry.entries) + 1;
    const unsigned set = one.set_of(number), slot = one.find(set, number);
    ASSERT_EQ(slot, other.find(set, number)) << "policy " << static_cast<int>(geometry.replacement) << ", step " << i;
    if (slot != SetArray::kNone && next_random(x) % 16 == 0) {
      one.erase(slot);
      other.erase(slot);
    } else if (slot != SetArray::kNone) {
      one.touch(slot);
      use(other, slot);
    } else {
      one.replace(set, number);
      other.replace(set, number);
    }
  }
}

TEST(SetArray, AUseTwiceIsAUseOnceWhateverThePolicy) {
  for (const Geometry& geometry : kOfEachPolicy) {
    expect_equal_uses(geometry, [](SetArray& array, unsigned slot) {
      array.touch(slot);
      array.touch(slot);
    });
  }
}

TEST(SetArray, AUseByPlaceIsAUseBySlotWhateverThePolicy) {
  for (const Geometry& geometry : kOfEachPolicy)
    expect_equal_uses(geometry, [](SetArray& array, unsigned slot) { array.touch(array.place(slot)); });
}

TEST(SetArray, APlaceTellsWhatItsSlotHoldsNow) {
  SetArray array({40, 20});
  const unsigned slot = array.replace(1, 5).slot;
  const SetArray::Place place = array.place(slot);
  EXPECT_TRUE(SetArray::holds(place, 5));
  EXPECT_FALSE(SetArray::holds(place, 7));
  EXPECT_FALSE(SetArray::marked(place));
  SetArray::mark(place);
  EXPECT_TRUE(array.marked(slot));
  EXPECT_TRUE(SetArray::holds(place, 5));  // a mark is no part of the key
  array.put(slot, 9);
  EXPECT_FALSE(SetArray::holds(place, 5));
  EXPECT_TRUE(SetArray::holds(place, 9));
  array.erase(slot);
  EXPECT_FALSE(SetArray::holds(place, 9));
}

TEST(SetArray, MarksLeaveWithTheKey) {
  SetArray array({2, 2});
  array.replace(0, 5);
  array.mark(array.find(0, 5));
  EXPECT_TRUE(array.marked(array.find(0, 5)));
  array.put(array.find(0, 5), 6);
  EXPECT_FALSE(array.marked(array.find(0, 6)));
}

/// The multiplier behind the digests, and its inverse: key = product * inverse.
constexpr uint64_t kDigestFactor = 0x9e3779b97f4a7c15;
constexpr uint64_t inverse_of(uint64_t odd) {
  uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

/// The first key with that product of key and multiplier, or with the next one that gives a key below 2^63.
uint64_t key_of_product(uint64_t product) {
  while ((product * inverse_of(kDigestFactor)) >> 63 != 0) ++product;
  return product * inverse_of(kDigestFactor);
}

/// A key whose digest would be 0, as that of an empty lane is, and whose own four 16-bit parts are odd.
uint64_t key_like_four_digests() {
  constexpr uint64_t kOdd = 0x0001'0001'0001'0001;
  uint64_t product = 1;
  while ((key_of_product(product) & kOdd) != kOdd) ++product;
  return key_of_product(product);
}

TEST(SetArray, LanesBeyondTheLastWayHoldNoKey) {
  // Sixteen lanes are compared for four ways: the others reach the next set, whose four digests together are the very
  // key that is looked for.
  SetArray array({8, 4});
  const uint64_t wanted = key_like_four_digests();
  for (unsigned way = 0; way < 4; ++way) {
    array.put(4 + way, key_of_product((wanted >> 16 * way & 0xffff) << 48));
  }
  EXPECT_EQ(array.find(0, wanted), SetArray::kNone);
  EXPECT_EQ(array.find(1, wanted), SetArray::kNone);  // behind this one the array ends
  array.replace(0, wanted);
  EXPECT_EQ(array.key(array.find(0, wanted)), wanted);
}

TEST(SetArray, SetsNeedNotBeAPowerOfTwo) {
  const SetArray array({33, 11});
  EXPECT_EQ(array.set_of(7), 1u);
}

}  // namespace
}  // namespace mmusim
