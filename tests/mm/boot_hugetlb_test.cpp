// SPDX-License-Identifier: MIT
// Gigantic HugeTLB pages that boot reserves, version by version: when they are mapped, where their pages come from, in
// which order, what their tails map and when those lose their write permission [kernel-versions.md, "Boot-time gigantic
// folios, allocation by allocation"; vmemmap spec 5.6.5].
#include <set>

#include "mm/struct_page.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

constexpr uint64_t kPtes = 4096;        // of one folio's struct pages
constexpr uint64_t kFolioSections = 8;  // 128 MiB each
constexpr auto kAtBoot = {KernelVersion::kV6_16, KernelVersion::kV6_18, KernelVersion::kV7_1, KernelVersion::kV7_2,
                          KernelVersion::kV7_3};
constexpr auto kFromBuffer = {KernelVersion::kV6_16, KernelVersion::kV6_18};
constexpr auto kAfterZones = {KernelVersion::kV7_1, KernelVersion::kV7_2};

/// 6 GiB, two gigantic pages at 4 GiB and 5 GiB, allocated from the top down.
MemoryMap two_pages() {
  MemoryMap map = contiguous(7);
  map.boot_hugetlb = {{PhysAddr(5 * kGiB), PhysAddr(6 * kGiB)}, {PhysAddr(4 * kGiB), PhysAddr(5 * kGiB)}};
  return map;
}

struct Booted {
  explicit Booted(KernelVersion v, const MemoryMap& map = two_pages()) : Booted(hvo(v), map) {}
  Booted(const KernelConfig& config, const MemoryMap& map) : m(config, map) {
    EXPECT_TRUE(ok(m.boot()));
    for (const Folio& f : m.kernel.boot_folios()) starts.push_back(m.page(f.head));
  }
  uint64_t pte(size_t folio, uint64_t i) const { return m.entry(1, starts[folio] + i * kPageBytes); }
  PhysAddr head(size_t folio) const { return entry_address(pte(folio, 0)); }
  PhysAddr tail(size_t folio) const { return entry_address(pte(folio, 1)); }
  /// Level-1 and level-2 entries of the vmemmap as they were first written: "leaf" for 2 MiB, else the folio's number.
  std::vector<std::string> populate_order() const {
    std::vector<std::string> order;
    for (const EntryWrite& w : m.events.writes) {
      if (!m.layout.in_vmemmap(w.va) || w.old_value != 0 || w.level > 2) continue;
      std::string what = w.level == 2 && entry_leaf(w.new_value) ? "leaf" : "";
      for (size_t i = 0; i < starts.size(); ++i)
        if (starts[i] <= w.va && w.va < starts[i] + kPtes * kPageBytes) what = std::to_string(i);
      if (order.empty() || order.back() != what) order.push_back(what);
    }
    return order;
  }
  std::vector<AllocEvent> allocations(std::string_view cause) const {
    std::vector<AllocEvent> found;
    for (const AllocEvent& a : m.events.allocs)
      if (a.cause == cause) found.push_back(a);
    return found;
  }
  /// Folios in the order in which the write protection reached them.
  std::vector<size_t> protect_order() const {
    std::vector<size_t> order;
    for (const EntryWrite& w : m.events.writes) {
      if (std::string_view(w.cause) != "vmemmap_wrprotect_hvo") continue;
      for (size_t i = 0; i < starts.size(); ++i) {
        const bool here = starts[i] <= w.va && w.va < starts[i] + kPtes * kPageBytes;
        if (here && (order.empty() || order.back() != i)) order.push_back(i);
      }
    }
    return order;
  }
  uint64_t protected_tails(size_t folio) const {
    uint64_t n = 0;
    for (uint64_t i = 0; i < kPtes; ++i) n += pte(folio, i) >> 58 & 1;
    return n;
  }

  Machine m;
  std::vector<VirtAddr> starts;  // of the folios' struct pages, in order of allocation
};

TEST(BootHugetlb, MappedOptimisedAtBootFrom6_15AndByHugetlbInitBefore) {
  for (const Profile& p : profiles()) {
    Booted b(p.version);
    ASSERT_EQ(b.starts.size(), 2u) << p.name;
    const bool at_boot = p.version >= KernelVersion::kV6_16;
    EXPECT_EQ(entry_leaf(b.m.entry(2, b.starts[0])), !at_boot) << p.name;
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    const bool has_hvo = p.version >= KernelVersion::kV6_1;
    EXPECT_EQ(b.m.kernel.hugetlb_optimized().size(), has_hvo ? 2u : 0u) << p.name;
    EXPECT_EQ(entry_leaf(b.m.entry(2, b.starts[0])), !has_hvo) << p.name;
    if (at_boot || !has_hvo) continue;
    EXPECT_EQ(b.pte(0, 1) & ~kEntryAddressMask, profile_of(p.version).page_kernel_ro) << p.name;
  }
}

TEST(BootHugetlb, WithoutHvoTheirSectionsAreMappedWhole) {
  for (const Profile& p : profiles()) {
    Booted b(version(p.version), two_pages());
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    EXPECT_TRUE(entry_leaf(b.m.entry(2, b.starts[0])));
    EXPECT_EQ(b.m.events.leaf_writes(1), 0u);
    EXPECT_TRUE(b.m.kernel.hugetlb_optimized().empty());
  }
}

TEST(BootHugetlb, PlaceInTheBoot) {
  const std::vector<std::string> before{"1", "0", "leaf"}, after{"leaf", "1", "0"}, newest{"0", "1", "leaf"};
  for (const auto v : kFromBuffer) EXPECT_EQ(Booted(v).populate_order(), before);
  for (const auto v : kAfterZones) EXPECT_EQ(Booted(v).populate_order(), after);
  EXPECT_EQ(Booted(KernelVersion::kV7_3).populate_order(), newest);
}

TEST(BootHugetlb, TailsMapTheHeadPageUpTo7_0) {
  for (const auto v : kFromBuffer) {
    Booted b(v);
    for (const size_t folio : {0u, 1u}) {
      for (uint64_t i = 1; i < kPtes; ++i) ASSERT_EQ(entry_address(b.pte(folio, i)), b.head(folio));
    }
    EXPECT_NE(b.head(0), b.head(1));
  }
}

TEST(BootHugetlb, TailsMapOnePageOfTheZoneFrom7_1) {
  for (const auto v : {KernelVersion::kV7_1, KernelVersion::kV7_2, KernelVersion::kV7_3}) {
    Booted b(v);
    for (const size_t folio : {0u, 1u}) {
      for (uint64_t i = 1; i < kPtes; ++i) ASSERT_EQ(entry_address(b.pte(folio, i)), b.tail(0));
    }
    EXPECT_EQ(std::set<PhysAddr>({b.head(0), b.head(1), b.tail(0)}).size(), 3u);
  }
}

TEST(BootHugetlb, TheSharedPageIsThatOfTheFoliosZone) {
  for (const auto v : {KernelVersion::kV7_1, KernelVersion::kV7_2, KernelVersion::kV7_3}) {
    MemoryMap map = contiguous(7);
    map.boot_hugetlb = {{PhysAddr(5 * kGiB), PhysAddr(6 * kGiB)}, {PhysAddr(2 * kGiB), PhysAddr(3 * kGiB)}};
    Booted b(v, map);
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    EXPECT_NE(b.tail(0), b.tail(1));
    EXPECT_EQ(b.m.phys.load64(b.tail(0)), fresh_page_flags(0, Zone::kNormal));
    EXPECT_EQ(b.m.phys.load64(b.tail(1)), fresh_page_flags(0, Zone::kDma32));  // needs the zones
    EXPECT_EQ(b.m.phys.load64(b.tail(1) + 8), 0xffffffffff000001u);            // 5.6.4, order 18
  }
}

TEST(BootHugetlb, HeadsComeFromTheSparseBufferUpTo7_0) {
  for (const auto v : kFromBuffer) {
    Booted b(v);
    const auto buffer = b.allocations("sparse_buffer_init");
    ASSERT_EQ(buffer.size(), 1u);
    EXPECT_EQ(buffer[0].bytes, 7 * kFolioSections * kPmdBytes);  // for all sections, those of the folios included
    EXPECT_EQ(b.head(1), buffer[0].pa);                          // last allocated first
    EXPECT_EQ(b.head(0), buffer[0].pa + kPageBytes);
    // The cursor rounds up to 2 MiB; the gap goes back to memblock.
    EXPECT_EQ(entry_address(b.m.entry(2, b.m.page(Pfn(0)))), buffer[0].pa + kPmdBytes);
    bool gap = false;
    for (const AllocEvent& f : b.m.events.frees)
      gap |= std::string_view(f.cause) == "sparse_buffer_free" && f.pa == buffer[0].pa + 2 * kPageBytes &&
             f.bytes == kPmdBytes - 2 * kPageBytes;
    EXPECT_TRUE(gap);
  }
}

TEST(BootHugetlb, In7_1TheBufferIsAsLargeAndTheFirstLeafAtItsStart) {
  Booted b(KernelVersion::kV7_1);
  const auto buffer = b.allocations("sparse_buffer_init");
  ASSERT_EQ(buffer.size(), 1u);
  EXPECT_EQ(buffer[0].bytes, 7 * kFolioSections * kPmdBytes);
  EXPECT_EQ(entry_address(b.m.entry(2, b.m.page(Pfn(0)))), buffer[0].pa);
  for (const size_t folio : {0u, 1u}) EXPECT_GT(b.head(folio), buffer[0].pa + buffer[0].bytes - 1);
}

TEST(BootHugetlb, From7_1SharedPageThenTablesFromTheTopThenHead) {
  for (const auto v : {KernelVersion::kV7_1, KernelVersion::kV7_2, KernelVersion::kV7_3}) {
    Booted b(v);
    const bool sections_first = v != KernelVersion::kV7_3;
    const size_t first = sections_first ? 1 : 0;
    // In 7.3 the folio makes all tables; before it only its PTE tables are missing. Top-down: addresses descend.
    PhysAddr next = b.tail(first);
    if (!sections_first) {
      const PhysAddr pud = entry_address(b.m.entry(4, b.starts[0]));
      const PhysAddr pmd = entry_address(b.m.entry(3, b.starts[0]));
      EXPECT_EQ(pud, next - kPageBytes);
      EXPECT_EQ(pmd, next - 2 * kPageBytes);
      next = pmd;
    }
    for (uint64_t table = 0; table < kFolioSections; ++table) {
      next = next - kPageBytes;
      EXPECT_EQ(entry_address(b.m.entry(2, b.starts[first] + table * kPmdBytes)), next);
      if (table != 0) continue;
      next = next - kPageBytes;
      EXPECT_EQ(b.head(first), next);
    }
    // The other folio has no shared page to make.
    EXPECT_EQ(entry_address(b.m.entry(2, b.starts[1 - first])), next - kPageBytes);
    EXPECT_EQ(b.head(1 - first), next - 2 * kPageBytes);
  }
}

TEST(BootHugetlb, PagesComeFrom16MiBUpBeforeTheyComeFromTheNode) {
  // All that the folio leaves of its node lies below 16 MiB; the other node has room, and the kernel image.
  MemoryMap map = contiguous(2);
  map.memory = {{Pfn(0x100), Pfn(0x1000), 0}, {Pfn(0x40000), Pfn(0x80000), 0}, {Pfn(0x100000), Pfn(0x180000), 1}};
  map.boot_hugetlb = {{PhysAddr(kGiB), PhysAddr(2 * kGiB)}};
  map.reserved = {{PhysAddr(4 * kGiB + 16 * kMiB), PhysAddr(4 * kGiB + 80 * kMiB)}};
  map.node_data = {{0, PhysAddr(4 * kGiB + 64 * kMiB)}, {1, PhysAddr(4 * kGiB + 65 * kMiB)}};
  map.early_tables = EarlyTables::kInsideReserved;
  for (const auto v : {KernelVersion::kV7_1, KernelVersion::kV7_2, KernelVersion::kV7_3}) {
    KernelConfig config = hvo(v);
    config.kernel_phys_base = (4 * kGiB);
    config.init_top_pgt_pa = PhysAddr(4 * kGiB + 0x2a10000);
    Booted b(config, map);
    EXPECT_GE(b.tail(0).raw(), 4 * kGiB);
    EXPECT_GE(b.head(0).raw(), 4 * kGiB);
    EXPECT_GE(entry_address(b.m.entry(2, b.starts[0])).raw(), 4 * kGiB);
  }
}

TEST(BootHugetlb, WritablePtesAtFirst) {
  for (const auto v : kAtBoot) {
    if (profile_of(v).boot_folios_protected_early) continue;
    Booted b(v);
    for (uint64_t i = 0; i < kPtes; ++i) ASSERT_EQ(b.pte(0, i) & ~kEntryAddressMask, 0x8000000000000163u);
  }
}

TEST(BootHugetlb, V8_63TailsAreProtectedUpTo7_1AndAllFrom7_2) {
  for (const auto v : kAtBoot) {
    Booted b(v);
    EXPECT_EQ(b.protected_tails(0), v == KernelVersion::kV7_3 ? 4095u : 0u);  // 7.3: before mem_init
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    const uint64_t expected = v <= KernelVersion::kV7_1 ? 63 : 4095;
    for (const size_t folio : {0u, 1u}) {
      EXPECT_EQ(b.protected_tails(folio), expected);
      EXPECT_EQ(b.pte(folio, 0) & ~kEntryAddressMask, 0x8000000000000163u);
      EXPECT_EQ(b.pte(folio, 1) & ~kEntryAddressMask, 0x8400000000000121u);
      EXPECT_EQ(b.pte(folio, 63) & ~kEntryAddressMask, 0x8400000000000121u);
      EXPECT_EQ(b.pte(folio, 64) & ~kEntryAddressMask, expected == 63 ? 0x8000000000000163u : 0x8400000000000121u);
    }
  }
}

TEST(BootHugetlb, ProtectionGoesThroughTheFoliosTheOtherWayRound) {
  for (const auto v : kAtBoot) {
    Booted b(v);
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    const std::vector<size_t> first_first{0, 1}, last_first{1, 0};
    EXPECT_EQ(b.protect_order(), v == KernelVersion::kV7_3 ? last_first : first_first);
  }
}

TEST(BootHugetlb, PopulatedNodeByNode) {
  MemoryMap map = contiguous(2);
  map.memory = {{Pfn(0), Pfn(0x100000), 0}, {Pfn(0x100000), Pfn(0x1c0000), 1}};  // 4 GiB and 3 GiB
  map.boot_hugetlb = {{PhysAddr(5 * kGiB), PhysAddr(6 * kGiB)},
                      {PhysAddr(2 * kGiB), PhysAddr(3 * kGiB)},
                      {PhysAddr(4 * kGiB), PhysAddr(5 * kGiB)}};
  const std::vector<std::string> before{"1", "leaf", "2", "0", "leaf"}, after{"leaf", "1", "2", "0"},
      newest{"1", "leaf", "0", "2", "leaf"};
  for (const auto v : kFromBuffer) EXPECT_EQ(Booted(v, map).populate_order(), before);
  for (const auto v : kAfterZones) EXPECT_EQ(Booted(v, map).populate_order(), after);
  EXPECT_EQ(Booted(KernelVersion::kV7_3, map).populate_order(), newest);
  for (const auto v : kAtBoot) {
    Booted b(v, map);
    for (const size_t folio : {0u, 1u, 2u}) {
      const unsigned node = folio == 1 ? 0 : 1;
      EXPECT_EQ(b.head(folio).raw() >= 4 * kGiB ? 1u : 0u, node);  // their struct pages lie on their node
      EXPECT_EQ(b.tail(folio).raw() >= 4 * kGiB ? 1u : 0u, node);
    }
  }
}

TEST(BootHugetlb, PreinitSectionsTakeTheFirstUsageMaps) {
  for (const auto v : kAtBoot) {
    Booted b(v);
    const uint64_t first = pfn_of(PhysAddr((v == KernelVersion::kV7_3 ? 5 : 4) * kGiB)).raw / kPagesPerSection;
    const VirtAddr lowest = *b.m.kernel.subsection_map_address(first);
    const uint64_t bytes = profile_of(v).section_usage_bytes;
    EXPECT_EQ(*b.m.kernel.subsection_map_address(first + 1), lowest + bytes);
    EXPECT_EQ(*b.m.kernel.subsection_map_address(0), lowest + 2 * kFolioSections * bytes);
    EXPECT_EQ(b.m.kernel.section_mem_map(first) & 0x3f, 0x2fu);  // IS_VMEMMAP_PREINIT
    EXPECT_EQ(b.m.kernel.section_mem_map(0) & 0x3f, 0xfu);
  }
}

TEST(BootHugetlb, BootMemmapPagesOfPreinitSectionsAreNotRegistered) {
  for (const auto v : kAtBoot) {
    Booted b(v);
    uint64_t reads = 0;
    for (const EntryRead& r : b.m.events.reads) {
      if (std::string_view(r.cause) != "register_page_bootmem_memmap") continue;
      ++reads;
      EXPECT_FALSE(b.starts[1] <= r.va && r.va < b.starts[0] + kPtes * kPageBytes);
    }
    EXPECT_EQ(reads == 0, v == KernelVersion::kV7_3);  // gone in 7.3
  }
}

TEST(BootHugetlb, RestoredFoliosCanBeFreed) {
  for (const Profile& p : profiles()) {
    if (p.version < KernelVersion::kV6_1) continue;
    Booted b(p.version);
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_init()));
    const auto folios = b.m.kernel.boot_folios();
    EXPECT_EQ(b.m.kernel.hugetlb_folios().size(), 2u);
    ASSERT_TRUE(ok(b.m.kernel.hugetlb_restore(folios)));
    EXPECT_EQ(b.m.distinct_pages(b.starts[0], kFolioSections * kPmdBytes), kPtes) << p.name;
    EXPECT_EQ(b.pte(0, 4095) & ~kEntryAddressMask, 0x8000000000000163u);
    const uint64_t free = b.m.kernel.counts().free_pages;
    b.m.kernel.hugetlb_free(folios);
    EXPECT_EQ(b.m.kernel.counts().free_pages, free + 2 * (kGiB >> kPageShift)) << p.name;
    EXPECT_TRUE(b.m.kernel.hugetlb_folios().empty());
  }
}

TEST(BootHugetlb, CountedPagesAreAllocatedTopDownInTurnFromTheNodes) {
  for (const Profile& p : profiles()) {
    KernelConfig config = hvo(p.version);
    config.boot_gigantic_pages = 3;
    MemoryMap map = contiguous(2);
    map.memory = {{Pfn(0), Pfn(0x100000), 0}, {Pfn(0x100000), Pfn(0x200000), 1}};
    Booted b(config, map);
    const auto folios = b.m.kernel.boot_folios();
    ASSERT_EQ(folios.size(), 3u) << p.name;
    EXPECT_LT(folios[0].head.raw, 0x100000u);
    EXPECT_GE(folios[1].head.raw, 0x100000u);
    EXPECT_LT(folios[2].head.raw, folios[0].head.raw);
  }
}

TEST(BootHugetlb, NamedPagesMustBeFreeMemory) {
  for (const auto v : {KernelVersion::kV6_1, KernelVersion::kV7_3}) {
    MemoryMap map = contiguous(2);
    map.boot_hugetlb = {{PhysAddr(0), PhysAddr(kGiB)}};  // the kernel image is there
    Machine m(hvo(v), map);
    EXPECT_THROW((void)m.boot(), InputError);
  }
}

}  // namespace
}  // namespace mmusim::mm::test
