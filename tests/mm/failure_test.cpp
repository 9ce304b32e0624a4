// SPDX-License-Identifier: MIT
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Failure, A13_BootLosesTheFailingSectionAndAllLaterOnesOfTheNode) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  config.fail_allocation = {AllocKind::kLeafBlock, 3 * 512 + 7, 1};
  Machine m(config);
  EXPECT_EQ(m.boot(), Errno::kNoMemory);
  EXPECT_EQ(m.kernel.section_mem_map(2), 0xffffea000000000fu);
  for (uint64_t section = 3; section < 16; ++section) EXPECT_EQ(m.kernel.section_mem_map(section), 0u);
  EXPECT_EQ(
      m.events.lines_with("sparse_init_nid: node[0] memory map backing failed. Some memory will not be available."),
      1u);
  // What was mapped stays mapped: six pages of the fourth section.
  const VirtAddr fourth = m.layout.vmemmap_base() + 3 * kPmdBytes;
  EXPECT_NE(m.entry(1, fourth + 5 * kPageBytes), 0u);
  EXPECT_EQ(m.entry(1, fourth + 6 * kPageBytes), 0u);
}

TEST(Failure, BootWithoutUsageMapsHasNoSections) {
  KernelConfig config;
  config.fail_allocation = {AllocKind::kUsageMap, 1, 1};
  Machine m(config);
  EXPECT_EQ(m.boot(), Errno::kNoMemory);
  EXPECT_EQ(m.kernel.section_mem_map(0), 0u);
  EXPECT_EQ(m.events.lines_with("sparse_init_nid: node[0] usemap allocation failed"), 1u);
}

TEST(Failure, A13_MemmapInitOfAbsentSectionsIsRefused) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  config.fail_allocation = {AllocKind::kLeafBlock, 100, 1};
  config.memmap_init = true;
  Machine m(config);
  EXPECT_THROW((void)m.boot(), InputError);
}

TEST(Failure, A13_HotAddRollsTheFailingSectionBackOnly) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.kernel.fail_allocation({AllocKind::kLeafBlock, 512 + 100, 1});
  EXPECT_EQ(m.kernel.add_pages(kFourGib, 3 * kSection, 0), Errno::kNoMemory);
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000003u);  // done earlier, not undone
  EXPECT_EQ(m.kernel.section_mem_map(33), 0u);
  EXPECT_EQ(m.kernel.section_mem_map(34), 0u);
  EXPECT_NE(m.entry(1, kVmemmapStart), 0u);
  EXPECT_EQ(m.entry(2, kVmemmapStart + kPmdBytes), 0u);  // 99 pages and their table went back
  EXPECT_EQ(m.kernel.counts().vmemmap_blocks_pages, 17 * 512u);
}

TEST(Failure, HotAddWithoutATableLeavesNothing) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const MemoryCounts before = m.kernel.counts();
  m.kernel.fail_allocation({AllocKind::kTable, 1, 1});
  EXPECT_EQ(m.kernel.add_pages(PhysAddr(68 * kGiB), kSection, 0), Errno::kNoMemory);
  EXPECT_EQ(m.kernel.section_mem_map(544), 0u);
  EXPECT_EQ(m.kernel.counts().vmemmap_table_pages, before.vmemmap_table_pages);
  EXPECT_EQ(m.kernel.counts().vmemmap_blocks_pages, before.vmemmap_blocks_pages);
}

TEST(Failure, HotAddWithoutAUsageMapOrRootTouchesNoSection) {
  for (const auto kind : {AllocKind::kUsageMap, AllocKind::kSectionRoot}) {
    Machine m;
    ASSERT_TRUE(ok(m.boot()));
    m.kernel.fail_allocation({kind, 1, 1});
    EXPECT_EQ(m.kernel.add_pages(PhysAddr(kTiB), kSection, 0), Errno::kNoMemory);
    EXPECT_EQ(m.kernel.section_mem_map(8192), 0u);
    ASSERT_TRUE(ok(m.kernel.add_pages(PhysAddr(kTiB), kSection, 0)));  // the next attempt succeeds
  }
}

TEST(Failure, A8_TheFirstRealShortageWarnsOnce) {
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x6000), 0}};  // 96 MiB: the image leaves little
  map.early_tables = EarlyTables::kFromMemblock;
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  while (m.kernel.alloc_pages(9, 0)) {
  }
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, 2 * kSection, 0)));  // falls back to base pages
  EXPECT_EQ(m.events.lines_with("vmemmap alloc failure: order:9"), 1u);
  EXPECT_FALSE(entry_leaf(m.entry(2, kVmemmapStart)));
}

TEST(Failure, CountMakesSeveralInARowFail) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.kernel.fail_allocation({AllocKind::kLeafBlock, 1, 2});  // the block, then the first base page
  EXPECT_EQ(m.kernel.add_pages(kFourGib, kSection, 0), Errno::kNoMemory);
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);
}

}  // namespace
}  // namespace mmusim::mm::test
