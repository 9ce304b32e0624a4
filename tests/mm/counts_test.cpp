// SPDX-License-Identifier: MIT
// Closed forms of the vmemmap specification, section 10.2: S = 8N sections, Tm = ceil(N/64) PMD tables, Tu = 1.
#include "mm/parts.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// Counts only, so that a TiB of base pages does not need a GiB of events.
struct Counter : Observer {
  explicit Counter(const Layout& l) : layout(l) {}
  uint32_t mask() const override { return kEntryWrites | kFills; }
  void entry_write(const EntryWrite& e) override {
    if (!layout.in_vmemmap(e.va)) return;
    const bool leaf = e.level == 1 || entry_leaf(e.new_value);
    ++(leaf ? leaves : tables);
  }
  void fill(const FillEvent& f) override {
    if (std::string_view(f.cause) == "vmemmap_alloc_block_zero") zeroed += f.bytes;
  }
  const Layout layout;
  uint64_t leaves = 0;
  uint64_t tables = 0;
  uint64_t zeroed = 0;
};

struct Counted {
  Counted(const KernelConfig& config, uint64_t gib)
      : layout(config, 0), memory(phys, layout), counter(layout), kernel(config, contiguous(gib), memory, &counter) {
    EXPECT_TRUE(ok(kernel.boot()));
  }
  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Counter counter;
  Kernel kernel;
};

class ClosedForms : public testing::TestWithParam<uint64_t> {
 protected:
  uint64_t n() const { return GetParam(); }
  uint64_t pmd_tables() const { return (n() + 63) / 64; }
};

TEST_P(ClosedForms, HugePages) {
  for (const unsigned levels : {4u, 5u}) {
    KernelConfig config;
    config.levels = levels;
    Counted c(config, n());
    const uint64_t tables = pmd_tables() + 1 + (levels == 5 ? 1 : 0);
    EXPECT_EQ(c.counter.leaves, 8 * n());
    EXPECT_EQ(c.counter.tables, tables);
    EXPECT_EQ(c.counter.zeroed, 4096 * tables);
    EXPECT_EQ(c.kernel.counts().vmemmap_table_pages, tables);
    EXPECT_EQ(c.kernel.counts().vmemmap_blocks_pages, 4096 * n());
  }
}

TEST_P(ClosedForms, BasePages) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  Counted c(config, n());
  const uint64_t tables = 8 * n() + pmd_tables() + 1;
  EXPECT_EQ(c.counter.leaves, 4096 * n());
  EXPECT_EQ(c.counter.tables, tables);
  EXPECT_EQ(c.counter.zeroed, 4096 * tables);
  EXPECT_EQ(c.kernel.counts().vmemmap_table_pages, tables);
  EXPECT_EQ(c.kernel.counts().vmemmap_blocks_pages, 4096 * n());
}

INSTANTIATE_TEST_SUITE_P(Counts, ClosedForms, testing::Values(1, 16, 64, 1024));

class ClosedFormsDax : public testing::TestWithParam<std::pair<uint64_t, unsigned>> {};

TEST_P(ClosedFormsDax, DeduplicatedPagesAndReferences) {
  const auto [n, shift] = GetParam();
  const KernelConfig config;
  const Layout layout(config, 0);
  PhysMem phys;
  UntimedMemory memory(phys, layout);
  Counter counter(layout);
  Kernel::Parts kernel(config, contiguous(n <= 64 ? 2 : 8), memory, &counter);
  ASSERT_TRUE(ok(kernel.boot()));
  counter.leaves = counter.tables = counter.zeroed = 0;
  const uint64_t blocks_before = kernel.allocator.block_pages();
  // At 64 GiB, so that the map begins on a PMD table of its own. Without the struct pages' initialisation, which would
  // take gigabytes of host memory.
  const Pfn start = pfn_of(PhysAddr(64 * kGiB));
  PopulateSource source;
  source.pagemap = {start, shift};
  ASSERT_TRUE(ok(kernel.hotplug.arch_add_memory(address_of(start), n * kGiB, 0, source)));
  const uint64_t tables = 8 * n + (n + 63) / 64;
  EXPECT_EQ(counter.leaves, 4096 * n);
  EXPECT_EQ(counter.tables, tables);
  EXPECT_EQ(counter.zeroed, 4096 * tables);
  EXPECT_EQ(kernel.allocator.block_pages() - blocks_before, shift == 9 ? 1024 * n : 2 * n);
  // References taken: what the pages' counts hold above one each.
  uint64_t references = 0;
  std::vector<uint64_t> seen;
  for (const TableEntry& e :
       dump_tables(phys, config.init_top_pgt_pa, layout.levels(), layout.pfn_to_page(start), n * kGiB / 64)) {
    if (e.level == 1) seen.push_back(e.value & kEntryAddressMask);
  }
  ASSERT_EQ(seen.size(), 4096 * n);
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (const uint64_t pa : seen) references += memory.load(layout.pfn_to_page(pfn_of(PhysAddr(pa))) + 52, 4) - 1;
  EXPECT_EQ(references, shift == 9 ? 3072 * n : 4094 * n);
}

INSTANTIATE_TEST_SUITE_P(Counts, ClosedFormsDax,
                         testing::Values(std::pair{1, 9}, std::pair{16, 9}, std::pair{64, 9}, std::pair{1024, 9},
                                         std::pair{1, 18}, std::pair{16, 18}, std::pair{64, 18}, std::pair{1024, 18}));

class ClosedFormsHvo : public testing::TestWithParam<uint64_t> {};

TEST_P(ClosedFormsHvo, EveryFolioOfTheRange) {
  const uint64_t n = GetParam();
  KernelConfig config;
  config.version = KernelVersion::kV6_12;  // a new page for each head
  config.hvo = true;
  const Layout layout(config, 0);
  PhysMem phys;
  UntimedMemory memory(phys, layout);
  Counter counter(layout);
  Kernel::Parts kernel(config, contiguous(2 + n / 32), memory, &counter);
  ASSERT_TRUE(ok(kernel.boot()));
  const uint64_t blocks_before = kernel.allocator.block_pages();
  const uint64_t tables_before = kernel.allocator.table_pages();
  counter.leaves = counter.tables = counter.zeroed = 0;
  const PhysAddr start(128 * kGiB);
  ASSERT_TRUE(ok(kernel.hotplug.arch_add_memory(start, n * kGiB, 0, {})));
  kernel.buddy.add_range(pfn_of(start), pfn_of(start + n * kGiB), 0, Zone::kNormal);
  EXPECT_EQ(counter.leaves, 8 * n);
  std::vector<Folio> folios;
  for (uint64_t i = 0; i < 512 * n; ++i) folios.push_back({pfn_of(start) + i * 512, 9});
  ASSERT_TRUE(ok(kernel.hugetlb.optimize(folios)));
  const uint64_t tables = 8 * n + (n + 63) / 64;
  EXPECT_EQ(counter.leaves, 8 * n + 8 * n * 512 + 4096 * n);
  EXPECT_EQ(counter.tables, tables);
  EXPECT_EQ(kernel.allocator.block_pages() - blocks_before, 512 * n);
  EXPECT_EQ(kernel.allocator.table_pages() - tables_before, tables);
}

INSTANTIATE_TEST_SUITE_P(Counts, ClosedFormsHvo, testing::Values(1, 16, 64));
// 4 GiB of host memory: the heads' struct pages are all written.
INSTANTIATE_TEST_SUITE_P(DISABLED_Large, ClosedFormsHvo, testing::Values(1024));

TEST(Counts, HvoOnEveryFolioOfAGigabyte) {
  KernelConfig config;
  config.hvo = true;
  Counted c(config, 4);
  const auto gib = c.kernel.hugetlb_alloc(18, 1, 0);
  ASSERT_EQ(gib.size(), 1u);
  std::vector<Folio> folios;
  for (uint64_t i = 0; i < 512; ++i) folios.push_back({gib[0].head + i * 512, 9});
  c.counter.leaves = c.counter.tables = 0;
  const MemoryCounts before = c.kernel.counts();
  ASSERT_TRUE(ok(c.kernel.hugetlb_optimize(folios)));
  EXPECT_EQ(c.counter.leaves, 8 * 512u + 512 * 7);  // splits, then seven tail PTEs for each folio (6.1)
  EXPECT_EQ(c.counter.tables, 8u);
  EXPECT_EQ(before.vmemmap_blocks_pages - c.kernel.counts().vmemmap_blocks_pages, 512 * 7u);
}

TEST(Counts, ATebibyteOfBasePagesTakesTablesOnly) {
  KernelConfig config;
  config.vmemmap_pages = VmemmapPages::kBase;
  Layout layout(config, 0);
  PhysMem phys;
  UntimedMemory memory(phys, layout);
  Kernel kernel(config, contiguous(1024), memory);
  ASSERT_TRUE(ok(kernel.boot()));
  EXPECT_EQ(kernel.counts().vmemmap_table_pages, 8209u);
  EXPECT_EQ(kernel.counts().vmemmap_blocks_pages, 4096u * 1024);
}

}  // namespace
}  // namespace mmusim::mm::test
