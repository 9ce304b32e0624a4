// SPDX-License-Identifier: MIT
// The timing contract of the out-of-order core and of the load/store unit (window_core.h, load_store_unit.h), clause by
// clause: who is blocked begins in exactly the cycle in which what blocked it ends. On the textbook machine: 5 cycles
// in L1, 10 for the second-level TLB, 1 to look into the paging-structure caches.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kL1 = 5, kStlb = 10, kLookup = 1;
constexpr uint64_t kCold = 1 << 20;  ///< lines from here on are in no cache

class Keep : public Observer {
 public:
  uint32_t mask() const override { return kAccessNotices | kWalkNotices; }
  void walk(const WalkRecord& record) override { walks.push_back(record); }
  void access(const AccessRecord& record) override { accesses.push_back(record); }
  std::vector<WalkRecord> walks;
  std::vector<AccessRecord> accesses;
};

PlatformConfig window_machine(const std::function<void(PlatformConfig&)>& change = {}) {
  PlatformConfig p = load_platform("textbook");
  p.model = CoreModel::kWindow;
  p.window = {4, 64, 32, 32, 8};
  p.walker.walkers = 2;
  if (change) change(p);
  return p;
}

/// A machine whose first pages are in TLB and caches: `run` brings them there, lets everything settle, and then runs
/// the accesses of the test.
class WindowBench {
 public:
  explicit WindowBench(const PlatformConfig& platform) : machine("machine", platform), tables(machine.memory(), 4) {
    for (uint64_t i = 0; i < 1024; ++i) {
      tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
    }
    machine.write_cr3(0, tables.root().raw());
    machine.observe(keep);
  }

  /// Lines 0 to 63 of page 0 and one line each of pages 1 to 3 hit; everything else misses.
  std::vector<AccessRecord> run(std::vector<MemAccess> accesses, std::vector<uint64_t> translated = {}) {
    CallProgram program([&](Core& core) {
      for (uint64_t line = 0; line < 64; ++line) core.access({VirtAddr(line * kLineBytes)});
      for (uint64_t page = 1; page < 4; ++page) core.access({VirtAddr(page * kPageBytes)});
      for (const uint64_t va : translated) core.access({VirtAddr(va + 4032)});  // the page, another line
      core.access({VirtAddr(0), 8, AccessKind::kWrite});
      core.drain();
      core.idle(Cycles(1000));
      keep.accesses.clear();
      keep.walks.clear();
      core.execute(accesses);
      core.drain();
    });
    simulation.run(machine, program);
    std::sort(keep.accesses.begin(), keep.accesses.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return keep.accesses;
  }

  Simulation simulation;
  Machine machine;
  TableBuilder tables;
  Keep keep;
};

MemAccess hit(unsigned n, AccessKind kind = AccessKind::kRead) { return {VirtAddr(n % 64 * kLineBytes), 8, kind}; }
/// A load that misses all caches in a page that is translated already.
MemAccess miss(unsigned n) { return {VirtAddr(kCold + n * kPageBytes)}; }
std::vector<uint64_t> pages_of_misses(unsigned count) {
  std::vector<uint64_t> pages;
  for (unsigned n = 0; n < count; ++n) pages.push_back(kCold + n * kPageBytes);
  return pages;
}

uint64_t stage(const AccessRecord& r, Stage s) { return r.stage[s].count; }

TEST(WindowCoreTiming, IssueWidthInstructionsAreDispatchedInEachCycle) {
  WindowBench b(window_machine());
  std::vector<MemAccess> accesses;
  for (unsigned n = 0; n < 12; ++n) accesses.push_back(hit(n));
  const auto r = b.run(accesses);
  ASSERT_EQ(r.size(), 12U);
  for (unsigned n = 0; n < 12; ++n) {
    EXPECT_EQ(r[n].begin - r[0].begin, Cycles(n / 4)) << n;
    EXPECT_EQ(r[n].end - r[n].begin, Cycles(kL1));
  }
}

TEST(WindowCoreTiming, InstructionsWithoutAccessTakeTheirPlaceInTheIssueWidth) {
  WindowBench b(window_machine());
  std::vector<MemAccess> accesses;
  for (unsigned n = 0; n < 6; ++n) {
    accesses.push_back(hit(n));
    accesses.back().gap = 3;
  }
  const auto r = b.run(accesses);
  for (unsigned n = 1; n < 6; ++n) EXPECT_EQ(r[n].begin - r[n - 1].begin, Cycles(1));
}

TEST(WindowCoreTiming, FullWindowBlocksUntilTheOldestIsDone) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.window.window = 8; }));
  std::vector<MemAccess> accesses{miss(0)};
  for (unsigned n = 0; n < 9; ++n) accesses.push_back(hit(n));
  const auto r = b.run(accesses, pages_of_misses(1));
  EXPECT_EQ(r[7].begin - r[0].begin, Cycles(1)) << "the eighth instruction still fits";
  EXPECT_EQ(r[8].begin, r[0].end) << "the ninth is dispatched in the cycle in which the first is done";
  EXPECT_EQ(r[9].begin, r[0].end) << "and the next beside it";
}

TEST(WindowCoreTiming, FullLoadQueueBlocksLoadsUntilTheOldestIsDone) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.window.load_queue = 4; }));
  const auto r = b.run({miss(0), hit(1), hit(2), hit(3), hit(0, AccessKind::kWrite), hit(4)}, pages_of_misses(1));
  EXPECT_EQ(r[3].begin, r[0].begin);
  EXPECT_EQ(r[4].begin - r[0].begin, Cycles(1)) << "stores have a queue of their own";
  EXPECT_EQ(r[5].begin, r[0].end);
}

TEST(WindowCoreTiming, FullStoreQueueBlocksStoresUntilTheOldestMayRetire) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.window.store_queue = 2; }));
  const auto w = [](unsigned n) { return hit(n, AccessKind::kWrite); };
  const auto r = b.run({miss(0), w(1), w(2), hit(3), w(4)}, pages_of_misses(1));
  EXPECT_EQ(r[3].begin, r[0].begin);
  EXPECT_EQ(r[4].begin, r[0].end) << "retirement is in order: the stores wait behind the load";
}

TEST(WindowCoreTiming, WithAllSlotsTakenAMissStartsWhenTheFirstIsDoneAndDispatchGoesOn) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.window.outstanding = 2; }));
  const auto r = b.run({miss(0), miss(1), hit(1), miss(2)}, pages_of_misses(3));
  const CycleTime first = std::min(r[0].end, r[1].end);
  EXPECT_EQ(r[2].begin, r[0].begin) << "a hit needs no slot";
  EXPECT_EQ(r[3].begin, r[0].begin);
  EXPECT_EQ(r[3].begin.count + stage(r[3], Stage::kStall), first.count);
  EXPECT_LT(first, std::max(r[0].end, r[1].end));
}

TEST(WindowCoreTiming, DependentAccessStartsInTheCycleInWhichItsProducerIsDone) {
  WindowBench b(window_machine());
  std::vector<MemAccess> accesses{miss(0), hit(1), hit(2)};
  accesses[1].depends_on = 1;
  const auto r = b.run(accesses, pages_of_misses(1));
  EXPECT_EQ(stage(r[1], Stage::kStall), (r[0].end - r[1].begin).count);
  EXPECT_EQ(r[1].end, r[0].end + Cycles(kL1));
  EXPECT_EQ(r[2].end, r[2].begin + Cycles(kL1)) << "who is independent goes past it";
}

TEST(WindowCoreTiming, StoreRetiresOnceTranslated) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.window.window = 2; }));
  std::vector<MemAccess> accesses{miss(0), hit(1), hit(2)};
  accesses[0].kind = AccessKind::kWrite;
  const auto r = b.run(accesses, pages_of_misses(1));
  EXPECT_GT(r[0].end - r[0].begin, Cycles(100));
  EXPECT_LE(r[2].begin - r[0].begin, Cycles(1)) << "its line is not waited for";
}

TEST(WindowCoreTiming, TwoMissesOfOnePageAreOneMissAndGoOnWhenItsWalkEnds) {
  WindowBench b(window_machine());
  MemAccess second = miss(7);
  second.va += 128;
  const auto r = b.run({miss(7), second});
  ASSERT_EQ(b.keep.walks.size(), 1U);
  EXPECT_TRUE(r[0].tlb_miss && r[0].stlb_miss);
  EXPECT_FALSE(r[1].tlb_miss || r[1].stlb_miss);
  EXPECT_EQ(r[1].end, b.keep.walks[0].end + r[1].stage[Stage::kData]);
  EXPECT_EQ(stage(r[1], Stage::kWalkQueue), (b.keep.walks[0].end - r[1].begin).count);
  EXPECT_EQ(b.machine.core(0).lsu().stats().tlb_merged[AccessKind::kRead], 1U);
}

TEST(WindowCoreTiming, WithTheOnlyWalkerTakenAWalkStartsWhenItIsFree) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.walker.walkers = 1; }));
  b.run({miss(0), miss(1)});
  ASSERT_EQ(b.keep.walks.size(), 2U);
  EXPECT_GT(b.keep.walks[1].queue, Cycles(0));
  EXPECT_EQ(b.keep.walks[1].begin + b.keep.walks[1].queue, b.keep.walks[0].end);
  EXPECT_EQ(b.keep.walks[1].structure_caches, Cycles(kLookup));
}

TEST(WindowCoreTiming, TwoWalkersWalkTwoPagesAtOnce) {
  WindowBench b(window_machine());
  b.run({miss(0), miss(1)});
  ASSERT_EQ(b.keep.walks.size(), 2U);
  EXPECT_EQ(b.keep.walks[1].queue, Cycles(0));
  EXPECT_LT(b.keep.walks[1].begin, b.keep.walks[0].end);
  EXPECT_NE(b.keep.walks[0].walker, b.keep.walks[1].walker);
}

TEST(WindowCoreTiming, FullMissRegistersOfTheCacheHoldBackTheNextMiss) {
  WindowBench b(window_machine([](PlatformConfig& p) { p.l1d.miss_registers = 1; }));
  const auto r = b.run({miss(0), miss(1)}, pages_of_misses(2));
  EXPECT_EQ(r[1].begin, r[0].begin);
  EXPECT_GE(r[1].end - r[0].end, Cycles(120)) << "a way to memory of its own, not beside the first";
}

TEST(WindowCoreTiming, LinesOfASplitAccessAreReadOneAfterTheOther) {
  WindowBench b(window_machine());
  const auto r = b.run({{VirtAddr(60), 8}, {VirtAddr(kPageBytes - 4), 8}});
  EXPECT_EQ(stage(r[0], Stage::kData), 2 * kL1);
  EXPECT_EQ(stage(r[1], Stage::kData), 2 * kL1);
  EXPECT_EQ(b.machine.core(0).lsu().stats().page_crossings, 1U);
}

TEST(WindowCoreTiming, LowerPageOfASplitAccessIsTranslatedFirst) {
  WindowBench b(window_machine());
  b.run({{VirtAddr(kCold + kPageBytes - 4), 8}});
  ASSERT_EQ(b.keep.walks.size(), 2U);
  EXPECT_EQ(b.keep.walks[0].va, VirtAddr(kCold + kPageBytes - 4));
  EXPECT_EQ(b.keep.walks[1].va, VirtAddr(kCold + kPageBytes));
  EXPECT_EQ(b.keep.walks[1].begin, b.keep.walks[0].end + Cycles(kStlb));
}

TEST(WindowCoreTiming, FetchesGoThroughTheirOwnTlbAndCache) {
  WindowBench b(window_machine());
  const auto r = b.run({hit(0, AccessKind::kFetch), hit(0, AccessKind::kFetch)});
  EXPECT_EQ(stage(r[0], Stage::kStlb), kStlb) << "the data TLB has the page, the instruction TLB not";
  EXPECT_FALSE(r[0].stlb_miss);
  EXPECT_GT(stage(r[0], Stage::kData), kL1) << "the data cache has the line, the instruction cache not";
  EXPECT_EQ(r[1].end - r[0].end, Cycles(kL1)) << "the line is there";
}

}  // namespace
}  // namespace mmusim
