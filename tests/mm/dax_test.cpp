// SPDX-License-Identifier: MIT
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

DeviceMemory dax(uint64_t bytes, unsigned shift) {
  return {.start = kFourGib, .bytes = bytes, .pmem_namespace = false, .vmemmap_shift = shift};
}

TEST(CompoundDax, L16_TwoPagesForEach2MiBCompoundPage) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_device(dax(kSection, 9))));
  EXPECT_EQ(m.distinct_pages(kVmemmapStart, kPmdBytes), 64 * 2u);
  const PhysAddr tail = entry_address(m.entry(1, kVmemmapStart + kPageBytes));
  for (unsigned i = 2; i < 8; ++i) EXPECT_EQ(entry_address(m.entry(1, kVmemmapStart + i * kPageBytes)), tail);
  EXPECT_NE(entry_address(m.entry(1, kVmemmapStart)), tail);
  EXPECT_EQ(m.entry(1, kVmemmapStart + 7 * kPageBytes) & ~kEntryAddressMask, 0x8000000000000163u);  // writable
  EXPECT_EQ(m.field(pfn_of(tail), 52, 4), 1u + 6);                                                  // [P-11]
}

TEST(CompoundDax, L16_OneTailPageForEightSectionsOfA1GiBCompoundPage) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_device(dax(kGiB, 18))));
  EXPECT_EQ(m.events.leaf_writes(1), 4096u);
  EXPECT_EQ(m.distinct_pages(kVmemmapStart, 8 * kPmdBytes), 2u);
  const PhysAddr tail = entry_address(m.entry(1, kVmemmapStart + kPageBytes));
  EXPECT_EQ(m.field(pfn_of(tail), 52, 4), 4095u);
}

TEST(CompoundDax, L16_ContinuationCountsFromTheStartOfTheRange) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  // The range begins in the middle of a naturally aligned GiB; its own first GiB is the compound page.
  DeviceMemory device = dax(2 * kGiB, 18);
  device.start = kFourGib + 4 * kSection;
  ASSERT_TRUE(ok(m.kernel.add_device(device)));
  const VirtAddr start = m.page(pfn_of(device.start));
  EXPECT_EQ(m.distinct_pages(start, 8 * kPmdBytes), 2u);
  EXPECT_EQ(m.distinct_pages(start, 16 * kPmdBytes), 4u);
}

TEST(CompoundDax, L15_NothingIsSharedBefore5_19OrWithOddStructPages) {
  for (const Profile& p : profiles()) {
    Machine m(version(p.version));
    ASSERT_TRUE(ok(m.boot()));
    ASSERT_TRUE(ok(m.kernel.add_device(dax(kSection, 9))));
    const bool shares = p.version >= KernelVersion::kV6_1;
    EXPECT_EQ(entry_leaf(m.entry(2, kVmemmapStart)), !shares) << p.name;
    if (!shares) continue;
    EXPECT_EQ(m.distinct_pages(kVmemmapStart, kPmdBytes), 128u) << p.name;  // two for each 2 MiB
  }
  KernelConfig odd;
  odd.struct_page_bytes = 80;
  Machine kmsan(odd);
  ASSERT_TRUE(ok(kmsan.boot()));
  ASSERT_TRUE(ok(kmsan.kernel.add_device(dax(kSection, 9))));
  EXPECT_TRUE(entry_leaf(kmsan.entry(2, kmsan.page(Pfn(0x100000)) + kPmdBytes)));
}

TEST(CompoundDax, L17_OnlyTheOwnPagesOfACompoundPageAreInitialised) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_device(dax(kSection, 9))));
  const uint64_t head = m.page(Pfn(0x100000)).raw();
  EXPECT_NE(m.field(Pfn(0x100000), 0, 8) >> 16 & 1, 0u);  // PG_head
  EXPECT_EQ(m.field(Pfn(0x100001), 8, 8), head | 1);
  EXPECT_EQ(m.field(Pfn(0x10007f), 8, 8), head | 1);
  EXPECT_EQ(m.field(Pfn(0x10007f), 52, 4), 0u);
  // The shared page repeats: struct page 128 reads as struct page 64.
  EXPECT_EQ(m.field(Pfn(0x100080), 8, 8), m.field(Pfn(0x100040), 8, 8));
}

TEST(CompoundDax, ADeviceSmallerThanItsCompoundPageIsInitialisedToItsEnd) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  DeviceMemory device{.start = kFourGib, .bytes = 200 * kMiB, .memmap = DeviceMemmap::kDevice, .vmemmap_shift = 18};
  ASSERT_TRUE(ok(m.kernel.add_device(device)));
  const Pfn last = pfn_of(kFourGib + 200 * kMiB - kPageBytes);
  EXPECT_EQ(m.field(last, 8, 8) & 1, 1u);  // a tail
}

TEST(CompoundDax, L18_RemovalDropsTheReferencesAndFreesTheLast) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const MemoryCounts before = m.kernel.counts();
  ASSERT_TRUE(ok(m.kernel.add_device(dax(kGiB, 18))));
  ASSERT_TRUE(ok(m.kernel.remove_device(kFourGib)));
  const MemoryCounts after = m.kernel.counts();
  EXPECT_EQ(after.free_pages, before.free_pages);
  EXPECT_EQ(after.vmemmap_blocks_pages, before.vmemmap_blocks_pages);
  EXPECT_EQ(after.vmemmap_table_pages, before.vmemmap_table_pages);
}

TEST(CompoundDax, P15_TopLevelEntriesReachProcessesWithoutAFinalSync) {
  KernelConfig config;
  config.processes = 1;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  DeviceMemory device = dax(kSection, 9);
  device.start = PhysAddr(32 * kTiB);
  ASSERT_TRUE(ok(m.kernel.add_device(device)));
  uint64_t copies = 0;
  for (const EntryWrite& w : m.events.writes)
    copies += w.index == 469 && w.level == 4 && std::string_view(w.cause) == "sync_global_pgds" ? 1 : 0;
  EXPECT_EQ(copies, 1u);
}

}  // namespace
}  // namespace mmusim::mm::test
