// SPDX-License-Identifier: MIT
#include "mm/deferred_init.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// Untimed memory that keeps the stores into the vmemmap.
class StoreLog final : public KernelMemory {
 public:
  struct Store {
    VirtAddr va;
    uint64_t value;
    unsigned bytes;
  };
  StoreLog(PhysMem& phys, const Layout& layout) : below_(phys, layout), layout_(layout) {}
  uint64_t load(VirtAddr va, unsigned bytes) override { return below_.load(va, bytes); }
  void store(VirtAddr va, uint64_t value, unsigned bytes) override {
    if (layout_.in_vmemmap(va)) stores.push_back({va, value, bytes});
    below_.store(va, value, bytes);
  }
  void fill(VirtAddr va, uint8_t value, uint64_t bytes) override { below_.fill(va, value, bytes); }
  void copy(VirtAddr to, VirtAddr from, uint64_t bytes) override { below_.copy(to, from, bytes); }
  void invalidate(TlbInstruction how, VirtAddr va) override { below_.invalidate(how, va); }
  void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) override { below_.invalidate_pcid(pcid, va); }
  void load_cr3(PhysAddr root) override { below_.load_cr3(root); }
  void switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) override {
    below_.switch_cr3(cpu, root, pcid, keep);
  }

  std::vector<Store> stores;

 private:
  UntimedMemory below_;
  Layout layout_;
};

KernelConfig with_init(KernelVersion v = KernelVersion::kV6_1) {
  KernelConfig c = version(v);
  c.memmap_init = true;
  return c;
}
MemoryMap small() {
  MemoryMap map;  // 512 MiB with the usual holes
  map.memory = {{Pfn(1), Pfn(0x9f), 0}, {Pfn(0x100), Pfn(0x1ffe0), 0}};
  map.early_tables = EarlyTables::kFromMemblock;
  return map;
}

TEST(MemmapInit, M1_NineStoresInTheRecordedOrder) {
  const KernelConfig config = with_init();
  const Layout layout(config, 0);
  PhysMem phys;
  StoreLog memory(phys, layout);
  Kernel kernel(config, small(), memory);
  ASSERT_TRUE(ok(kernel.boot()));
  const uint64_t p = layout.pfn_to_page(Pfn(1)).raw();
  const std::vector<std::tuple<uint64_t, uint64_t, unsigned>> expected{
      {p + 52, 1, 4},          {p + 56, 0, 8},    {p + 40, 0, 8}, {p + 32, 0, 8},    {p + 24, 0, 8},
      {p + 48, 0xffffffff, 4}, {p + 8, p + 8, 8}, {p + 0, 0, 8},  {p + 16, p + 8, 8}};
  ASSERT_GE(memory.stores.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(std::tuple(memory.stores[i].va.raw(), memory.stores[i].value, memory.stores[i].bytes), expected[i]) << i;
  }
}

TEST(MemmapInit, M2_TheKernelLogsItsUnavailableRanges) {
  Machine m(with_init(), small());
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.events.lines_with("On node 0, zone DMA: 1 pages in unavailable ranges"), 1u);
  EXPECT_EQ(m.events.lines_with("On node 0, zone DMA: 97 pages in unavailable ranges"), 1u);
  EXPECT_EQ(m.events.lines_with("On node 0, zone DMA32: 32 pages in unavailable ranges"), 1u);
}

TEST(MemmapInit, M2_ReservedPagesAreMarkedAndFreeOnesReleased) {
  Machine m(with_init(), small());
  ASSERT_TRUE(ok(m.boot()));
  const unsigned reserved = 12;                               // 6.1
  EXPECT_NE(m.field(Pfn(0x2a10), 0, 8) >> reserved & 1, 0u);  // the kernel image
  EXPECT_NE(m.field(Pfn(0), 0, 8) >> reserved & 1, 0u);       // a hole
  EXPECT_EQ(m.field(Pfn(0x8000), 0, 8) >> reserved & 1, 0u);
  EXPECT_EQ(m.field(Pfn(0x8000), 52, 4), 0u);
  // An order-10 block: order and type in its head, list links to its neighbours.
  EXPECT_EQ(m.field(Pfn(0x8000), 40, 8), 10u);
  EXPECT_EQ(m.field(Pfn(0x8000), 48, 4), 0xffffff7fu);
  EXPECT_EQ(m.field(Pfn(0x8000), 8, 8), m.page(Pfn(0x8400)).raw() + 8);
  EXPECT_EQ(m.field(Pfn(0x8400), 16, 8), m.page(Pfn(0x8000)).raw() + 8);
}

TEST(MemmapInit, M2_FlagsHoldNodeAndZone) {
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x20000), 0}, {Pfn(0x100000), Pfn(0x108000), 1}};
  map.early_tables = EarlyTables::kFromMemblock;
  Machine m(with_init(), map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(m.field(Pfn(0x10), 0, 8) >> 51, 0u);           // DMA, node 0
  EXPECT_EQ(m.field(Pfn(0x8000), 0, 8) >> 51, 1u);         // DMA32
  EXPECT_EQ(m.field(Pfn(0x104000), 0, 8) >> 51, 8u | 2u);  // Normal, node 1
}

TEST(MemmapInit, OnlinedPagesCarryTheMarkOfTheirVersion) {
  for (const Profile& p : profiles()) {
    const KernelConfig config = version(p.version);
    const Layout layout(config, 0);
    PhysMem phys;
    StoreLog memory(phys, layout);
    Kernel kernel(config, small(), memory);
    ASSERT_TRUE(ok(kernel.boot()));
    ASSERT_TRUE(ok(kernel.hot_add(kFourGib, kSection, 0)));
    memory.stores.clear();
    ASSERT_TRUE(ok(kernel.online(kFourGib, kSection)));
    ASSERT_GE(memory.stores.size(), 10u);
    const auto& mark = memory.stores[9];  // after the nine of the first page
    const VirtAddr page = layout.pfn_to_page(Pfn(0x100000));
    if (p.version <= KernelVersion::kV6_1) {
      EXPECT_EQ(mark.va, page);
      EXPECT_NE(mark.value >> 12 & 1, 0u);
    } else {
      EXPECT_EQ(mark.va, page + 48);
      EXPECT_EQ(mark.value, 0xf1000000u);
    }
  }
}

TEST(DeferredInit, M3_TheLastZoneIsLeftAfterOneSectionAndWorkersFinishIt) {
  KernelConfig config = with_init();
  config.deferred_struct_page_init = true;
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0xc0000), 0}, {Pfn(0x100000), Pfn(0x140000), 0}};  // 3 GiB and 1 GiB above 4 GiB
  map.early_tables = EarlyTables::kFromMemblock;
  Machine m(config, map, /*observe=*/false);
  ASSERT_TRUE(ok(m.boot()));
  const uint64_t free = m.kernel.counts().free_pages;
  EXPECT_EQ(m.field(Pfn(0x110000), 40, 8), 0u);
  m.kernel.deferred_init(1)->work(0);
  uint64_t reserved = 0;
  for (Pfn pfn(0x108000); pfn < Pfn(0x140000); pfn = pfn + 1) reserved += m.field(pfn, 0, 8) >> 12 & 1;
  EXPECT_EQ(m.kernel.counts().free_pages - free, 7 * 32768 - reserved);  // eight sections, the first done at boot
  EXPECT_GT(reserved, 0u);                                               // the sparse buffer lies there
  EXPECT_EQ(m.field(Pfn(0x110000), 40, 8), 10u);

  const uint64_t after = m.kernel.counts().free_pages;
  m.kernel.deferred_init(1)->work(0);  // nothing is left
  EXPECT_EQ(m.kernel.counts().free_pages, after);
}

TEST(DeferredInit, M3_WorkersShareAFreeRangeInChunksOfWholeSections) {
  KernelConfig config = with_init();
  config.deferred_struct_page_init = true;
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x100000), 0}, {Pfn(0x100000), Pfn(0x300000), 1}};  // 4 GiB, 8 GiB on node 1
  map.early_tables = EarlyTables::kFromMemblock;
  Machine m(config, map, /*observe=*/false);
  ASSERT_TRUE(ok(m.boot()));
  const auto jobs_of = [&](unsigned workers) {
    const auto work = m.kernel.deferred_init(workers);
    return dynamic_cast<DeferredInit&>(*work).nodes();
  };
  // One node of two: all but the first section of each node's last zone.
  const auto six = jobs_of(6);
  ASSERT_EQ(six.size(), 2u);
  EXPECT_EQ(six[0].zone, Zone::kDma32);
  EXPECT_EQ(six[1].first, Pfn(0x108000));
  EXPECT_EQ(six[1].workers, 3u);
  ASSERT_FALSE(six[1].jobs.empty());
  const auto& job = six[1].jobs[0];
  EXPECT_EQ(job.start, Pfn(0x108000));
  // A quarter of a worker's share, rounded up to sections: 63 sections or fewer, 3 workers.
  const uint64_t share = (job.end - job.start) / (3 * 4);
  EXPECT_EQ(job.chunk_pages, (share + 32767) / 32768 * 32768);
  // One core serves both nodes, alone: no chunks.
  const auto one = jobs_of(1);
  EXPECT_EQ(one[1].workers, 1u);
  EXPECT_EQ(one[1].jobs[0].chunk_pages, one[1].jobs[0].end - one[1].jobs[0].start);
  // No more workers than sections.
  EXPECT_EQ(jobs_of(400)[1].jobs[0].workers, std::min<uint64_t>(200, (job.end - job.start) / 32768));
}

TEST(DeferredInit, M3_NothingIsDeferredWithoutTheOption) {
  Machine m(with_init(), small());
  ASSERT_TRUE(ok(m.boot()));
  const uint64_t free = m.kernel.counts().free_pages;
  m.kernel.deferred_init(4)->work(0);
  EXPECT_EQ(m.kernel.counts().free_pages, free);
}

}  // namespace
}  // namespace mmusim::mm::test
