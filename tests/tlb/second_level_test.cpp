// SPDX-License-Identifier: MIT
// Levels below the first: inclusive, exclusive, a third one, and the second level's limits.
#include <gtest/gtest.h>

#include <map>

#include "models/tlb/second_level_tlb.h"
#include "tests/support/fake_memory.h"

namespace mmusim {
namespace {

constexpr unsigned kFirst = 2, kSecond = 4;

TlbConfig tlb(unsigned entries, Cycles penalty = Cycles(0), TlbInclusion inclusion = TlbInclusion::kNone) {
  TlbConfig c;
  TlbArrayConfig array;
  array.geometry = {entries, entries};
  array.holds[EntryKind::k4K] = array.holds[EntryKind::k2M] = true;
  c.arrays.push_back(array);
  c.hit_penalty = penalty;
  c.inclusion = inclusion;
  return c;
}

SecondLevelTlbConfig second(TlbInclusion inclusion) {
  SecondLevelTlbConfig c;
  c.data = tlb(kSecond, Cycles(7), inclusion);
  return c;
}

/// The levels of a core without time: pages are looked up, and walked where no level has them.
struct Levels {
  explicit Levels(const SecondLevelTlbConfig& config) : first({tlb(kFirst), std::nullopt, tlb(kFirst)}), below(config) {
    below.connect(first);
  }
  /// Reads a page; says which level had it: 1, 2, 3, or 0 for a walk.
  unsigned read(uint64_t page) {
    const AccessType type(AccessKind::kRead, Privilege::kSupervisor);
    const TlbQuery query(VirtAddr(page * kPageBytes), 0);
    const FirstLevel::Search here = first.search(query, type, control);
    if (here.serves) return 1;
    const auto found = below.lookup(query, type, false, control);
    unsigned level = 2;
    Translation translation = found.translation;
    if (!found.place) {
      level = 0;
      translation = Translation({.frame = PhysAddr(kGiB + page * kPageBytes), .size = PageSize::k4K});
      const auto third = below.has_third() ? below.find_in_third(query, type, control) : std::nullopt;
      if (third) {
        level = 3;
        EXPECT_EQ(third->translation.frame(), translation.frame());
      } else {
        WalkOutcome walked;
        walked.translation = translation;
        below.fill(query, AccessKind::kRead, walked, false, true);
      }
    }
    EXPECT_EQ(translation.frame(), PhysAddr(kGiB + page * kPageBytes));
    first.keep(query, AccessKind::kRead, translation, false, true);
    return level;
  }
  bool in_first(uint64_t page) {
    return static_cast<bool>(first.level(AccessKind::kRead).probe(VirtAddr(page * kPageBytes), 0));
  }
  bool in_second(uint64_t page) { return static_cast<bool>(below.data().probe(VirtAddr(page * kPageBytes), 0)); }

  ControlState control;
  FirstLevel first;
  SecondLevelState below;
};

TEST(TlbLevels, None_WhatLeavesTheSecondLevelStaysAbove) {
  Levels l(second(TlbInclusion::kNone));
  for (uint64_t page = 0; page <= kSecond; ++page) {
    l.read(page);
    l.read(0);  // the first level's hits do not touch the second
  }
  EXPECT_FALSE(l.in_second(0));
  EXPECT_TRUE(l.in_first(0));
}

TEST(TlbLevels, Inclusive_WhatLeavesTheSecondLevelLeavesTheFirst) {
  Levels l(second(TlbInclusion::kInclusive));
  for (uint64_t page = 0; page < kSecond; ++page) {
    l.read(page);
    EXPECT_EQ(l.read(0), 1u);
  }
  l.read(kSecond);
  EXPECT_FALSE(l.in_second(0));
  EXPECT_FALSE(l.in_first(0));
  EXPECT_EQ(l.read(0), 0u);
}

TEST(TlbLevels, Exclusive_BothTogetherHoldAsManyPagesAsTheyHaveEntries) {
  Levels l(second(TlbInclusion::kExclusive));
  for (unsigned round = 0; round < 3; ++round) {
    for (uint64_t page = 0; page < kFirst + kSecond; ++page) EXPECT_EQ(l.read(page), round == 0 ? 0u : 2u) << page;
  }
  Levels none(second(TlbInclusion::kNone));
  for (unsigned round = 0; round < 3; ++round) {
    for (uint64_t page = 0; page < kFirst + kSecond; ++page) EXPECT_EQ(none.read(page), 0u) << page;
  }
}

TEST(TlbLevels, Exclusive_APageIsInOneLevel) {
  Levels l(second(TlbInclusion::kExclusive));
  uint64_t x = 3;
  for (unsigned i = 0; i < 300; ++i) {
    x = x * 6364136223846793005 + 1442695040888963407;
    l.read((x >> 33) % 9);
    for (uint64_t page = 0; page < 9; ++page) EXPECT_FALSE(l.in_first(page) && l.in_second(page));
  }
}

TEST(TlbLevels, Exclusive_WhatLeavesKeepsItsAddressSpace) {
  Levels l(second(TlbInclusion::kExclusive));
  const Translation own({.frame = PhysAddr(kGiB), .size = PageSize::k2M});
  const Translation global({.frame = PhysAddr(2 * kGiB), .size = PageSize::k4K, .global = true});
  l.first.keep({VirtAddr(6 * kMiB), 5}, AccessKind::kRead, own, false, true);
  l.first.keep({VirtAddr(0xffffffff80000000), 5}, AccessKind::kRead, global, false, true);
  for (uint64_t page = 0; page < kFirst; ++page) l.read(page);  // both have to leave
  const auto moved = l.below.data().probe(VirtAddr(7 * kMiB), 5);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->translation.frame(), PhysAddr(kGiB));
  EXPECT_FALSE(l.below.data().probe(VirtAddr(7 * kMiB), 4));
  EXPECT_TRUE(l.below.data().probe(VirtAddr(0xffffffff80000000), 4)) << "global: in every address space";
}

TEST(TlbLevels, Third_HoldsWhatTheSecondHasLost) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.third = tlb(64, Cycles(20));
  Levels l(config);
  for (uint64_t page = 0; page < 20; ++page) EXPECT_EQ(l.read(page), 0u);
  for (uint64_t page = 0; page < 20; ++page) EXPECT_EQ(l.read(page), 3u);
  EXPECT_EQ(l.read(18), 1u);
  EXPECT_EQ(l.read(16), 2u);
  EXPECT_EQ(l.below.extended_stats().third_lookups, 40u);
  EXPECT_EQ(l.below.extended_stats().third_hits, 20u);
}

TEST(TlbLevels, Third_ExclusiveTakesWhatTheSecondLoses) {
  SecondLevelTlbConfig config = second(TlbInclusion::kExclusive);
  config.third = tlb(8, Cycles(20), TlbInclusion::kExclusive);
  Levels l(config);
  for (unsigned round = 0; round < 3; ++round) {
    for (uint64_t page = 0; page < kFirst + kSecond + 8; ++page) EXPECT_EQ(l.read(page), round == 0 ? 0u : 3u);
  }
}

TEST(TlbLevels, Third_InclusiveTakesWhatLeavesItFromAllAbove) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.third = tlb(kSecond, Cycles(20), TlbInclusion::kInclusive);
  Levels l(config);
  for (uint64_t page = 0; page < kSecond; ++page) l.read(page);
  l.read(0);  // from the second level: 0 is the oldest of the third
  l.read(100);
  EXPECT_FALSE(l.in_first(0) || l.in_second(0));
}

TEST(TlbLevels, Third_InvalidationReachesIt) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.third = tlb(64, Cycles(20));
  Levels l(config);
  l.read(3);
  const Invalidation operation = on_page_fault(l.control, VirtAddr(3 * kPageBytes));
  l.first.invalidate(operation);
  l.below.invalidate(operation);
  EXPECT_EQ(l.read(3), 0u);
}

/// Walkers without number, of which each walk takes the same time.
class FakeWalker : public sc_core::sc_module, public WalkerIf {
 public:
  static constexpr Cycles kWalk{50};
  explicit FakeWalker(const sc_core::sc_module_name& name) : sc_module(name) {}
  Reply walk(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) override {
    walks.push_back({request.va, clock.now()});
    clock.advance(kWalk);
    stage[Stage::kEntryReads] += kWalk;
    clock.sync();
    Reply reply;
    reply.walked = true;
    reply.outcome.translation = Translation({.frame = PhysAddr(kGiB), .size = PageSize::k4K});
    return reply;
  }
  void leave(LocalClock&) override {}
  struct Begun {
    VirtAddr va;
    CycleTime at;
  };
  std::vector<Begun> walks;
};

/// The module with its limits.
struct Bench {
  explicit Bench(const SecondLevelTlbConfig& config) : stlb("stlb", config, context) { stlb.walker(walker); }
  void ask(uint64_t cycle, uint64_t page) {
    const size_t i = done.size();
    done.push_back(0);
    actors.at(cycle, [this, i, page, cycle](LocalClock& clock) {
      StageCycles stage{};
      stlb.translate({VirtAddr(page * kPageBytes), {}, WalkCause::kLoad, 0, false, {}}, clock, stage);
      done[i] = clock.now().count;
      Cycles sum{0};
      for (const Cycles c : stage) sum += c;
      EXPECT_EQ(clock.now(), CycleTime(cycle) + sum);  // stages add up
    });
  }
  CoreContext context;
  FakeWalker walker{"walker"};
  SecondLevelTlb stlb;
  Actors actors;
  std::vector<uint64_t> done;
};

constexpr uint64_t kMiss = 7 + FakeWalker::kWalk.count;

TEST(SecondLevelTlb, LookupsPerCycle_TheNextOneBeginsACycleLater) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.data.lookups_per_cycle = 1;
  Bench b(config);
  for (uint64_t page = 0; page < 3; ++page) b.ask(10, page);
  sc_core::sc_start();
  EXPECT_EQ(b.done, (std::vector<uint64_t>{10 + kMiss, 11 + kMiss, 12 + kMiss}));
}

TEST(SecondLevelTlb, MissRegisters_TheNextWalkBeginsWhenOneIsFree) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.data.miss_registers = 2;
  Bench b(config);
  for (uint64_t page = 0; page < 3; ++page) b.ask(10, page);
  sc_core::sc_start();
  EXPECT_EQ(b.done, (std::vector<uint64_t>{10 + kMiss, 10 + kMiss, 10 + kMiss + FakeWalker::kWalk.count}));
}

TEST(SecondLevelTlb, Third_CostsItsPenaltyOnTopOfTheSecond) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.third = tlb(64, Cycles(20));
  Bench b(config);
  for (uint64_t page = 0; page <= kSecond; ++page) b.ask(1000 * page, page);
  b.ask(10000, 0);
  sc_core::sc_start();
  EXPECT_EQ(b.done[0], kMiss + 20);
  EXPECT_EQ(b.done.back(), 10000u + 7 + 20);
}

/// Maps each page at its first touch.
class Mapper : public DemandMapper {
 public:
  bool ensure_mapped(VirtAddr va) override { return !std::exchange(mapped_[va.raw() >> kPageShift], true); }

 private:
  std::map<uint64_t, bool> mapped_;
};

TEST(SecondLevelTlb, FirstTouch_TheKernelMapsOnePageAfterTheOther) {
  SecondLevelTlbConfig config = second(TlbInclusion::kNone);
  config.first_touch = Cycles(1000);
  Bench b(config);
  Mapper mapper;
  b.context.mapper = &mapper;
  b.ask(10, 1);
  b.ask(10, 2);
  for (uint64_t page = 3; page < 3 + kSecond; ++page) b.ask(10000, page);
  b.ask(90000, 1);  // gone from the TLB, but mapped
  sc_core::sc_start();
  EXPECT_EQ(b.done[0], 10 + kMiss + 1000);
  EXPECT_EQ(b.done[1], 10 + kMiss + 2000);
  EXPECT_EQ(b.done.back(), 90000 + kMiss);
  EXPECT_EQ(b.stlb.state().extended_stats().first_touches, 2 + kSecond);
}

}  // namespace
}  // namespace mmusim
