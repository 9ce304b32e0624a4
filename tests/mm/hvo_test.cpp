// SPDX-License-Identifier: MIT
#include <set>

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

constexpr auto kAllForms = {KernelVersion::kV6_1, KernelVersion::kV6_12, KernelVersion::kV6_16, KernelVersion::kV6_18,
                            KernelVersion::kV7_1, KernelVersion::kV7_2,  KernelVersion::kV7_3};

struct Optimized {
  explicit Optimized(KernelVersion v, unsigned order = 9, uint64_t count = 1, uint64_t gib = 4)
      : m(hvo(v), contiguous(gib)) {
    EXPECT_TRUE(ok(m.boot()));
    folios = m.kernel.hugetlb_alloc(order, count, 0);
    EXPECT_EQ(folios.size(), count);
    start = m.page(folios.at(0).head);
    pages_before = mapped(order);
    free_before = m.kernel.counts().free_pages;
    m.events.clear();
    EXPECT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
  }
  std::vector<uint64_t> mapped(unsigned order) const {
    std::vector<uint64_t> pages;
    for (uint64_t i = 0; i < (uint64_t{64} << order) / kPageBytes; ++i) {
      const uint64_t pmd = m.entry(2, start + i * kPageBytes);
      pages.push_back(entry_leaf(pmd) ? leaf_address(pmd, kPmdBytes).raw() + (start.raw() + i * kPageBytes) % kPmdBytes
                                      : m.entry(1, start + i * kPageBytes));
    }
    return pages;
  }
  uint64_t pte(unsigned i) const { return m.entry(1, start + i * kPageBytes); }

  Machine m;
  std::vector<Folio> folios;
  VirtAddr start;
  std::vector<uint64_t> pages_before;
  uint64_t free_before = 0;
};

TEST(Hvo, V1_SplitFillsTheTableAndOverwritesTheLeaf) {
  Optimized o(KernelVersion::kV6_1);
  const auto writes = o.m.events.writes;
  ASSERT_GE(writes.size(), 513u);
  for (unsigned i = 0; i < 512; ++i) {
    ASSERT_EQ(writes[i].level, 1u);
    ASSERT_EQ(writes[i].index, i);
  }
  EXPECT_EQ(writes[512].level, 2u);
  EXPECT_TRUE(entry_leaf(writes[512].old_value));  // no clear in between
  EXPECT_EQ(writes[512].new_value & ~kEntryAddressMask, 0x67u);
  EXPECT_EQ(writes.size(), 513u + 7);
}

TEST(Hvo, HeadStaysInPlaceIn6_1) {
  Optimized o(KernelVersion::kV6_1);
  EXPECT_EQ(entry_address(o.pte(0)).raw(), o.pages_before[0]);
  EXPECT_EQ(o.pte(0) & ~kEntryAddressMask, 0x8000000000000163u);
  for (unsigned i = 1; i < 8; ++i) {
    EXPECT_EQ(entry_address(o.pte(i)), entry_address(o.pte(0)));
    EXPECT_EQ(o.pte(i) & ~kEntryAddressMask, 0x8000000000000161u);
  }
  EXPECT_EQ(o.m.kernel.counts().free_pages, o.free_before + 7 - 1);  // seven pages freed, one table
}

TEST(Hvo, NewHeadPageFrom6_2To7_0) {
  for (const auto v : {KernelVersion::kV6_12, KernelVersion::kV6_16, KernelVersion::kV6_18}) {
    Optimized o(v);
    EXPECT_NE(entry_address(o.pte(0)).raw(), o.pages_before[0]);
    for (unsigned i = 1; i < 8; ++i) EXPECT_EQ(o.pte(i), entry_address(o.pte(0)).raw() | 0x8000000000000121);
    EXPECT_EQ(o.m.kernel.counts().free_pages, o.free_before + 7 - 1);
  }
}

void expect_shared_tail(KernelVersion v) {
  Optimized o(v, 9, 2);
  const PhysAddr tail = entry_address(o.pte(1));
  EXPECT_NE(entry_address(o.pte(0)), tail);
  for (unsigned i = 1; i < 8; ++i) EXPECT_EQ(o.pte(i), tail.raw() | 0x8000000000000121);
  const VirtAddr second = o.m.page(o.folios[1].head);
  EXPECT_EQ(entry_address(o.m.entry(1, second + kPageBytes)), tail);
  EXPECT_NE(entry_address(o.m.entry(1, second)), entry_address(o.pte(0)));
  for (unsigned at = 0; at < kPageBytes; at += 64)
    EXPECT_EQ(o.m.phys.load64(tail + at + 8), 0xffffffffffff8001u);  // 5.6.4
}

TEST(Hvo, SharedTailPageFrom7_1) {
  for (const auto v : {KernelVersion::kV7_1, KernelVersion::kV7_2, KernelVersion::kV7_3}) expect_shared_tail(v);
}

TEST(Hvo, SharedTailPageIsOnePerZoneOrderAndNode) {
  MemoryMap map = contiguous(2);
  map.memory = {{Pfn(0), Pfn(0x200000), 0}, {Pfn(0x200000), Pfn(0x400000), 1}};  // 8 GiB each: DMA32 and Normal on 0
  Machine m(hvo(KernelVersion::kV7_1), map);
  ASSERT_TRUE(ok(m.boot()));
  const std::vector<Folio> folios{
      {Pfn(0x80000), 9}, {Pfn(0x80200), 9}, {Pfn(0x180000), 9}, {Pfn(0x280000), 9}, {Pfn(0xc0000), 18}};
  m.kernel.hugetlb_claim(folios);
  ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
  std::vector<PhysAddr> tails;
  for (const Folio& f : folios) tails.push_back(entry_address(m.entry(1, m.page(f.head) + kPageBytes)));
  EXPECT_EQ(tails[0], tails[1]);
  EXPECT_EQ(std::set<PhysAddr>(tails.begin(), tails.end()).size(), 4u);  // zone, node and order each make another
}

TEST(Hvo, ThereIsNoneBefore5_14NorWithOddStructPages) {
  for (const auto v : {KernelVersion::kV5_8, KernelVersion::kV5_10}) {
    Optimized o(v);
    EXPECT_TRUE(o.m.events.writes.empty());
    EXPECT_TRUE(o.m.kernel.hugetlb_optimized().empty());
  }
  KernelConfig config = hvo(KernelVersion::kV6_1);
  config.struct_page_bytes = 80;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  const auto folios = m.kernel.hugetlb_alloc(9, 1, 0);
  m.events.clear();
  EXPECT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
  EXPECT_TRUE(m.events.writes.empty());
}

TEST(Hvo, V2_PtesAreWrittenInAscendingOrder) {
  for (const auto v : kAllForms) {
    Optimized o(v);
    const unsigned first = v == KernelVersion::kV6_1 ? 1 : 0;
    std::vector<unsigned> indices;
    for (const EntryWrite& w : o.m.events.writes)
      if (std::string_view(w.cause) == "vmemmap_remap_pte") indices.push_back(w.index);
    ASSERT_EQ(indices.size(), 8 - first);
    for (unsigned i = 0; i < indices.size(); ++i) EXPECT_EQ(indices[i], level_index(o.start, 1) + first + i);
  }
}

TEST(Hvo, V5_ABatchFlushesTwiceAndFreesAfterwards) {
  Optimized o(KernelVersion::kV6_12, 9, 64);
  EXPECT_EQ(o.m.events.flushes.size(), 2u);
  const auto& order = o.m.events.order;
  const auto last_flush = std::find(order.rbegin(), order.rend(), "flush:all").base();
  EXPECT_EQ(std::count(order.begin(), last_flush, "free:buddy"), 0);
  EXPECT_EQ(std::count(order.begin(), last_flush, "free:memblock"), 0);
  EXPECT_EQ(std::count(last_flush, order.end(), "write:1"), 0);
  EXPECT_EQ(std::count(last_flush, order.end(), "free:memblock"), 64 * 8);  // boot memory: references put
  // Phase one splits, phase two remaps: the only PMD writes come before the first flush.
  const auto first_flush = std::find(order.begin(), order.end(), "flush:all");
  EXPECT_EQ(std::count(first_flush, order.end(), "write:2"), 0);
}

TEST(Hvo, V5_ASingleFolioFlushesItsSplitAndItsPages) {
  Optimized o(KernelVersion::kV6_1);
  ASSERT_EQ(o.m.events.flushes.size(), 2u);
  EXPECT_EQ(o.m.events.flushes[0].scope, FlushScope::kAll);  // 512 pages are above the ceiling of 33
  EXPECT_EQ(o.m.events.flushes[1].scope, FlushScope::kRange);
  EXPECT_EQ(o.m.events.flushes[1].va, o.start + kPageBytes);
  EXPECT_EQ(o.m.events.flushes[1].end, o.start + 8 * kPageBytes);
}

TEST(Hvo, V6_SelfHostedStructPagesAreLeftAlone) {
  for (const auto v : kAllForms) {
    KernelConfig config = hvo(v);
    Machine m(config);
    ASSERT_TRUE(ok(m.boot()));
    ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0, true)));
    ASSERT_TRUE(ok(m.kernel.online(kFourGib, kSection)));
    const std::vector<Folio> folios{{Pfn(0x100400), 9}};
    m.kernel.hugetlb_claim(folios);
    m.events.clear();
    EXPECT_EQ(m.kernel.hugetlb_optimize(folios), Errno::kNotSupported);
    EXPECT_TRUE(m.events.writes.empty());
    EXPECT_TRUE(m.kernel.hugetlb_optimized().empty());
  }
}

TEST(Hvo, RestoreMapsWritablePagesAndNeverRebuildsTheLeaf) {
  for (const auto v : kAllForms) {
    Optimized o(v, 9, 4);
    o.m.events.clear();
    ASSERT_TRUE(ok(o.m.kernel.hugetlb_restore(o.folios)));
    EXPECT_TRUE(o.m.kernel.hugetlb_optimized().empty());
    EXPECT_EQ(o.m.distinct_pages(o.start, 4 * 8 * kPageBytes), 32u);
    for (unsigned i = 0; i < 32; ++i) EXPECT_EQ(o.pte(i) & ~kEntryAddressMask, 0x8000000000000163u);
    EXPECT_FALSE(entry_leaf(o.m.entry(2, o.start)));
    EXPECT_EQ(o.m.events.leaf_writes(1), 4 * 7u);
    EXPECT_EQ(o.m.events.flushes.size(), v == KernelVersion::kV6_1 ? 4u : 1u);  // folio by folio, else one batch
  }
}

TEST(Hvo, RestoredTailsReadAsTails) {
  for (const auto v : kAllForms) {
    Optimized o(v);
    const Pfn head = o.folios[0].head;
    const uint64_t link = o.m.field(head + 5, 8, 8);
    ASSERT_TRUE(ok(o.m.kernel.hugetlb_restore(o.folios)));
    // 6.12.y copies the page that is mapped, so struct page 64 reads like a head once more (a fake head, 5.6.4).
    const bool fake_head = profile_of(v).hvo_restore == HvoRestore::kCopyMappedPage;
    EXPECT_EQ(o.m.field(head + 64, 8, 8) == link, !fake_head);
    EXPECT_EQ(o.m.field(head + 64 + 1, 8, 8), link);
    EXPECT_EQ(o.m.field(head + 511, 8, 8), link);
    EXPECT_EQ(o.m.field(head + 5, 8, 8), link);
  }
}

TEST(Hvo, RestoreIsAllOrNothing) {
  Optimized o(KernelVersion::kV6_12);
  const uint64_t free = o.m.kernel.counts().free_pages;
  o.m.kernel.fail_allocation({AllocKind::kHugetlbRestore, 5, 1});
  EXPECT_EQ(o.m.kernel.hugetlb_restore(o.folios), Errno::kNoMemory);
  EXPECT_EQ(o.m.kernel.counts().free_pages, free);
  EXPECT_EQ(o.m.kernel.hugetlb_optimized().size(), 1u);
  EXPECT_EQ(o.pte(1) & kPageRw, 0u);
}

TEST(Hvo, V7_AFailureInTheMiddleGivesThePrefixItsPagesBack) {
  KernelConfig config = hvo(KernelVersion::kV6_1);
  Machine m(config, contiguous(4));
  ASSERT_TRUE(ok(m.boot()));
  const auto folios = m.kernel.hugetlb_alloc(18, 1, 0);
  ASSERT_EQ(folios.size(), 1u);
  const VirtAddr start = m.page(folios[0].head);
  const uint64_t blocks = m.kernel.counts().vmemmap_blocks_pages;
  m.kernel.fail_allocation({AllocKind::kTable, 3, 1});  // the third of eight splits
  EXPECT_EQ(m.kernel.hugetlb_optimize(folios), Errno::kNoMemory);
  EXPECT_EQ(m.distinct_pages(start, 2 * kPmdBytes), 1024u);
  for (unsigned i = 0; i < 1024; ++i) ASSERT_NE(m.entry(1, start + i * kPageBytes) & kPageRw, 0u) << i;
  EXPECT_TRUE(entry_leaf(m.entry(2, start + 2 * kPmdBytes)));
  EXPECT_EQ(m.kernel.counts().vmemmap_blocks_pages, blocks);
}

TEST(Hvo, AHeadPageThatCannotBeHadFailsTheFolio) {
  KernelConfig config = hvo(KernelVersion::kV6_12);
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  const auto folios = m.kernel.hugetlb_alloc(9, 1, 0);
  m.kernel.fail_allocation({AllocKind::kHugetlbHead, 1, 1});
  EXPECT_EQ(m.kernel.hugetlb_optimize(folios), Errno::kNoMemory);
  EXPECT_TRUE(m.kernel.hugetlb_optimized().empty());
}

TEST(Hvo, SavingsOfAGigabyteOfHugePages) {
  // 5.6.6: 512 * 7 - 8 pages with 2 MiB folios, 4087 with a 1 GiB folio.
  Optimized large(KernelVersion::kV6_1, 18);
  EXPECT_EQ(large.m.kernel.counts().free_pages, large.free_before + 4087);
  Machine m(hvo(KernelVersion::kV6_1), contiguous(4));
  ASSERT_TRUE(ok(m.boot()));
  const auto gib = m.kernel.hugetlb_alloc(18, 1, 0);
  std::vector<Folio> folios;
  for (uint64_t i = 0; i < 512; ++i) folios.push_back({gib.at(0).head + i * 512, 9});
  const uint64_t before = m.kernel.counts().free_pages;
  ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
  EXPECT_EQ(m.kernel.counts().free_pages, before + 512 * 7 - 8);
}

TEST(Hvo, FoliosThatAreNoMemoryAreInvalid) {
  for (const auto v : kAllForms) {
    Machine m(hvo(v));
    ASSERT_TRUE(ok(m.boot()));
    const std::vector<Folio> outside{{Pfn(0x100000), 9}};
    const std::vector<Folio> crooked{{Pfn(0x10040), 9}};
    m.kernel.hugetlb_claim(outside);
    EXPECT_EQ(m.kernel.hugetlb_optimize(outside), Errno::kInvalid);
    EXPECT_EQ(m.kernel.hugetlb_optimize(crooked), Errno::kInvalid);
  }
}

TEST(Hvo, OffMeansNothingHappens) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  const auto folios = m.kernel.hugetlb_alloc(9, 4, 0);
  m.events.clear();
  EXPECT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
  EXPECT_TRUE(m.events.writes.empty());
}

}  // namespace
}  // namespace mmusim::mm::test
