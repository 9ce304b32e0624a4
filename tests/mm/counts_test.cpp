// SPDX-License-Identifier: MIT
// Closed forms of the vmemmap specification, section 10.2: S = 8N sections, Tm = ceil(N/64) PMD tables, Tu = 1.
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
  Counted c({}, 2);
  c.counter.leaves = c.counter.tables = c.counter.zeroed = 0;
  const MemoryCounts before = c.kernel.counts();
  // At 64 GiB, so that the map begins on a PMD table of its own.
  DeviceMemory device{.start = PhysAddr(64 * kGiB), .bytes = n * kGiB, .vmemmap_shift = shift};
  ASSERT_TRUE(ok(c.kernel.add_device(device)));
  const uint64_t tables = 8 * n + (n + 63) / 64;
  EXPECT_EQ(c.counter.leaves, 4096 * n);
  EXPECT_EQ(c.counter.tables, tables);
  EXPECT_EQ(c.counter.zeroed, 4096 * tables);
  const uint64_t blocks = shift == 9 ? 1024 * n : 2 * n;
  EXPECT_EQ(c.kernel.counts().vmemmap_blocks_pages - before.vmemmap_blocks_pages, blocks);
  // References taken: what the pages' counts hold above one each.
  uint64_t references = 0;
  std::vector<uint64_t> seen;
  for (const TableEntry& e : c.kernel.vmemmap_tables(c.phys)) {
    if (e.level == 1 && e.va >= c.layout.pfn_to_page(pfn_of(device.start))) seen.push_back(e.value & kEntryAddressMask);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (const uint64_t pa : seen) {
    references += c.memory.load(c.layout.pfn_to_page(pfn_of(PhysAddr(pa))) + 52, 4) - 1;
  }
  EXPECT_EQ(references, shift == 9 ? 3072 * n : 4094 * n);
}

INSTANTIATE_TEST_SUITE_P(Counts, ClosedFormsDax,
                         testing::Values(std::pair{1, 9}, std::pair{16, 9}, std::pair{64, 9}, std::pair{1, 18},
                                         std::pair{16, 18}, std::pair{64, 18}));

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
