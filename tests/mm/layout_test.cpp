// SPDX-License-Identifier: MIT
#include "mm/layout.h"

#include <gtest/gtest.h>

#include <set>

#include "mm/direct_memory.h"
#include "mm/kernel.h"

namespace mmusim::mm {
namespace {

TEST(Layout, DefaultBasesOfFourAndFiveLevels) {
  KernelConfig config;
  EXPECT_EQ(Layout(config, 0).vmemmap_base(), VirtAddr(0xffffea0000000000));
  EXPECT_EQ(Layout(config, 0).page_offset_base(), VirtAddr(0xffff888000000000));
  EXPECT_EQ(level_index(Layout(config, 0).vmemmap_base(), 4), 468u);
  config.levels = 5;
  EXPECT_EQ(Layout(config, 0).vmemmap_base(), VirtAddr(0xffd4000000000000));
  EXPECT_EQ(Layout(config, 0).page_offset_base(), VirtAddr(0xff11000000000000));
  EXPECT_EQ(level_index(Layout(config, 0).vmemmap_base(), 5), 468u);
  EXPECT_EQ(level_index(Layout(config, 0).vmemmap_base(), 4), 0u);
}

TEST(Layout, C1_OneSectionIsOnePmd) {
  const Layout layout(KernelConfig{}, 0);
  EXPECT_EQ(layout.section_memmap_bytes(), kPmdBytes);
  EXPECT_EQ(layout.vmemmap_bytes(), kTiB);
}

TEST(Layout, C4_PfnAndPageAreInverse) {
  const Layout layout(KernelConfig{}, 0);
  EXPECT_EQ(layout.pfn_to_page(Pfn(0x100000)), VirtAddr(0xffffea0004000000));
  EXPECT_EQ(layout.page_to_pfn(VirtAddr(0xffffea0004000040)), Pfn(0x100001));
}

TEST(Layout, C3_RandomBasesKeepOrderAlignmentAndRoom) {
  for (const unsigned levels : {4u, 5u}) {
    std::set<uint64_t> seen;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      KernelConfig config;
      config.levels = levels;
      config.kaslr_seed = seed;
      const Layout layout(config, 0);
      const uint64_t direct = layout.page_offset_base().raw();
      const uint64_t map = layout.vmemmap_base().raw();
      EXPECT_TRUE(layout.page_offset_base().is_aligned(kPudBytes));
      EXPECT_TRUE(layout.vmemmap_base().is_aligned(kPudBytes));
      EXPECT_GE(direct, levels == 5 ? 0xff11000000000000 : 0xffff888000000000);
      const uint64_t vmalloc = (levels == 5 ? 12800 : 32) * kTiB;
      EXPECT_GE(map, direct + (uint64_t{1} << layout.max_physmem_bits()) + vmalloc);
      // The kernel rounds each region's end up past a GiB without taking that from what remains.
      EXPECT_LE(map + layout.vmemmap_bytes(), 0xfffffe0000000000 + 2 * kGiB);
      seen.insert(map);
    }
    EXPECT_GT(seen.size(), 190u);
  }
}

TEST(Layout, C3_GivenBasesWinAndTheSeedIsRepeatable) {
  KernelConfig config;
  config.kaslr_seed = 5;
  EXPECT_EQ(Layout(config, 0).vmemmap_base(), Layout(config, 0).vmemmap_base());
  config.vmemmap_base = VirtAddr(0xfffff00040000000);
  EXPECT_EQ(Layout(config, 0).vmemmap_base(), VirtAddr(0xfffff00040000000));
}

TEST(Layout, C3_AVmemmapMayShareATopLevelSlotWithItsNeighbour) {
  KernelConfig config;
  config.page_offset_base = VirtAddr(0xffff888000000000);
  config.vmemmap_base = VirtAddr(0xffff888000000000 + 16 * kGiB);  // same slot as the direct map
  const Layout layout(config, 0);
  EXPECT_TRUE(layout.in_direct_map(*config.vmemmap_base - 1));
  EXPECT_FALSE(layout.in_direct_map(*config.vmemmap_base));
  PhysMem phys;
  UntimedMemory memory(phys, layout);
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x80000), 0}};
  map.early_tables = EarlyTables::kFromMemblock;
  Kernel kernel(config, map, memory);
  ASSERT_EQ(kernel.boot(), Errno::kSuccess);
  EXPECT_EQ(kernel.counts().vmemmap_table_pages, 1u);       // PGD and PUD entries were there: one PMD table
  map.memory.push_back({Pfn(0x400000), Pfn(0x408000), 0});  // 16 GiB: runs into the vmemmap
  Kernel too_large(config, map, memory);
  EXPECT_THROW((void)too_large.boot(), InputError);
}

TEST(Layout, LevelEndStopsAtTheBoundaryAndSurvivesTheTop) {
  EXPECT_EQ(level_end(VirtAddr(0x1000), VirtAddr(0x400000), 2), VirtAddr(0x200000));
  EXPECT_EQ(level_end(VirtAddr(0x1000), VirtAddr(0x3000), 2), VirtAddr(0x3000));
  EXPECT_EQ(level_end(VirtAddr(0xffffffffffe00000), VirtAddr(0), 2), VirtAddr(0));
}

}  // namespace
}  // namespace mmusim::mm
