// SPDX-License-Identifier: MIT
// Page tables of processes, and what system calls do to them.
#include "mm/process.h"

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

constexpr uint64_t kUserPage = 0x8000000000000867;

/// A booted kernel on two CPUs, with a process that has a thread on each.
struct Kernels {
  explicit Kernels(const KernelConfig& config = version(KernelVersion::kV6_12))
      : layout(config, 0), memory(phys, layout, 2), kernel(config, contiguous(2), memory, &events) {
    EXPECT_TRUE(ok(kernel.boot()));
    process = kernel.start_process();
    kernel.run_threads(*process, 2);
    events.clear();
  }
  /// Of the process's tables; 0 if the walk does not get there.
  uint64_t entry(unsigned level, VirtAddr va) const {
    PhysAddr table = process->mm.pgd;
    for (unsigned at = layout.levels();; --at) {
      const uint64_t value = phys.load64(table + kEntryBytes * level_index(va, at));
      if (at == level) return value;
      if ((value & kPagePresent) == 0) return 0;
      table = entry_address(value);
    }
  }
  void touch(VirtAddr start, uint64_t pages) { EXPECT_TRUE(ok(kernel.touch_user_memory(*process, start, pages))); }
  void change(UserOperation operation, VirtAddr start, uint64_t pages) {
    events.clear();
    EXPECT_TRUE(ok(kernel.change_user_memory(*process, operation, start, pages)));
  }

  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel kernel;
  Process* process;
};

TEST(Process, APageThatIsWrittenToGetsAnEntryAndClearedMemory) {
  Kernels k;
  k.touch(kAreaStart, 3);
  for (unsigned i = 0; i < 3; ++i) {
    const uint64_t entry = k.entry(1, kAreaStart + i * kPageBytes);
    EXPECT_EQ(entry & ~kEntryAddressMask, kUserPage);
    EXPECT_EQ(k.phys.load64(entry_address(entry)), 0U);
  }
  for (const unsigned level : {2U, 3U, 4U}) EXPECT_EQ(k.entry(level, kAreaStart) & ~kEntryAddressMask, kPageTable);
  EXPECT_EQ(k.events.leaf_writes(1), 3U);
  k.events.clear();
  k.touch(kAreaStart, 3);  // they are there
  EXPECT_TRUE(k.events.writes.empty());
}

TEST(Process, MprotectTakesEachEntryOutAndPutsItBackReadOnly) {
  Kernels k;
  k.touch(kAreaStart, 2);
  const uint64_t before = k.entry(1, kAreaStart);
  k.change(UserOperation::kProtect, kAreaStart, 2);
  EXPECT_EQ(k.entry(1, kAreaStart), before & ~kPageRw);
  ASSERT_EQ(k.events.writes.size(), 4U);
  EXPECT_EQ(k.events.writes[0].old_value, before);
  EXPECT_EQ(k.events.writes[0].new_value, 0U);
  EXPECT_EQ(k.events.writes[1].new_value, before & ~kPageRw);
}

TEST(Process, S18_PagesAreGivenBackOnceAllHaveFlushed) {
  Kernels k;
  k.touch(kAreaStart, 2);
  const uint64_t free = k.kernel.counts().free_pages;
  k.change(UserOperation::kDontNeed, kAreaStart, 2);
  EXPECT_EQ(k.kernel.counts().free_pages, free + 2);
  const std::vector<std::string>& order = k.events.order;
  const auto last_flush = std::find(order.rbegin(), order.rend(), "flush:range").base();
  EXPECT_EQ(std::count(order.begin(), last_flush, "free:buddy"), 0);
  EXPECT_EQ(std::count(last_flush, order.end(), "free:buddy"), 2);
  EXPECT_EQ(k.events.flushes.size(), 2U);
}

TEST(Process, MunmapFreesTheTablesThatMapNothingElse) {
  Kernels k;
  const uint64_t free = k.kernel.counts().free_pages;
  k.touch(kAreaStart, 2);
  k.change(UserOperation::kUnmap, kAreaStart, 2);
  EXPECT_EQ(k.kernel.counts().free_pages, free);
  EXPECT_EQ(k.entry(4, kAreaStart), 0U);
}

TEST(Process, S19_TablesThatGoWithoutPagesAreFlushedToo) {
  Kernels k;
  k.touch(kAreaStart, 2);
  k.change(UserOperation::kDontNeed, kAreaStart, 2);
  k.change(UserOperation::kUnmap, kAreaStart, 2);
  ASSERT_EQ(k.events.flushes.size(), 2U);
  EXPECT_EQ(k.events.flushes[0].pages(), 1U);
  EXPECT_EQ(k.entry(4, kAreaStart), 0U);
}

TEST(Process, MunmapKeepsTablesThatTheNeighbourNeeds) {
  Kernels k;
  k.touch(kAreaStart, 2);
  k.touch(kAreaStart + 2 * kPageBytes, 1);
  const uint64_t table = k.entry(2, kAreaStart);
  k.change(UserOperation::kUnmap, kAreaStart, 2);
  EXPECT_EQ(k.entry(2, kAreaStart), table);
  EXPECT_EQ(k.entry(1, kAreaStart), 0U);
  EXPECT_NE(k.entry(1, kAreaStart + 2 * kPageBytes), 0U);
  k.touch(kAreaStart + kGiB, 1);  // shares the tables of levels 3 and 4
  k.change(UserOperation::kUnmap, kAreaStart + kGiB, 1);
  EXPECT_EQ(k.entry(3, kAreaStart + kGiB), 0U);
  EXPECT_NE(k.entry(3, kAreaStart), 0U);
}

TEST(Process, S19_MunmapThatFreesTablesTellsIdleCpus) {
  Kernels k;
  k.kernel.run_threads(*k.process, 1);
  k.touch(kAreaStart, 1);
  k.change(UserOperation::kDontNeed, kAreaStart, 1);
  EXPECT_EQ(k.events.flushes.size(), 1U);
  k.touch(kAreaStart, 1);
  k.change(UserOperation::kUnmap, kAreaStart, 1);
  ASSERT_EQ(k.events.flushes.size(), 2U);
  EXPECT_EQ(k.events.flushes[1].cr3, 1U);
  EXPECT_EQ(k.events.flushes[1].invlpg, 0U);
}

TEST(Process, MadviseOfWholeTablesFreesThemFrom6_15On) {
  for (const auto v : {KernelVersion::kV6_12, KernelVersion::kV7_3}) {
    Kernels k(version(v));
    k.touch(kAreaStart, 513);
    k.change(UserOperation::kDontNeed, kAreaStart, 513);
    EXPECT_EQ(k.entry(2, kAreaStart) == 0, v == KernelVersion::kV7_3);
    EXPECT_NE(k.entry(2, kAreaStart + kPmdBytes), 0U);  // only one page of it was asked for
    EXPECT_EQ(k.events.flushes[0].scope, FlushScope::kProcess);
  }
}

TEST(Process, WithPageTableIsolationTheTopEntryIsThereForUserModeToo) {
  KernelConfig config = version(KernelVersion::kV6_12);
  config.pti = true;
  Kernels k(config);
  k.touch(kAreaStart, 1);
  const PhysAddr at = k.process->mm.pgd + kEntryBytes * level_index(kAreaStart, 4);
  EXPECT_EQ(k.phys.load64(at) & ~kEntryAddressMask, kPageTable | kPageNx);
  EXPECT_EQ(k.phys.load64(at + kPageBytes) | kPageNx, k.phys.load64(at));
  k.change(UserOperation::kUnmap, kAreaStart, 1);
  EXPECT_EQ(k.phys.load64(at) | k.phys.load64(at + kPageBytes), 0U);
}

TEST(Process, WhatWasNotMappedAsAnAreaIsRefused) {
  Kernels k;
  k.touch(kAreaStart, 4);
  EXPECT_EQ(k.kernel.change_user_memory(*k.process, UserOperation::kUnmap, kAreaStart + kPageBytes, 1),
            Errno::kInvalid);
  EXPECT_EQ(k.kernel.change_user_memory(*k.process, UserOperation::kUnmap, kAreaStart, 3), Errno::kInvalid);
}

}  // namespace
}  // namespace mmusim::mm::test
