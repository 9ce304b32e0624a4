// SPDX-License-Identifier: MIT
#include "mm/buddy.h"

#include <random>

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// A buddy allocator over [0, pages) of node 0 and as much of node 1, without struct pages.
struct Bare {
  explicit Bare(uint64_t pages = 4096)
      : layout(config, 0), memory(phys, layout), context(config, 0, memory, nullptr), buddy(context) {
    for (unsigned node = 0; node < 2; ++node) {
      const Pfn start(0x100000 + node * 0x100000);
      buddy.add_range(start, start + pages, node, Zone::kNormal);
      for_each_aligned_block(start, start + pages, [&](Pfn pfn, unsigned order) { buddy.free_pages_core(pfn, order); });
    }
  }
  KernelConfig config;
  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Context context;
  Buddy buddy;
};

TEST(Buddy, SplitsLowestPartFirstAndMergesBack) {
  Bare b;
  EXPECT_EQ(b.buddy.free_blocks(0, 10), 4u);
  const auto page = b.buddy.alloc_pages(0, 0, "test");
  ASSERT_TRUE(page);
  EXPECT_EQ(*page, Pfn(0x100000));
  EXPECT_EQ(b.buddy.free_blocks(0, 10), 3u);
  for (unsigned order = 0; order < 10; ++order) EXPECT_EQ(b.buddy.free_blocks(0, order), 1u) << order;
  EXPECT_EQ(b.buddy.alloc_pages(9, 0, "test"), Pfn(0x100200));  // the half that expand() left
  b.buddy.free_pages(Pfn(0x100200), 9, "test");
  b.buddy.free_pages(*page, 0, "test");
  EXPECT_EQ(b.buddy.free_blocks(0, 10), 4u);
  EXPECT_EQ(b.buddy.free_page_count(), 8192u);
}

TEST(Buddy, SuccessiveBlocksAreNeighbours) {
  Bare b;
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(b.buddy.alloc_pages(9, 0, "test"), Pfn(0x100000 + 512 * i));
}

TEST(Buddy, FallsBackToTheNextNode) {
  Bare b(1024);
  ASSERT_EQ(b.buddy.alloc_pages(10, 0, "test"), Pfn(0x100000));
  EXPECT_EQ(b.buddy.alloc_pages(10, 0, "test"), Pfn(0x200000));
  EXPECT_EQ(b.buddy.alloc_pages(0, 0, "test"), std::nullopt);
}

TEST(Buddy, MovableMemoryStaysApartFromKernelMemory) {
  Bare b;
  const auto kernel = b.buddy.alloc_pages(0, 0, "test");
  const auto user = b.buddy.alloc_pages(0, 0, "test", Migrate::kMovable);
  ASSERT_TRUE(kernel && user);
  EXPECT_NE(kernel->raw / 1024, user->raw / 1024);
  EXPECT_EQ(b.buddy.alloc_pages(0, 0, "test"), *kernel + 1);  // from the same pageblock
}

TEST(Buddy, IsolateTakesExactlyTheRange) {
  Bare b;
  const auto taken = b.buddy.isolate(Pfn(0x100003), Pfn(0x100805));
  uint64_t pages = 0;
  Pfn at(0x100003);
  for (const auto& block : taken) {
    EXPECT_EQ(block.pfn, at);
    at = at + (uint64_t{1} << block.order);
    pages += uint64_t{1} << block.order;
  }
  EXPECT_EQ(pages, 0x802u);
  EXPECT_FALSE(b.buddy.is_free(Pfn(0x100003)));
  EXPECT_TRUE(b.buddy.is_free(Pfn(0x100002)));
  EXPECT_TRUE(b.buddy.is_free(Pfn(0x100805)));
  EXPECT_EQ(b.buddy.free_page_count(), 8192 - 0x802u);
}

TEST(Buddy, RandomAllocationsNeverOverlapAndAllComesBack) {
  Bare b;
  std::mt19937_64 random(3);
  std::vector<std::pair<Pfn, unsigned>> held;
  std::vector<bool> used(0x300000);
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0 && !held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      const auto [pfn, order] = held.back();
      held.pop_back();
      for (uint64_t p = pfn.raw; p < pfn.raw + (uint64_t{1} << order); ++p) used[p] = false;
      b.buddy.free_pages(pfn, order, "test");
      continue;
    }
    const auto order = static_cast<unsigned>(random() % 8);
    const auto migrate = random() % 2 == 0 ? Migrate::kMovable : Migrate::kUnmovable;
    const auto pfn = b.buddy.alloc_pages(order, static_cast<unsigned>(random() % 2), "test", migrate);
    if (!pfn) continue;
    EXPECT_EQ(pfn->raw % (uint64_t{1} << order), 0u);
    for (uint64_t p = pfn->raw; p < pfn->raw + (uint64_t{1} << order); ++p) {
      ASSERT_FALSE(used[p]);
      used[p] = true;
    }
    held.emplace_back(*pfn, order);
  }
  for (const auto& [pfn, order] : held) b.buddy.free_pages(pfn, order, "test");
  EXPECT_EQ(b.buddy.free_page_count(), 8192u);
  EXPECT_EQ(b.buddy.free_blocks(0, 10), 4u);
  EXPECT_EQ(b.buddy.free_blocks(1, 10), 4u);
}

TEST(Buddy, K7_ListsInStructPagesAreTheHostsLists) {
  KernelConfig config;
  config.memmap_init = true;
  Machine m(config, contiguous(1), /*observe=*/false);
  ASSERT_TRUE(ok(m.boot()));
  std::vector<Pfn> pages;
  for (int i = 0; i < 300; ++i) pages.push_back(*m.kernel.alloc_pages(i % 4, 0));
  for (int i = 0; i < 300; i += 2) m.kernel.free_pages(pages[static_cast<size_t>(i)], static_cast<unsigned>(i % 4));
  // Every block whose struct page says "free" is linked both ways with its neighbours.
  uint64_t blocks = 0;
  for (Pfn pfn(0); pfn < Pfn(0x40000); pfn = pfn + 1) {
    if (m.field(pfn, 48, 4) != 0xffffff7f) continue;
    ++blocks;
    const uint64_t own = m.page(pfn).raw() + 8;
    const VirtAddr next(m.field(pfn, 8, 8));
    const VirtAddr prev(m.field(pfn, 16, 8));
    ASSERT_EQ(m.memory.load(next + 8, 8), own);
    ASSERT_EQ(m.memory.load(prev, 8), own);
    pfn = pfn + ((uint64_t{1} << m.field(pfn, 40, 8)) - 1);
  }
  EXPECT_GT(blocks, 200u);
}

}  // namespace
}  // namespace mmusim::mm::test
