// SPDX-License-Identifier: MIT
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

// The worked example: one section at 4 GiB, into an empty PMD slot of a booted machine.
TEST(Vmemmap, WorkedExampleHugePages) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  // Boot: first section of all, so the top-level entry, its PUD and PMD tables and the first leaf come in this order.
  const auto boot = m.events.writes_in(m.layout.vmemmap_base(), m.layout.vmemmap_bytes());
  ASSERT_EQ(boot.size(), 2u + 16);
  EXPECT_EQ(boot[0].level, 4u);
  EXPECT_EQ(boot[0].index, 468u);
  EXPECT_EQ(boot[0].entry_va, VirtAddr(0xffffffff80000000 + 0x2a10000 + 0xea0));  // [P-12] through the kernel image
  EXPECT_EQ(boot[0].new_value & ~kEntryAddressMask, 0x67u);
  EXPECT_EQ(boot[1].level, 3u);
  EXPECT_EQ(boot[1].entry_va, m.layout.direct_map(entry_address(boot[0].new_value)));
  EXPECT_EQ(boot[2].new_value & ~kEntryAddressMask, 0x80000000000001e3u);

  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  const auto writes = m.events.writes_in(kVmemmapStart, kPmdBytes);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].level, 2u);
  EXPECT_EQ(writes[0].index, 32u);
  EXPECT_EQ(writes[0].va, kVmemmapStart);
  EXPECT_EQ(writes[0].bytes, kPmdBytes);
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000003u);
  EXPECT_EQ(m.events.lines_with(" [ffffea0004000000-ffffea00041fffff] PMD -> ["), 1u);
}

TEST(Vmemmap, P7_BasePagesWalkFromTheTopForEachPage) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  std::array<uint64_t, 6> reads{};
  for (const EntryRead& r : m.events.reads)
    if (r.va <= kVmemmapStart && std::string_view(r.cause).starts_with("vmemmap_")) ++reads[r.level];
  uint64_t ladder = 0;
  uint64_t verify = 0;
  for (const EntryRead& r : m.events.reads) {
    ladder += std::string_view(r.cause).ends_with("_populate") ? 1 : 0;
    verify += std::string_view(r.cause) == "vmemmap_verify" ? 1 : 0;
  }
  EXPECT_EQ(ladder, 4 * 512u);  // P4D, PUD, PMD, PTE for each of 512 pages
  EXPECT_EQ(verify, 512u);
  EXPECT_EQ(reads[4], 512u);
  EXPECT_EQ(m.events.leaf_writes(1), 512u);
  const auto writes = m.events.writes_in(kVmemmapStart, kPmdBytes);
  ASSERT_EQ(writes.size(), 513u);  // one PTE table
  for (unsigned k = 0; k < 512; ++k) EXPECT_EQ(writes[k + 1].index, k);
}

TEST(Vmemmap, P8_TableIsAllocatedZeroedAndThenPublished) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const auto& order = m.events.order;
  const auto top = std::find_if(m.events.writes.begin(), m.events.writes.end(),
                                [](const EntryWrite& w) { return w.level == 4 && w.index == 468; });
  ASSERT_NE(top, m.events.writes.end());
  const auto nth = std::count_if(m.events.writes.begin(), top, [](const EntryWrite& w) { return w.level == 4; });
  auto at = order.begin();
  for (long n = 0;; ++n) {
    at = std::find(at, order.end(), "write:4");
    if (n == nth) break;
    ++at;
  }
  EXPECT_EQ(*(at - 1), "fill");
  EXPECT_EQ(*(at - 2), "alloc:memblock");
  EXPECT_EQ(*(at - 3), "read:4");
  EXPECT_EQ(*(at + 1), "read:4");  // [P-15] the new top-level entry is synchronised at once
}

TEST(Vmemmap, P8_NothingIsFlushedWhenNoneBecomesPresent) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  EXPECT_TRUE(m.events.flushes.empty());
}

struct LeafCase {
  const char* name;
  void (*change)(KernelConfig&);
  uint64_t leaf;
  uint64_t pte;
};
class LeafFlagsOf : public testing::TestWithParam<LeafCase> {};

TEST_P(LeafFlagsOf, P2_MaskedByWhatTheProcessorHas) {
  KernelConfig config;
  GetParam().change(config);
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.entry(2, m.layout.vmemmap_base()) & ~kEntryAddressMask, GetParam().leaf);
  EXPECT_EQ(m.entry(3, m.layout.vmemmap_base()) & ~kEntryAddressMask, 0x67u);  // tables: never G or NX
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kPmdBytes, 0)));
  EXPECT_EQ(m.entry(1, kVmemmapStart) & ~kEntryAddressMask, GetParam().pte);
}

INSTANTIATE_TEST_SUITE_P(Vmemmap, LeafFlagsOf,
                         testing::Values(LeafCase{"all", [](KernelConfig&) {}, 0x80000000000001e3, 0x8000000000000163},
                                         LeafCase{"pti", [](KernelConfig& c) { c.pti = true; }, 0x80000000000000e3,
                                                  0x8000000000000063},
                                         LeafCase{"no_pge", [](KernelConfig& c) { c.cpu.pge = false; },
                                                  0x80000000000000e3, 0x8000000000000063},
                                         LeafCase{"no_nx", [](KernelConfig& c) { c.cpu.nx = false; }, 0x1e3, 0x163}),
                         [](const auto& test) { return test.param.name; });

TEST(Vmemmap, P3_AnEntryWithOnlyAccessedAndDirtyIsNone) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const PhysAddr pmd_table = entry_address(m.entry(3, m.layout.vmemmap_base()));
  m.phys.store64(pmd_table + 8 * 32, kPageAccessed | kPageDirty);
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  EXPECT_TRUE(entry_leaf(m.entry(2, kVmemmapStart)));
}

TEST(Vmemmap, P6_LessThanASectionTakesBasePages) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kPmdBytes, 0)));
  EXPECT_EQ(m.events.leaf_writes(1), 8u);  // a sub-section is 8 pages
  EXPECT_EQ(m.entry(2, kVmemmapStart) & ~kEntryAddressMask, 0x67u);
}

TEST(Vmemmap, P6_NoPseWithAltmapFailsWritesNothingAndSaysSoOnce) {
  KernelConfig config;
  config.cpu.pse = config.cpu.gbpages = false;
  Machine m(config, contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  for (int round = 0; round < 2; ++round) {
    m.events.writes.clear();
    EXPECT_EQ(m.kernel.hot_add(kFourGib, kSection, 0, /*memmap_on_memory=*/true), Errno::kNoMemory);
    EXPECT_TRUE(m.events.writes_in(kVmemmapStart, kPmdBytes).empty());
  }
  EXPECT_EQ(m.events.lines_with("vmemmap_populate: no cpu support for altmap allocations"), 1u);
}

TEST(Vmemmap, P6_NoPseMapsEverythingWithBasePages) {
  KernelConfig config;
  config.cpu.pse = config.cpu.gbpages = false;
  Machine m(config, contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  uint64_t leaves = 0;
  for (const TableEntry& e : m.tables()) leaves += e.level == 1 ? 1 : 0;
  EXPECT_EQ(leaves, 4096u);
}

TEST(Vmemmap, H1_AFailedBlockFallsBackToBasePagesForThatPmdOnly) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.kernel.fail_allocation({AllocKind::kLeafBlock, 2, 1});
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, 3 * kSection, 0)));
  EXPECT_TRUE(entry_leaf(m.entry(2, kVmemmapStart)));
  EXPECT_FALSE(entry_leaf(m.entry(2, kVmemmapStart + kPmdBytes)));
  EXPECT_EQ(m.entry(1, kVmemmapStart + kPmdBytes) & ~kEntryAddressMask, 0x8000000000000163u);
  EXPECT_TRUE(entry_leaf(m.entry(2, kVmemmapStart + 2 * kPmdBytes)));
}

TEST(Vmemmap, H1_WithAnAltmapThereIsNoFallback) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  m.kernel.fail_allocation({AllocKind::kLeafBlock, 1, 1});
  EXPECT_EQ(m.kernel.hot_add(kFourGib, kSection, 0, /*memmap_on_memory=*/true), Errno::kNoMemory);
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);
}

TEST(Vmemmap, H4_LogLinesJoinNeighbouringBlocksAndIgnoreHolesInTheMap) {
  MemoryMap map = contiguous(1);
  map.memory.push_back({pfn_of(kFourGib), pfn_of(kFourGib + kSection), 0});
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  // Nine sections with a hole of the map between, one contiguous buffer: one line, over the hole.
  EXPECT_EQ(m.events.lines_with("] PMD -> ["), 1u);
  EXPECT_EQ(m.events.lines_with(" [ffffea0000000000-ffffea00041fffff] PMD -> ["), 1u);
}

MemoryMap full_second_node() {
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x40000), 0}, {Pfn(0x40000), Pfn(0x48000), 1}};  // 1 GiB, 128 MiB
  map.early_tables = EarlyTables::kFromMemblock;
  map.reserved = {{PhysAddr(0), PhysAddr(kMiB)},
                  {PhysAddr(0x1000000), PhysAddr(0x4411000)},
                  {PhysAddr(0x40000000), PhysAddr(0x48000000)}};
  return map;
}

TEST(Vmemmap, VerifyWarnsOfOffnodeStructPagesOnceAndInOldKernelsEveryTime) {
  for (const Profile& p : profiles()) {
    KernelConfig config = version(p.version);
    config.vmemmap_pages = VmemmapPages::kBase;
    Machine m(config, full_second_node());
    ASSERT_TRUE(ok(m.boot()));
    const bool old = p.version <= KernelVersion::kV5_10;
    EXPECT_EQ(m.events.lines_with("potential offnode page_structs"), old ? 512u : 1u) << p.name;
    EXPECT_EQ(m.events.lines_with("[ffffea0001000000-ffffea0001000fff] potential offnode page_structs"), 1u);
  }
}

TEST(Vmemmap, P14_SyncCopiesNewTopLevelEntriesToEveryProcess) {
  KernelConfig config;
  config.processes = 2;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  // 8 TiB of physical memory is 128 GiB of map: the next top-level slot begins at 32 TiB.
  const PhysAddr far(32 * kTiB);
  ASSERT_TRUE(ok(m.kernel.add_pages(far, kSection, 0)));
  uint64_t synced = 0;
  for (const EntryWrite& w : m.events.writes) {
    if (w.level != 4 || w.index != 469) continue;
    synced += std::string_view(w.cause) == "sync_global_pgds" ? 1 : 0;
  }
  EXPECT_EQ(synced, 2u);
  const auto root = m.kernel.create_process();
  ASSERT_TRUE(root);
  EXPECT_EQ(m.phys.load64(*root + 8 * 469), m.phys.load64(m.kernel.root() + 8 * 469));
}

TEST(Vmemmap, P14_NoSyncAfterAFailure) {
  KernelConfig config;
  config.processes = 1;
  config.version = KernelVersion::kV5_8;  // without the immediate sync
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  m.kernel.fail_allocation({AllocKind::kTable, 2, 1});  // the PMD table, after the PUD table was linked
  EXPECT_EQ(m.kernel.add_pages(PhysAddr(32 * kTiB), kSection, 0), Errno::kNoMemory);
  for (const EntryRead& r : m.events.reads)
    EXPECT_FALSE(std::string_view(r.cause) == "sync_global_pgds" && m.layout.in_vmemmap(r.va));
}

TEST(Vmemmap, FiveLevelsHaveATableMore) {
  KernelConfig config;
  config.levels = 5;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  const auto boot = m.events.writes_in(m.layout.vmemmap_base(), m.layout.vmemmap_bytes());
  ASSERT_EQ(boot.size(), 3u + 16);
  EXPECT_EQ(boot[0].level, 5u);
  EXPECT_EQ(boot[0].index, 468u);
  EXPECT_EQ(boot[1].level, 4u);
  EXPECT_EQ(boot[1].index, 0u);
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  EXPECT_TRUE(entry_leaf(m.entry(2, VirtAddr(0xffd4000004000000))));
}

}  // namespace
}  // namespace mmusim::mm::test
