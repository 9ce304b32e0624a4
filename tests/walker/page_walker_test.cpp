// SPDX-License-Identifier: MIT
#include "models/walker/page_walker.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_memory.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr Cycles kRead{20};

/// Keeps the records of walks.
class Keep : public Observer {
 public:
  uint32_t mask() const override { return kWalkNotices; }
  void walk(const WalkRecord& record) override { walks.push_back(record); }
  std::vector<WalkRecord> walks;
};

PageWalkerConfig with_caches(unsigned walkers) {
  PageWalkerConfig c;
  c.walkers = walkers;
  for (unsigned level = 2; level <= kMaxLevels; ++level) c.structure_caches.level[level] = {4, 4};
  return c;
}

struct Bench {
  explicit Bench(const PageWalkerConfig& c, unsigned levels = 4)
      : tables(memory, levels), config(c), walker("walker", c, context, observers, nullptr) {
    walker.memory(lines);
    context.memory = &memory;
    observers.add(keep);
    ControlRegisters registers;
    if (levels == 5) registers.cr4 |= kCr4La57;
    registers.cr3 = tables.root().raw();
    context.control = ControlState(registers, {});
  }
  void walk_at(uint64_t cycle, uint64_t va, AccessKind kind = AccessKind::kRead) {
    actors.at(cycle, [=, this](LocalClock& clock) {
      StageCycles stage{};
      const WalkCause cause = kind == AccessKind::kWrite ? WalkCause::kStore : WalkCause::kLoad;
      const TranslateRequest request{VirtAddr(va), {kind, Privilege::kSupervisor}, cause, 0, false, clock.now()};
      while (!walker.walk(request, clock, stage).walked) {  // as the second-level TLB does
        if (!walked.contains(va >> kPageShift)) continue;
        walker.leave(clock);
        ++merged;
        break;
      }
      walked.insert(va >> kPageShift);
      Cycles sum{0};
      for (const Cycles c : stage) sum += c;
      EXPECT_EQ(clock.now(), CycleTime(cycle) + sum);  // stages add up
      ended.push_back(clock.now().count);
    });
  }
  uint64_t walk_cycles(unsigned reads) const { return config.structure_caches.lookup.count + reads * kRead.count; }

  PhysMem memory;
  TableBuilder tables;
  CoreContext context;
  ObserverList observers;
  Keep keep;
  FakeMemory lines{"lines", kRead};
  PageWalkerConfig config;
  PageWalker walker;
  Actors actors;
  std::vector<uint64_t> ended;
  std::set<uint64_t> walked;  ///< pages
  unsigned merged = 0;
};

TEST(PageWalker, ColdWalkCostsTheLookupAndOneReadForEachLevel) {
  Bench b(with_caches(1));
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(10, 0x1000);
  sc_core::sc_start();
  EXPECT_EQ(b.ended, (std::vector<uint64_t>{10 + b.walk_cycles(4)}));
  EXPECT_EQ(b.lines.reads.size(), 4u);
}

TEST(PageWalker, FiveLevelsReadOneMore) {
  Bench b(with_caches(1), 5);
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(10, 0x1000);
  sc_core::sc_start();
  EXPECT_EQ(b.ended, (std::vector<uint64_t>{10 + b.walk_cycles(5)}));
}

TEST(PageWalker, EachStructureCacheSavesItsLevels) {
  Bench b(with_caches(1));
  const uint64_t vas[] = {0, 0x1000, 0x200000, 0x40000000, uint64_t{1} << 39};  // then PDE, PDPTE, PML4E hit, nothing
  for (const uint64_t va : vas) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  uint64_t at = 0;
  for (const uint64_t va : vas) b.walk_at(at += 1000, va);
  sc_core::sc_start();
  std::vector<unsigned> reads, start;
  for (const WalkRecord& w : b.keep.walks) {
    reads.push_back(static_cast<unsigned>(w.entries.size()));
    start.push_back(w.start_level);
  }
  EXPECT_EQ(reads, (std::vector<unsigned>{4, 1, 2, 3, 4}));
  EXPECT_EQ(start, (std::vector<unsigned>{4, 1, 2, 3, 4}));
}

TEST(PageWalker, BelowTheFirstLevel_AnEntryThatIsWrittenIsDirtyWhereItWasRead) {
  PageWalkerConfig config = with_caches(1);
  config.enters = HitLevel::kL2;
  Bench b(config);
  constexpr uint64_t kNotAccessed = TableBuilder::kLeafFlags & ~pte::kAccessed;
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K, kNotAccessed);
  b.walk_at(10, 0x1000);
  sc_core::sc_start();
  EXPECT_EQ(b.ended, (std::vector<uint64_t>{10 + b.walk_cycles(5)})) << "the write costs as much as a read";
  ASSERT_EQ(b.lines.written.size(), 1u);
  EXPECT_EQ(b.lines.written[0].line, b.tables.entry(VirtAddr(0x1000), 1).align_down(kLineBytes));
}

TEST(PageWalker, LargePagesEndTheWalkEarly) {
  Bench b(with_caches(1));
  b.tables.map(VirtAddr(0x40000000), PhysAddr(0), PageSize::k2M);
  b.tables.map(VirtAddr(0x80000000), PhysAddr(0), PageSize::k1G);
  b.walk_at(0, 0x40000000);
  b.walk_at(1000, 0x80000000);
  sc_core::sc_start();
  EXPECT_EQ(b.keep.walks[0].entries.size(), 3U);
  EXPECT_EQ(b.keep.walks[1].entries.size(), 1U);  // the PML4E came from its cache; 2 when cold
  EXPECT_EQ(b.keep.walks[0].page_size, PageSize::k2M);
  EXPECT_EQ(b.keep.walks[1].page_size, PageSize::k1G);
}

TEST(PageWalker, SecondWalkWaitsForTheOnlyWalkerAndStartsInTheCycleItIsFree) {
  Bench b(with_caches(1));
  for (const uint64_t va : {uint64_t{0}, uint64_t{1} << 39}) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(10, 0);
  b.walk_at(15, uint64_t{1} << 39);
  sc_core::sc_start();
  const uint64_t first = 10 + b.walk_cycles(4);
  EXPECT_EQ(b.ended, (std::vector<uint64_t>{first, first + b.walk_cycles(4)}));
  EXPECT_EQ(b.keep.walks[1].queue, Cycles(first - 15));
}

TEST(PageWalker, AWalkerThatComesFreeTakesTheWalkThatHasWaitedLongest) {
  Bench b(with_caches(1));
  const std::vector<uint64_t> regions = {0, uint64_t{1} << 39, uint64_t{2} << 39, uint64_t{3} << 39};
  for (const uint64_t va : regions) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  for (size_t i = 0; i < regions.size(); ++i) b.walk_at(10 + i, regions[i]);
  sc_core::sc_start();
  ASSERT_EQ(b.keep.walks.size(), regions.size());
  for (size_t i = 0; i < regions.size(); ++i) EXPECT_EQ(b.keep.walks[i].va, VirtAddr(regions[i])) << i;
}

TEST(PageWalker, AnInvalidationTakesTheEntriesOfItsAddressFromEachStructureCache) {
  Bench b(with_caches(1));
  for (const uint64_t va : {uint64_t{0}, uint64_t{1} << 39}) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(0, 0);
  b.walk_at(500, uint64_t{1} << 39);
  unsigned removed = 0;
  b.actors.at(1000, [&](LocalClock&) {
    Invalidation of_first;
    of_first.structures = InvalidationScope::kAddress;
    removed = b.walker.structure_caches().invalidate(b.context.control, of_first);
  });
  b.walk_at(1500, 0);
  b.walk_at(2000, uint64_t{1} << 39);
  sc_core::sc_start();
  EXPECT_EQ(removed, 3U) << "its PML4E, its PDPTE and its PDE";
  EXPECT_EQ(b.keep.walks[2].entries.size(), 4U);
  EXPECT_EQ(b.keep.walks[3].entries.size(), 1U) << "what belongs to other addresses stays";
}

TEST(PageWalker, TwoWalkersWalkAtTheSameTime) {
  Bench b(with_caches(2));
  for (const uint64_t va : {uint64_t{0}, uint64_t{1} << 39}) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(10, 0);
  b.walk_at(15, uint64_t{1} << 39);
  sc_core::sc_start();
  EXPECT_EQ(b.ended, (std::vector<uint64_t>{10 + b.walk_cycles(4), 15 + b.walk_cycles(4)}));
  // At least one walk was under way from 10 to the end of the second.
  EXPECT_EQ(b.walker.stats().active, Cycles(5 + b.walk_cycles(4)));
  EXPECT_EQ(b.walker.stats().pending, Cycles(2 * b.walk_cycles(4)));
}

/// B3.9 and the event text of DTLB_LOAD_MISSES.WALK_PENDING ("counts 1 per cycle for each PMH that is busy with a page
/// walk for a load") and .WALK_ACTIVE ("cycles when at least one PMH is busy with a page walk for a load").
TEST(PageWalker, B39_PendingAddsUpWalksAndActiveCountsCyclesEachByCause) {
  Bench b(with_caches(2));
  const uint64_t vas[] = {0, uint64_t{1} << 39, uint64_t{2} << 39, uint64_t{3} << 39};
  for (const uint64_t va : vas) b.tables.map(VirtAddr(va), PhysAddr(kGiB), PageSize::k4K);
  const uint64_t walk = b.walk_cycles(4);
  b.walk_at(10, vas[0]);  // loads overlap: 10 to 10 + walk, 30 to 30 + walk
  b.walk_at(30, vas[1]);
  b.walk_at(40, vas[2], AccessKind::kWrite);  // waits for the first walker: waiting is not pending
  b.walk_at(1000, vas[3], AccessKind::kRead);
  sc_core::sc_start();
  const WalkCounts& loads = b.walker.stats().by_cause[WalkCause::kLoad];
  const WalkCounts& stores = b.walker.stats().by_cause[WalkCause::kStore];
  EXPECT_EQ(loads.started, 3U);
  EXPECT_EQ(loads.pending, 3 * walk);
  EXPECT_EQ(loads.active, 20 + walk + walk);
  EXPECT_EQ(stores.pending, walk);
  EXPECT_EQ(stores.active, walk);
  EXPECT_EQ(b.keep.walks[2].queue, Cycles(10 + walk - 40));
  EXPECT_EQ(b.walker.stats().pending, Cycles(loads.pending + stores.pending));
  EXPECT_EQ(b.walker.stats().active, Cycles(2 * walk + walk));  // 10 to 10 + 2 walks without a gap, and the last one
}

TEST(PageWalker, WalksCompletedCountBySizeOfPageWithOrWithoutAFault) {
  Bench b(with_caches(1));
  b.tables.map(VirtAddr(0), PhysAddr(kGiB), PageSize::k4K);
  b.tables.map(VirtAddr(uint64_t{1} << 39), PhysAddr(0), PageSize::k2M, 0x21);  // read-only
  b.tables.map(VirtAddr(uint64_t{2} << 39), PhysAddr(0), PageSize::k1G);
  b.walk_at(0, 0);
  b.walk_at(1000, 0x5000);                                 // not present: as 4 KiB
  b.walk_at(2000, uint64_t{1} << 39, AccessKind::kWrite);  // a fault at a 2 MiB page
  b.walk_at(3000, uint64_t{2} << 39);
  sc_core::sc_start();
  const auto& by_cause = b.walker.stats().by_cause;
  EXPECT_EQ(by_cause[WalkCause::kLoad].completed, (std::array<uint64_t, 3>{2, 0, 1}));
  EXPECT_EQ(by_cause[WalkCause::kStore].completed, (std::array<uint64_t, 3>{0, 1, 0}));
  EXPECT_EQ(b.walker.stats().faults, 2U);
}

TEST(PageWalker, RequestForAPageBeingWalkedMerges) {
  Bench b(with_caches(2));
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(10, 0x1000);
  b.walk_at(20, 0x1008);
  sc_core::sc_start();
  EXPECT_EQ(b.merged, 1u);
  EXPECT_EQ(b.ended, (std::vector<uint64_t>(2, 10 + b.walk_cycles(4))));
  EXPECT_EQ(b.walker.stats().walks, 1u);
}

TEST(PageWalker, SetsAccessedFlagsOfAllEntriesAndDirtyOfTheLeafOnce) {
  Bench b(with_caches(1));
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K, 0x7);
  const PhysAddr pte = b.tables.entry(VirtAddr(0x1000), 1);
  b.walk_at(0, 0x1000, AccessKind::kWrite);
  b.walk_at(1000, 0x1000, AccessKind::kWrite);
  sc_core::sc_start();
  EXPECT_EQ(b.memory.load64(pte), kGiB | 0x67u);
  EXPECT_EQ(b.walker.stats().updates, 1u);  // the tables above have A set already
  EXPECT_EQ(b.keep.walks[0].updates, kRead);
  EXPECT_EQ(b.keep.walks[1].updates, Cycles(0));
}

TEST(PageWalker, NothingIsCachedOfAFaultingWalk) {
  Bench b(with_caches(1));
  b.tables.entry(VirtAddr(0x1000), 1);  // tables, but no page
  b.walk_at(0, 0x1000);
  b.walk_at(1000, 0x1000);
  sc_core::sc_start();
  ASSERT_EQ(b.keep.walks.size(), 2u);
  for (const WalkRecord& w : b.keep.walks) {
    EXPECT_EQ(w.entries.size(), 4U);
    EXPECT_EQ(w.page_fault_error_code, 0u);
  }
}

TEST(PageWalker, StaleStructureEntryIsDroppedBeforeAFaultIsBelieved) {
  Bench b(with_caches(1));
  b.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K);
  const PhysAddr pde = b.tables.entry(VirtAddr(0), 2);
  const PhysAddr old_table(b.memory.load64(pde) & ~uint64_t{0xfff});
  b.walk_at(0, 0x1000);
  b.actors.at(500, [&](LocalClock&) {  // a new page table with the page in it; the old one is emptied; no INVLPG
    b.memory.store64(PhysAddr(0x900008), kGiB | TableBuilder::kLeafFlags);
    b.memory.store64(pde, 0x900000 | TableBuilder::kTableFlags);
    b.memory.store64(old_table + 8, 0);
  });
  b.walk_at(1000, 0x1000);
  sc_core::sc_start();
  EXPECT_FALSE(b.keep.walks[1].page_fault_error_code);
  EXPECT_EQ(b.walker.stats().faults, 0u);
}

/// Holds the record of a walk to the identity of records.h.
void expect_sums_up(const WalkRecord& w) {
  Cycles reads{0};
  for (size_t i = 0; i < w.entries.size(); ++i) reads += w.entries[i].cycles;
  EXPECT_EQ(w.end - w.begin, w.queue + w.structure_caches + w.restarts + reads + w.updates);
}

/// Walks a page, then again after the tables below its cached entry of level `stale` were replaced. The second record
/// must hold the reads after the restart alone, in order from the root, and the time of the void ones apart.
void expect_record_after_restart(unsigned levels, unsigned stale) {
  PageWalkerConfig config;
  config.structure_caches.level[stale] = {4, 4};
  Bench b(config, levels);
  const VirtAddr va(0);
  b.tables.map(va, PhysAddr(kGiB), PageSize::k4K);
  b.walk_at(0, va.raw());
  b.actors.at(1000, [&](LocalClock&) {  // new tables with the page in them; the old page table is emptied; no INVLPG
    b.memory.store64(b.tables.entry(va, 1), 0);
    for (unsigned level = 1; level < stale; ++level) {
      const uint64_t below =
          level == 1 ? kGiB | TableBuilder::kLeafFlags : (0x900000 + (level - 1) * kPageBytes) | 0x67;
      b.memory.store64(PhysAddr(0x900000 + level * kPageBytes), below);
    }
    b.memory.store64(b.tables.entry(va, stale), (0x900000 + (stale - 1) * kPageBytes) | TableBuilder::kTableFlags);
  });
  b.walk_at(2000, va.raw());
  sc_core::sc_start();
  ASSERT_EQ(b.keep.walks.size(), 2U);
  for (const WalkRecord& w : b.keep.walks) expect_sums_up(w);
  const WalkRecord& again = b.keep.walks[1];
  EXPECT_FALSE(again.page_fault_error_code);
  EXPECT_EQ(again.restarts, kRead * (stale - 1));
  ASSERT_EQ(again.entries.size(), levels);
  for (size_t i = 0; i < levels; ++i) EXPECT_EQ(again.entries[i].level, levels - i);
  EXPECT_EQ(b.walker.stats().restarts, 1U);
}

TEST(PageWalker, RecordAfterARestartHoldsTheLastWalkAloneWithAStalePde) { expect_record_after_restart(4, 2); }
TEST(PageWalker, RecordAfterARestartHoldsTheLastWalkAloneWithAStalePdpte) { expect_record_after_restart(4, 3); }
TEST(PageWalker, RecordAfterARestartHoldsTheLastWalkAloneWithAStalePml4e) { expect_record_after_restart(4, 4); }
TEST(PageWalker, RecordAfterARestartHoldsTheLastWalkAloneWithFiveLevels) { expect_record_after_restart(5, 2); }

}  // namespace
}  // namespace mmusim
