// SPDX-License-Identifier: MIT
// Changes of protection in the direct map, and the large pages that they split.
#include "mm/tlb_flush.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

constexpr PhysAddr kSplitPage{0x8020'3000};  // in the third GiB, three pages into its second 2 MiB
constexpr auto kRo = MemoryProtection::kReadOnly;
constexpr auto kRw = MemoryProtection::kWritable;
using Rounds = std::vector<std::string>;

/// A kernel with 4 GiB on two CPUs.
struct Kernels {
  explicit Kernels(const KernelConfig& config = version(KernelVersion::kV6_12))
      : layout(config, 0), memory(phys, layout, 2), kernel(config, contiguous(4), memory, &events) {
    EXPECT_TRUE(ok(kernel.boot()));
    events.clear();
  }
  /// Forms of the rounds since the last call, as the second CPU meets them: F, or R with its pages.
  Rounds rounds() {
    Rounds forms;
    for (const FlushEvent& e : events.flushes) {
      if (e.cpu == 1) forms.push_back(e.scope == FlushScope::kAll ? "F" : "R" + std::to_string(e.pages()));
    }
    events.clear();
    return forms;
  }
  Rounds set(PhysAddr start, uint64_t pages, MemoryProtection protection, bool alias = false) {
    EXPECT_TRUE(ok(kernel.set_memory(start, pages, protection, alias)));
    return rounds();
  }
  uint64_t entry(unsigned level, PhysAddr pa) const {
    return entry_of(phys, kernel, layout, level, layout.direct_map(pa));
  }

  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel kernel;
};

KernelConfig without_gib_pages() {
  KernelConfig config = version(KernelVersion::kV6_12);
  config.cpu.gbpages = false;
  return config;
}

TEST(SetMemory, S41_EachLargePageThatIsSplitIsOneFullFlushAndThePagesOneRange) {
  Kernels k(without_gib_pages());
  EXPECT_EQ(k.set(kSplitPage, 4, kRo), (Rounds{"F", "R4"}));
  EXPECT_EQ(k.set(kSplitPage + 8 * kPageBytes, 4, kRo), (Rounds{"R4"})) << "split already";
  EXPECT_EQ(k.set(kSplitPage + (509 - 16) * kPageBytes, 32, kRo), (Rounds{"F", "R32"})) << "the next 2 MiB page, too";
  Kernels gib;
  EXPECT_EQ(gib.set(kSplitPage, 1, kRo), (Rounds{"F", "F", "R1"})) << "from 1 GiB to 2 MiB, and from there to 4 KiB";
}

TEST(SetMemory, S41_MoreThan33PagesOrAnAliasFlushEverything) {
  Kernels k(without_gib_pages());
  EXPECT_EQ(k.set(kSplitPage, 33, kRo), (Rounds{"F", "R33"}));
  EXPECT_EQ(k.set(kSplitPage + 40 * kPageBytes, 34, kRo), (Rounds{"F"}));
  EXPECT_EQ(k.set(kSplitPage + 80 * kPageBytes, 2, kRo, /*alias=*/true), (Rounds{"F"}));
}

TEST(SetMemory, S41_NothingIsFlushedOrSplitWhereNothingChanges) {
  Kernels k(without_gib_pages());
  EXPECT_EQ(k.set(kSplitPage, 4, kRw), Rounds{});
  EXPECT_NE(k.entry(2, kSplitPage) & kPagePse, 0U);
  k.set(kSplitPage, 4, kRo);
  EXPECT_EQ(k.set(kSplitPage, 4, kRo), Rounds{});
  EXPECT_EQ(k.set(PhysAddr(64 * kGiB), 4, kRo), Rounds{}) << "a hole of the direct map";
}

TEST(SetMemory, WholeLargePagesChangeInPlace) {
  Kernels k(without_gib_pages());
  const PhysAddr start = kSplitPage.align_down(kPmdBytes);
  const uint64_t before = k.entry(2, start);
  EXPECT_EQ(k.set(start, 2 * 512, kRo), (Rounds{"F"}));
  EXPECT_EQ(k.entry(2, start), before & ~(kPageRw | kPageDirty));
  EXPECT_EQ(k.entry(2, start + kPmdBytes), (before & ~(kPageRw | kPageDirty)) + kPmdBytes);
  EXPECT_EQ(k.set(start, 2 * 512, kRw), (Rounds{"F"}));
  EXPECT_EQ(k.entry(2, start), before & ~kPageDirty);
}

TEST(SetMemory, TheNewTableMapsWhatTheLargePageDid) {
  Kernels k(without_gib_pages());
  const uint64_t large = k.entry(2, kSplitPage);
  ASSERT_NE(large & kPagePse, 0U);
  k.set(kSplitPage, 2, kRo);
  EXPECT_EQ(k.entry(2, kSplitPage) & ~kEntryAddressMask, kKernpgTable);
  const PhysAddr first = kSplitPage.align_down(kPmdBytes);
  for (uint64_t i = 0; i < 512; ++i) {
    const uint64_t clear = i == 3 || i == 4 ? kPageRw | kPageDirty : 0;
    EXPECT_EQ(k.entry(1, first + i * kPageBytes), (large & ~kPagePse & ~clear) + i * kPageBytes) << i;
  }
}

TEST(SetMemory, AGibPageBecomesATableOf2MibPagesOfWhichOneIsSplit) {
  Kernels k;
  const uint64_t large = k.entry(3, kSplitPage);
  ASSERT_NE(large & kPagePse, 0U);
  k.set(kSplitPage, 1, kRo);
  const PhysAddr first = kSplitPage.align_down(kPudBytes);
  for (uint64_t i = 0; i < 512; ++i) {
    if (i == 1) continue;
    EXPECT_EQ(k.entry(2, first + i * kPmdBytes), large + i * kPmdBytes) << i;
  }
  EXPECT_EQ(k.entry(2, kSplitPage) & ~kEntryAddressMask, kKernpgTable);
}

TEST(SetMemory, ReadOnlyPagesAreDirtyBefore6_6) {
  Kernels old(version(KernelVersion::kV6_1)), newer(version(KernelVersion::kV6_12));
  const uint64_t flags = old.entry(3, kSplitPage) & ~kEntryAddressMask & ~kPagePse;
  old.set(kSplitPage, 1, kRo);
  newer.set(kSplitPage, 1, kRo);
  EXPECT_EQ(old.entry(1, kSplitPage), kSplitPage.raw() | (flags & ~kPageRw));
  EXPECT_EQ(newer.entry(1, kSplitPage), kSplitPage.raw() | (flags & ~kPageRw & ~kPageDirty));
}

TEST(SetMemory, S41_RangesAreFlushedByInterruptsEvenWhereTheProcessorBroadcasts) {
  KernelConfig config = version(KernelVersion::kV7_3);
  config.cpu.gbpages = false;
  config.cpu.invlpgb_pages = 8;
  Kernels k(config);
  ASSERT_TRUE(ok(k.kernel.set_memory(kSplitPage, 2, kRo, false)));
  ASSERT_EQ(k.events.flushes.size(), 4U);
  EXPECT_TRUE(k.events.flushes[0].broadcast && k.events.flushes[1].broadcast) << "the split";
  for (const size_t i : {2U, 3U}) {
    EXPECT_FALSE(k.events.flushes[i].broadcast);
    EXPECT_EQ(k.events.flushes[i].invlpg, 2U);
  }
}

TEST(SetMemory, WithoutAPageForTheTableTheLargePageStays) {
  Kernels k(without_gib_pages());
  const uint64_t before = k.entry(2, kSplitPage);
  while (k.kernel.alloc_pages(0, 0)) {
  }
  k.events.clear();
  EXPECT_EQ(k.kernel.set_memory(kSplitPage, 1, kRo, false), Errno::kNoMemory);
  EXPECT_EQ(k.entry(2, kSplitPage), before);
  EXPECT_EQ(k.rounds(), Rounds{});
}

TEST(SetMemory, ScatteredPagesLieInPlacesOfTheirOwn) {
  Kernels k;
  const std::vector<Pfn> pages = k.kernel.alloc_pages_scattered(2, 50, 0);
  ASSERT_EQ(pages.size(), 50U);
  for (size_t i = 1; i < pages.size(); ++i) EXPECT_GE(pages[i].raw, pages[i - 1].raw + 512);
  const uint64_t free = k.kernel.counts().free_pages;
  for (const Pfn page : pages) k.kernel.free_pages(page, 2);
  EXPECT_EQ(k.kernel.counts().free_pages, free + 50 * 4);
}

}  // namespace
}  // namespace mmusim::mm::test
