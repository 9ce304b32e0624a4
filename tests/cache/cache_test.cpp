// SPDX-License-Identifier: MIT
#include "models/cache/cache.h"

#include <gtest/gtest.h>

#include "tests/support/fake_memory.h"

namespace mmusim {
namespace {

constexpr Cycles kLatency{5};
constexpr Cycles kMemory{100};

CacheConfig small_cache() {
  CacheConfig c;
  c.geometry = {8, 2};
  c.latency = kLatency;
  c.miss_registers = 2;
  c.ports = 1;
  return c;
}

/// A first-level cache over memory.
struct Bench {
  explicit Bench(const CacheConfig& config = small_cache()) : cache("cache", config, HitLevel::kL1, config.latency) {
    cache.below(memory);
  }
  /// Asks for a line at a cycle; the answer's cycle is in done[i] afterwards.
  size_t ask(uint64_t cycle, uint64_t line, RequestReason reason = RequestReason::kLoad) {
    const size_t i = done.size();
    done.push_back(0);
    actors.at(cycle, [this, i, line, reason](LocalClock& clock) {
      cache.read_line(PhysAddr(line * kLineBytes), reason, clock);
      done[i] = clock.now().count;
    });
    return i;
  }
  Actors actors;
  FakeMemory memory{"memory", kMemory};
  Cache cache;
  std::vector<uint64_t> done;
};

const uint64_t kMiss = kLatency.count + kMemory.count;

TEST(Cache, MissCostsLookupAndMemoryHitCostsLookup) {
  Bench b;
  const size_t miss = b.ask(10, 1), hit = b.ask(10 + kMiss, 1);
  sc_core::sc_start();
  EXPECT_EQ(b.done[miss], 10 + kMiss);
  EXPECT_EQ(b.done[hit], 10 + kMiss + kLatency.count);
  EXPECT_EQ(b.memory.reads, (std::vector<FakeMemory::Request>{{PhysAddr(kLineBytes), CycleTime(10 + kLatency.count)}}));
}

TEST(Cache, SecondMissToALineInFlightWaitsForItAndIsThereWithIt) {
  Bench b;
  const size_t first = b.ask(10, 1), second = b.ask(30, 1);
  sc_core::sc_start();
  EXPECT_EQ(b.done[second], b.done[first]);
  EXPECT_EQ(b.memory.reads.size(), 1u);
  EXPECT_EQ(b.cache.stats().merged, 1u);
}

TEST(Cache, MissRegisterIsBlockedUntilTheFirstLineIsThere) {
  Bench b;  // two registers
  b.ask(10, 1);
  b.ask(20, 2);
  const size_t third = b.ask(30, 3);
  sc_core::sc_start();
  EXPECT_EQ(b.done[third], 10 + kMiss + kMiss);  // starts the cycle in which line 1 arrives, not one before
  EXPECT_EQ(b.cache.stats().waited_for_register, Cycles(10 + kMiss - 30));
}

TEST(Cache, OnePortStartsOneRequestInACycle) {
  Bench b;
  const size_t first = b.ask(10, 1), second = b.ask(10, 2), third = b.ask(11, 3);
  sc_core::sc_start();
  EXPECT_EQ(b.done[first], 10 + kMiss);
  EXPECT_EQ(b.done[second], 11 + kMiss);
  EXPECT_GE(b.done[third], 12 + kMiss);
}

TEST(Cache, DirtyLineIsWrittenBackWhenItLeavesCleanOnesAreNot) {
  Bench b;  // four sets of two ways: lines 1, 5, 9, 13 share a set
  b.ask(0, 1, RequestReason::kStore);
  b.ask(1000, 5);
  b.ask(2000, 9);   // evicts 1, dirty
  b.ask(3000, 13);  // evicts 5, clean
  sc_core::sc_start();
  ASSERT_EQ(b.memory.written.size(), 1u);
  EXPECT_EQ(b.memory.written[0].line, PhysAddr(kLineBytes));
  EXPECT_EQ(b.cache.stats().evictions, 2u);
  EXPECT_EQ(b.cache.stats().write_backs, 1u);
}

TEST(Cache, VictimCacheKeepsOnlyWhatIsEvictedAbove) {
  CacheConfig victim = small_cache();
  victim.policy = CachePolicy::kVictim;
  FakeMemory memory("memory", kMemory);
  Cache l3("l3", victim, HitLevel::kL3, Cycles(30));
  Cache l1("l1", small_cache(), HitLevel::kL1, kLatency);
  l3.below(memory);
  l1.below(l3);
  Actors actors;
  std::vector<HitLevel> found;
  actors.at(0, [&](LocalClock& clock) {
    for (const uint64_t line : {1, 5, 9, 1})
      found.push_back(l1.read_line(PhysAddr(line * kLineBytes), RequestReason::kLoad, clock));
  });
  sc_core::sc_start();
  // 9 pushes 1 out of the first level into the victim cache, where it is found again.
  EXPECT_EQ(found, (std::vector<HitLevel>{HitLevel::kDram, HitLevel::kDram, HitLevel::kDram, HitLevel::kL3}));
}

TEST(Cache, InclusiveCacheTakesItsLineFromTheCachesAbove) {
  CacheConfig inclusive = small_cache();
  inclusive.geometry = {2, 2};
  inclusive.policy = CachePolicy::kInclusive;
  FakeMemory memory("memory", kMemory);
  Cache l2("l2", inclusive, HitLevel::kL2, Cycles(10));
  Cache l1("l1", small_cache(), HitLevel::kL1, kLatency);
  l2.below(memory);
  l2.above(l1);
  l1.below(l2);
  Actors actors;
  actors.at(0, [&](LocalClock& clock) {
    l1.read_line(PhysAddr(1 * kLineBytes), RequestReason::kStore, clock);
    l1.read_line(PhysAddr(2 * kLineBytes), RequestReason::kLoad, clock);
    l1.read_line(PhysAddr(3 * kLineBytes), RequestReason::kLoad, clock);  // pushes line 1 out of the second level
  });
  sc_core::sc_start();
  EXPECT_EQ(l1.array().find(PhysAddr(1 * kLineBytes)), CacheArray::kNone);
  ASSERT_EQ(memory.written.size(), 1u);  // it was dirty above
  EXPECT_EQ(memory.written[0].line, PhysAddr(1 * kLineBytes));
}

/// A victim cache has line 1, written above; it is read from there and then pushed out.
void expect_a_dirty_line_stays_in_the_victim_cache(LookAhead look_ahead) {
  CacheConfig victim = small_cache();
  victim.policy = CachePolicy::kVictim;
  const ClockDomain domain(250, 16);
  FakeMemory memory("memory", kMemory);
  Cache l3("l3", victim, HitLevel::kL3, Cycles(30));
  l3.below(memory);
  sc_core::sc_spawn([&] {
    LocalClock clock(domain, 1, look_ahead);
    l3.evict_line(PhysAddr(1 * kLineBytes), Eviction::kDirty, clock);
    l3.evict_line(PhysAddr(5 * kLineBytes), Eviction::kClean, clock);
    for (const uint64_t line : {1, 5}) l3.read_line(PhysAddr(line * kLineBytes), RequestReason::kLoad, clock);
    EXPECT_NE(l3.array().find(PhysAddr(1 * kLineBytes)), CacheArray::kNone);
    EXPECT_EQ(l3.array().find(PhysAddr(5 * kLineBytes)), CacheArray::kNone) << "a clean line is handed up";
    for (const uint64_t line : {9, 13, 17}) l3.evict_line(PhysAddr(line * kLineBytes), Eviction::kClean, clock);
  });
  sc_core::sc_start();
  ASSERT_EQ(memory.written.size(), 1U);
  EXPECT_EQ(memory.written[0].line, PhysAddr(1 * kLineBytes));
}

TEST(Cache, AVictimCacheKeepsADirtyLineThatALoneRequesterReads) {
  expect_a_dirty_line_stays_in_the_victim_cache(LookAhead::kAlone);
}

TEST(Cache, AVictimCacheKeepsADirtyLineThatOneOfSeveralReads) {
  expect_a_dirty_line_stays_in_the_victim_cache(LookAhead::kPending);
}

/// Two caches with the same accesses: one is asked for each line as for any other, one is told which are absent.
void expect_absent_lines_are_fetched_like_others(LookAhead look_ahead) {
  const ClockDomain domain(250, 16);
  FakeMemory memory("memory", kMemory), other_memory("other_memory", kMemory);
  Cache plain("plain", small_cache(), HitLevel::kL1, kLatency), told("told", small_cache(), HitLevel::kL1, kLatency);
  plain.below(memory);
  told.below(other_memory);
  sc_core::sc_spawn([&] {
    LocalClock plain_clock(domain, 1, look_ahead), told_clock(domain, 2, look_ahead);
    for (uint64_t i = 0; i < 200; ++i) {
      const PhysAddr line(i * i % 23 * kLineBytes);
      const RequestReason reason = i % 3 == 0 ? RequestReason::kStore : RequestReason::kLoad;
      const HitLevel level = plain.read_line(line, reason, plain_clock);
      const bool absent = told.array().find(line) == CacheArray::kNone;
      EXPECT_EQ(absent ? told.read_absent(line, reason, told_clock) : told.read_line(line, reason, told_clock), level);
    }
    EXPECT_EQ(told_clock.now(), plain_clock.now());
  });
  sc_core::sc_start();
  EXPECT_EQ(told.stats().misses, plain.stats().misses);
  EXPECT_EQ(told.stats().requests, plain.stats().requests);
  EXPECT_EQ(told.stats().write_backs, plain.stats().write_backs);
  EXPECT_GT(plain.stats().write_backs, 0u);
}

TEST(Cache, ALineKnownToBeAbsentIsFetchedLikeAnyOtherForALoneRequester) {
  expect_absent_lines_are_fetched_like_others(LookAhead::kAlone);
}

TEST(Cache, ALineKnownToBeAbsentIsFetchedLikeAnyOtherAmongOthers) {
  expect_absent_lines_are_fetched_like_others(LookAhead::kPending);
}

/// A bench whose cache prefetches for the first core, of which requesters 1 to 11 are part.
struct PrefetchBench : Bench {
  explicit PrefetchBench(const CacheConfig& config = small_cache(), unsigned degree = 1)
      : Bench(prefetching(config, degree)), board(12, &core) {
    std::vector<LocalClock> clocks;
    for (unsigned i = 0; i < degree; ++i) clocks.emplace_back(actors.domain, 12 + i, LookAhead::kPending);
    cache.enable_prefetch(clocks, board, fibers);
  }
  static CacheConfig prefetching(CacheConfig config, unsigned degree) {
    config.prefetcher.kind = CachePrefetcherKind::kNextLine;
    config.prefetcher.degree = degree;
    return config;
  }
  std::vector<uint64_t> lines_read() const {
    std::vector<uint64_t> lines;
    for (const auto& request : memory.reads) lines.push_back(request.line.raw() / kLineBytes);
    return lines;
  }
  CorePrefetches core;
  PrefetchBoard board;
  FiberGroup fibers{"prefetches", actors.domain, LookAhead::kPending};
};

TEST(Cache, NextLineIsPrefetchedInTheBackground) {
  PrefetchBench b;
  b.ask(10, 1);
  const size_t next = b.ask(1000, 2);
  sc_core::sc_start();
  EXPECT_EQ(b.done[next], 1000 + kLatency.count);
  EXPECT_EQ(b.memory.reads[1].at, CycleTime(10 + kMiss + kLatency.count)) << "asked for when the line has come";
}

TEST(Cache, NothingIsPrefetchedBeyondThePage) {
  PrefetchBench b;
  b.ask(10, kPageBytes / kLineBytes - 1);
  sc_core::sc_start();
  EXPECT_EQ(b.lines_read(), (std::vector<uint64_t>{63}));
}

TEST(Cache, LinesAfterMissesApartAreAllPrefetched) {
  PrefetchBench b;  // two miss registers: one for the prefetches, one for the misses
  b.ask(10, 0);     // there in 115, then 1 is prefetched until 220
  b.ask(120, 16);   // there in 225
  b.ask(230, 32);   // there in 335; 17 is under way
  sc_core::sc_start();
  EXPECT_EQ(b.lines_read(), (std::vector<uint64_t>{0, 1, 16, 17, 32, 33}));
}

TEST(Cache, ALineThatWaitsToBePrefetchedGivesItsPlaceToALaterOne) {
  CacheConfig config = small_cache();
  config.miss_registers = 4;
  PrefetchBench b(config);
  b.ask(10, 0);   // there in 115, then 1 is prefetched
  b.ask(11, 16);  // there in 116: 17 waits
  b.ask(12, 32);  // there in 117: 33 waits in its place
  sc_core::sc_start();
  EXPECT_EQ(b.lines_read(), (std::vector<uint64_t>{0, 16, 32, 1, 33}));
}

TEST(Cache, AsManyPrefetchesAreUnderWayAsTheDegreeSays) {
  CacheConfig config = small_cache();
  config.miss_registers = 4;
  PrefetchBench b(config, /*degree=*/2);
  b.ask(10, 0);
  sc_core::sc_start();
  EXPECT_EQ(b.lines_read(), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(b.memory.reads[1].at, CycleTime(10 + kMiss + kLatency.count));
  EXPECT_EQ(b.memory.reads[2].at, CycleTime(10 + kMiss + kLatency.count + 1)) << "the one port is free a cycle later";
}

TEST(Cache, ACoreDrainsWhenItsPrefetchesAreOver) {
  PrefetchBench b;
  b.ask(10, 1);
  uint64_t drained = 0;
  b.actors.at(10 + kMiss + 1, [&](LocalClock& clock) {
    b.core.drain(clock, "core");
    drained = clock.now().count;
  });
  sc_core::sc_start();
  EXPECT_EQ(drained, 10 + kMiss + kMiss);
}

}  // namespace
}  // namespace mmusim
