// SPDX-License-Identifier: MIT
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Sparse, C5_EverySectionHoldsTheSameMapAndItsFlags) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  for (uint64_t section = 0; section < 16; ++section) {
    EXPECT_EQ(m.kernel.section_mem_map(section), 0xffffea000000000fu) << section;
  }
  EXPECT_EQ(m.kernel.section_mem_map(16), 0u);
  ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0)));
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000003u);
  ASSERT_TRUE(ok(m.kernel.online(kFourGib, kSection)));
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000007u);
  ASSERT_TRUE(ok(m.kernel.offline(kFourGib, kSection)));
  EXPECT_EQ(m.kernel.section_mem_map(32), 0xffffea0000000003u);
}

TEST(Sparse, L1_ASectionWithOnePageGetsItsWholeMap) {
  MemoryMap map = contiguous(1);
  map.memory.push_back({Pfn(0x100007), Pfn(0x100008), 0});
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_TRUE(entry_leaf(m.entry(2, VirtAddr(0xffffea0004000000))));
}

TEST(Sparse, C7_EarlySectionsAreValidOverTheirHoles) {
  MemoryMap map = contiguous(1);
  map.memory.push_back({Pfn(0x100007), Pfn(0x100008), 0});
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_TRUE(m.kernel.pfn_valid(Pfn(0x100000)));
  EXPECT_TRUE(m.kernel.pfn_valid(Pfn(0x107fff)));
  EXPECT_FALSE(m.kernel.pfn_valid(Pfn(0x108000)));
  EXPECT_FALSE(m.kernel.pfn_valid(Pfn(0x50000)));
}

TEST(Sparse, C6_SubsectionBitsFollowTheRanges) {
  MemoryMap map = contiguous(1);
  map.memory.push_back({Pfn(0x100200), Pfn(0x100600), 0});
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.kernel.subsection_map(0), ~uint64_t{0});
  EXPECT_EQ(m.kernel.subsection_map(32), 0b110u);  // [L-2]
  ASSERT_TRUE(ok(m.kernel.add_pages(PhysAddr(0x140000000), 2 * kPmdBytes, 0)));
  EXPECT_EQ(m.kernel.subsection_map(40), 0b11u);
  EXPECT_TRUE(m.kernel.pfn_valid(Pfn(0x1403ff)));
  EXPECT_FALSE(m.kernel.pfn_valid(Pfn(0x140400)));  // not early: bit by bit
}

TEST(Sparse, ANodeWhoseSectionsAreApartIsPopulatedInGroups) {
  MemoryMap map;
  map.early_tables = EarlyTables::kFromMemblock;
  map.memory = {{Pfn(0), Pfn(0x20000), 0}, {Pfn(0x20000), Pfn(0x40000), 1}, {Pfn(0x40000), Pfn(0x60000), 0}};
  Machine m({}, map);
  ASSERT_TRUE(ok(m.boot()));
  std::vector<std::pair<uint64_t, unsigned>> buffers;
  for (const AllocEvent& a : m.events.allocs)
    if (std::string_view(a.cause) == "sparse_buffer_init") buffers.emplace_back(a.bytes, a.node);
  const std::vector<std::pair<uint64_t, unsigned>> expected{{4 * kPmdBytes, 0}, {4 * kPmdBytes, 1}, {4 * kPmdBytes, 0}};
  EXPECT_EQ(buffers, expected);
}

TEST(Sparse, A5_BlocksAscendWithinTheBufferAndA3_TablesDescend) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  uint64_t last_block = 0;
  uint64_t last_table = ~uint64_t{0};
  for (const AllocEvent& a : m.events.allocs) {
    if (a.source == AllocSource::kSparseBuffer) {
      EXPECT_TRUE(last_block == 0 || a.pa.raw() == last_block + kPageBytes);
      last_block = a.pa.raw();
    } else if (std::string_view(a.cause) == "vmemmap_alloc_block_zero") {
      EXPECT_LT(a.pa.raw(), last_table);
      last_table = a.pa.raw();
    }
  }
  EXPECT_NE(last_block, 0u);
}

TEST(Sparse, A5_WithoutTheBufferBlocksDescend) {
  for (const Profile& p : profiles()) {
    Machine m(version(p.version));
    ASSERT_TRUE(ok(m.boot()));
    std::vector<uint64_t> blocks;
    for (const TableEntry& e : m.tables())
      if (e.level == 2) blocks.push_back(entry_address(e.value).raw());
    ASSERT_EQ(blocks.size(), 16u);
    if (p.version >= KernelVersion::kV7_2) std::reverse(blocks.begin(), blocks.end());
    for (size_t i = 1; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], blocks[i - 1] + kPmdBytes) << p.name;
  }
}

TEST(Sparse, A6_NothingOfTheBufferIsLeftOver) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  for (const AllocEvent& f : m.events.frees) EXPECT_STRNE(f.cause, "sparse_buffer_fini");
}

TEST(Sparse, RootTableGrowsWithThePhysicalAddressSpace) {
  const auto bytes_of_root_table = [](unsigned levels, unsigned section_bytes) {
    KernelConfig config;
    config.levels = levels;
    config.mem_section_bytes = section_bytes;
    Machine m(config);
    EXPECT_TRUE(ok(m.boot()));
    for (const AllocEvent& a : m.events.allocs)
      if (std::string_view(a.cause) == "sparse_init") return a.bytes;
    return uint64_t{0};
  };
  EXPECT_EQ(bytes_of_root_table(4, 32), 32768u);
  EXPECT_EQ(bytes_of_root_table(4, 16), 16384u);
  EXPECT_EQ(bytes_of_root_table(5, 32), 2 * kMiB);
}

/// sizeof(struct mem_section_usage): kernel-versions.md.
uint64_t usage_bytes(KernelVersion v) {
  if (v == KernelVersion::kV5_8) return 40;
  return v >= KernelVersion::kV6_18 ? 88 : 56;
}

TEST(Sparse, UsageMapsLieInTheSectionOfThePgdatUpTo7_0AndOnTheNodeFrom7_1) {
  for (const Profile& p : profiles()) {
    const KernelVersion v = p.version;
    MemoryMap map = contiguous(2);
    map.reserved = {{PhysAddr(0), PhysAddr(kMiB)},
                    {PhysAddr(0x1000000), PhysAddr(0x4411000)},
                    {PhysAddr(0x20000000), PhysAddr(0x20400000)}};
    map.node_data = {{0, PhysAddr(0x20000000)}};
    map.early_tables = EarlyTables::kInsideReserved;
    Machine m(version(v), map);
    ASSERT_TRUE(ok(m.boot()));
    for (const AllocEvent& a : m.events.allocs) {
      if (std::string_view(a.cause) != "sparse_init_nid") continue;
      EXPECT_EQ(a.bytes, 16 * usage_bytes(v)) << p.name;
      EXPECT_EQ(a.pa.raw() >> kSectionShift, v >= KernelVersion::kV7_1 ? 15u : 4u) << p.name;
    }
    for (uint64_t section = 1; section < 16; ++section) {
      EXPECT_EQ(*m.kernel.subsection_map_address(section),
                *m.kernel.subsection_map_address(0) + section * usage_bytes(v));
    }
  }
}

TEST(Sparse, PoisonOfDebugKernelsPerVersion) {
  const auto poisoned = [](KernelVersion v) {
    KernelConfig config = version(v);
    config.debug_vm = true;
    Machine m(config);
    EXPECT_TRUE(ok(m.boot()));
    uint64_t bytes = 0;
    for (const FillEvent& f : m.events.fills) bytes += f.value == 0xff ? f.bytes : 0;
    return bytes;
  };
  const uint64_t maps = 16 * kPmdBytes;
  for (const Profile& p : profiles()) {
    const bool buffer_only = p.version == KernelVersion::kV6_1 || p.version == KernelVersion::kV6_12;
    // The buffer, or what comes without one, and two table pages.
    EXPECT_EQ(poisoned(p.version), buffer_only ? maps : maps + 2 * kPageBytes) << p.name;
  }
}

}  // namespace
}  // namespace mmusim::mm::test
