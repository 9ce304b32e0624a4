// SPDX-License-Identifier: MIT
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Hotplug, L3_RangesMustBeWholeSubsections) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.kernel.add_pages(kFourGib + kPageBytes, kPmdBytes, 0), Errno::kInvalid);
  EXPECT_EQ(m.kernel.add_pages(kFourGib, kPmdBytes + kPageBytes, 0), Errno::kInvalid);
  EXPECT_EQ(m.events.lines_with("Misaligned add start: 0x100001 end: 0x100200"), 1u);
  EXPECT_EQ(m.kernel.section_mem_map(32), 0u);
}

TEST(Hotplug, L3_BlocksMustBeWholeMemoryBlocks) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.kernel.hot_add(kFourGib, kPmdBytes, 0), Errno::kInvalid);
  EXPECT_EQ(m.kernel.hot_add(kFourGib + kPmdBytes, kSection, 0), Errno::kInvalid);
}

TEST(Hotplug, L5_SubsectionsAddedTwiceExist) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, 2 * kPmdBytes, 0)));
  EXPECT_EQ(m.kernel.add_pages(kFourGib + kPmdBytes, 2 * kPmdBytes, 0), Errno::kExists);
  EXPECT_EQ(m.kernel.subsection_map(32), 0b11u);
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + 2 * kPmdBytes, kPmdBytes, 0)));
  EXPECT_EQ(m.kernel.subsection_map(32), 0b111u);
}

TEST(Hotplug, RegisteredMemoryExists) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.kernel.hot_add(PhysAddr(0), kSection, 0), Errno::kExists);
}

TEST(Hotplug, L5_APieceOfAnEarlySectionIsNotPopulated) {
  MemoryMap map = contiguous(1);
  map.memory.push_back({Pfn(0x100000), Pfn(0x104000), 0});  // half a section
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + kSection / 2, kPmdBytes, 0)));
  EXPECT_TRUE(m.events.writes_in(kVmemmapStart, kPmdBytes).empty());
  EXPECT_EQ(m.kernel.subsection_map(32), (uint64_t{1} << 33) - 1);
  EXPECT_EQ(m.kernel.section_mem_map(32) & 0xf, 0xfu);  // still early and online
}

TEST(Hotplug, DirectMapComesBeforeTheVmemmapAndGoesAfterIt) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const VirtAddr direct = m.layout.direct_map(kFourGib);
  const auto position = [&](VirtAddr va, bool cleared) {
    for (size_t i = 0; i < m.events.writes.size(); ++i) {
      const EntryWrite& w = m.events.writes[i];
      if (w.va == va && w.level <= 2 && (w.new_value == 0) == cleared) return i;
    }
    return size_t{999999};
  };
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0)));
  EXPECT_LT(position(direct, false), position(kVmemmapStart, false));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.hot_remove(kFourGib, kSection)));
  EXPECT_LT(position(kVmemmapStart, true), position(direct, true));
}

TEST(Hotplug, L8_RemovalFreesThenClearsThenFlushesOnce) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  const uint64_t free_before = m.kernel.counts().free_pages;
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kSection)));
  std::vector<std::string> seen;
  for (const std::string& e : m.events.order)
    if (e == "free:buddy" || e == "write:2" || e == "flush:all") seen.push_back(e);
  // vmemmap: block freed, PMD cleared, one flush; then the direct map's 64 leaves and its table.
  ASSERT_GE(seen.size(), 4u);
  EXPECT_EQ(seen[0], "free:buddy");  // the usage map's slab page
  EXPECT_EQ(seen[1], "free:buddy");
  EXPECT_EQ(seen[2], "write:2");
  EXPECT_EQ(seen[3], "flush:all");
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);
  EXPECT_EQ(m.kernel.section_mem_map(32), 0u);
  EXPECT_GE(m.kernel.counts().free_pages, free_before + 512);
}

TEST(Hotplug, L10_AsManyFlushesAsPteTablesAndOneMore) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, 2 * kPmdBytes, 0)));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, 2 * kPmdBytes)));
  uint64_t of_tables = 0;
  uint64_t at_end = 0;
  for (const FlushEvent& f : m.events.flushes) {
    of_tables += std::string_view(f.cause) == "remove_pte_table" ? 1 : 0;
    at_end += std::string_view(f.cause) == "remove_pagetable" ? 1 : 0;
  }
  EXPECT_EQ(of_tables, 1u);
  EXPECT_EQ(at_end, 2u);                     // vmemmap, direct map
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);  // the empty PTE table went too
}

TEST(Hotplug, L10_RemovingASubsectionKeepsItsNeighbours) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, 2 * kPmdBytes, 0)));
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kPmdBytes)));
  EXPECT_EQ(m.entry(1, kVmemmapStart), 0u);
  EXPECT_NE(m.entry(1, kVmemmapStart + 8 * kPageBytes), 0u);
  EXPECT_EQ(m.kernel.subsection_map(32), 0b10u);
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000003u);
}

TEST(Hotplug, L8_RemovingWhatIsNotThereWarnsAndStops) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kPmdBytes, 0)));
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib + kPmdBytes, kPmdBytes)));
  EXPECT_EQ(m.events.lines_with("section already deactivated (0x100200 + 512)"), 1u);
  EXPECT_EQ(m.kernel.subsection_map(32), 0b1u);
}

TEST(Hotplug, L11_PudTablesStayWithFourLevelsAndGoWithFive) {
  for (const unsigned levels : {4u, 5u}) {
    KernelConfig config;
    config.levels = levels;
    Machine m(config);
    ASSERT_TRUE(ok(m.boot()));
    const PhysAddr far(32 * kTiB);  // a PUD table of its own: 512 GiB further in the map
    const VirtAddr va = m.page(pfn_of(far));
    ASSERT_TRUE(ok(m.kernel.add_pages(far, kSection, 0)));
    ASSERT_TRUE(ok(m.kernel.remove_pages(far, kSection)));
    EXPECT_EQ(m.entry(3, va), 0u);
    EXPECT_EQ(m.entry(4, va) != 0, levels == 4) << levels;
  }
}

TEST(Hotplug, A13_TablesThatStayAreReused) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const PhysAddr far(32 * kTiB);
  ASSERT_TRUE(ok(m.kernel.add_pages(far, kSection, 0)));
  const uint64_t top = m.entry(4, m.page(pfn_of(far)));
  ASSERT_TRUE(ok(m.kernel.remove_pages(far, kSection)));
  ASSERT_TRUE(ok(m.kernel.add_pages(far, kSection, 0)));
  EXPECT_EQ(m.entry(4, m.page(pfn_of(far))), top);
}

TEST(Hotplug, MemoryInUseIsBusy) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0)));
  ASSERT_TRUE(ok(m.kernel.online(kFourGib, kSection)));
  const auto folios = m.kernel.hugetlb_alloc(9, 1, 0);  // movable: ZONE_MOVABLE first
  ASSERT_EQ(folios.size(), 1u);
  ASSERT_GE(address_of(folios[0].head), kFourGib);
  EXPECT_EQ(m.kernel.hot_remove(kFourGib, kSection), Errno::kBusy);
  m.kernel.hugetlb_free(folios);
  EXPECT_TRUE(ok(m.kernel.hot_remove(kFourGib, kSection)));
}

TEST(Hotplug, L4_DebugKernelsPoisonTheMapThroughItself) {
  KernelConfig config;
  config.debug_vm = true;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  const auto poison =
      std::find_if(m.events.fills.begin(), m.events.fills.end(), [](const FillEvent& f) { return f.value == 0xff; });
  ASSERT_NE(poison, m.events.fills.end());
  EXPECT_EQ(poison->va, kVmemmapStart);
  EXPECT_EQ(poison->bytes, kPmdBytes);
}

TEST(Hotplug, RangesBeyondThePhysicalAddressSpaceAreRefused) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const PhysAddr limit(64 * kTiB);
  EXPECT_EQ(m.kernel.hot_add(limit, kSection, 0), Errno::kRange);
  EXPECT_EQ(m.kernel.add_pages(limit - kPmdBytes, 2 * kPmdBytes, 0), Errno::kRange);
  EXPECT_EQ(m.kernel.remove_pages(limit, kSection), Errno::kRange);
  EXPECT_EQ(m.kernel.add_device({.start = limit, .bytes = kSection}), Errno::kRange);
  ASSERT_TRUE(ok(m.kernel.hot_add(limit - kSection, kSection, 0)));
}

TEST(Hotplug, L8_BootMemoryGoesWithItsWholeMapAndKeepsItsUsageMap) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  // A section in the middle, all of it free: its struct pages lie elsewhere, in memory from boot.
  const PhysAddr start(4 * kSection);
  const VirtAddr map = m.page(pfn_of(start));
  const PhysAddr block = leaf_address(m.entry(2, map), kPmdBytes);
  const uint64_t entry = m.memory.load(*m.kernel.section_entry(4) + 8, 8);
  ASSERT_TRUE(ok(m.kernel.hot_remove(start, kSection)));
  EXPECT_EQ(m.entry(2, map), 0u);
  EXPECT_EQ(m.kernel.section_mem_map(4), 0u);
  EXPECT_EQ(m.memory.load(*m.kernel.section_entry(4) + 8, 8), entry);  // usage maps of boot are kept
  EXPECT_EQ(m.kernel.counts().vmemmap_blocks_pages, 15 * 512u);
  EXPECT_EQ(m.field(pfn_of(block) + 511, 52, 4), 0u);  // given to the buddy allocator
  ASSERT_TRUE(ok(m.kernel.hot_add(start, kSection, 0)));
  EXPECT_EQ(m.kernel.section_mem_map(4), 0xffffea0000000003u);  // no longer early
  EXPECT_EQ(m.memory.load(*m.kernel.section_entry(4) + 8, 8), entry);
}

TEST(Hotplug, ManySectionsFarApartReuseNothing) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const uint64_t tables = m.kernel.counts().vmemmap_table_pages;
  ASSERT_TRUE(ok(m.kernel.hot_add(PhysAddr(68 * kGiB), 2 * kSection, 0)));
  ASSERT_TRUE(ok(m.kernel.hot_add(PhysAddr(130 * kGiB), kSection, 0)));
  EXPECT_EQ(m.kernel.counts().vmemmap_table_pages, tables + 2);
}

TEST(Hotplug, SectionRootsComeOnDemand) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  EXPECT_FALSE(m.kernel.section_entry(8192));
  ASSERT_TRUE(ok(m.kernel.hot_add(PhysAddr(kTiB), kSection, 0)));
  uint64_t roots = 0;
  for (const AllocEvent& a : m.events.allocs) roots += std::string_view(a.cause) == "sparse_index_alloc" ? 1 : 0;
  EXPECT_EQ(roots, 1u);
  ASSERT_TRUE(m.kernel.section_entry(8192));
  EXPECT_EQ(m.memory.load(*m.kernel.section_entry(8192), 8), 0xffffea0000000003u);
}

}  // namespace
}  // namespace mmusim::mm::test
