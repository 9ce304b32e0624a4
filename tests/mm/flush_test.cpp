// SPDX-License-Identifier: MIT
#include "mm/tlb_flush.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// Flushes and interrupts, in order.
struct Heard final : Observer {
  uint32_t mask() const override { return kFlushes | kInterrupts; }
  void flush(const FlushEvent& e) override { flushes.push_back(e); }
  void interrupts(const CallInterrupts& e) override {
    vectors.push_back(e.vector);
    icr_writes += e.icr_writes;
    targets.assign(e.targets.begin(), e.targets.end());
  }
  uint64_t invlpg(unsigned cpu) const {
    uint64_t sum = 0;
    for (const FlushEvent& f : flushes) sum += f.cpu == cpu ? f.invlpg : 0;
    return sum;
  }

  std::vector<FlushEvent> flushes;
  std::vector<unsigned> vectors;
  std::vector<unsigned> targets;
  unsigned icr_writes = 0;
};

/// The flush code alone, on so many CPUs.
struct Flusher {
  explicit Flusher(const KernelConfig& config, unsigned cpus = 4, bool idle_polls = false)
      : profile(effective_profile(config)),
        layout(config, 0),
        memory(phys, layout, cpus),
        tlb(config, profile, memory, &heard) {
    if (cpus > 1) dynamic_cast<ImmediateCpus&>(*memory.cpus()).idle_polls(idle_polls);
  }
  void range(uint64_t bytes) { tlb.flush_tlb_kernel_range(kVmemmapStart, kVmemmapStart + bytes, "test"); }
  void full() { tlb.flush_tlb_all("test"); }

  Profile profile;
  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Heard heard;
  TlbFlush tlb;
};

TEST(Flush, S1_EveryCpuOnlineTakesPartOnce) {
  Flusher f(version(KernelVersion::kV6_12), 8);
  f.full();
  f.range(5 * kPageBytes);
  ASSERT_EQ(f.heard.flushes.size(), 16U);
  std::vector<unsigned> cpus;
  for (const FlushEvent& e : f.heard.flushes) {
    cpus.push_back(e.cpu);
    EXPECT_EQ(e.initiator, 0U);
    EXPECT_EQ(e.scope, e.round == 1 ? FlushScope::kAll : FlushScope::kRange);
    EXPECT_EQ(e.invlpg, e.round == 1 ? 0U : 5U);
  }
  std::sort(cpus.begin(), cpus.end());
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(cpus[i], i / 2);
}

TEST(Flush, S2_TheCeilingIs33PagesInBytesUntil6_14AndInWholePagesAfter) {
  for (const auto v : {KernelVersion::kV5_10, KernelVersion::kV6_1, KernelVersion::kV6_12}) {
    Flusher f(version(v), 2);
    f.range(33 * kPageBytes);
    EXPECT_EQ(f.heard.invlpg(0), 33U);
    EXPECT_EQ(f.heard.invlpg(1), 33U);
    f.range(33 * kPageBytes + 1);
    f.range(34 * kPageBytes);
    EXPECT_EQ(f.heard.invlpg(1), 33U);
    EXPECT_EQ(f.heard.flushes.back().scope, FlushScope::kAll);
    EXPECT_EQ(f.heard.flushes.back().pages(), 34U);  // what was asked for is kept
  }
  for (const auto v : {KernelVersion::kV6_16, KernelVersion::kV7_3}) {
    Flusher f(version(v), 2);
    f.range(33 * kPageBytes + 1);
    EXPECT_EQ(f.heard.invlpg(1), 34U);
    f.range(34 * kPageBytes);
    EXPECT_EQ(f.heard.invlpg(1), 34U);
    EXPECT_EQ(f.heard.flushes.back().scope, FlushScope::kAll);
  }
  Flusher f(version(KernelVersion::kV6_12), 2);
  f.range(4095);
  EXPECT_EQ(f.heard.invlpg(1), 1U);
  KernelConfig low = version(KernelVersion::kV6_12);
  low.tlb_single_page_flush_ceiling = 1;
  Flusher g(low, 2);
  g.range(2 * kPageBytes);
  EXPECT_EQ(g.heard.flushes.back().scope, FlushScope::kAll);
}

TEST(Flush, S3_AFullFlushIsInvpcidOrTwoCr4WritesOrCr3) {
  KernelConfig config = version(KernelVersion::kV6_12);
  Flusher with(config, 1);
  with.full();
  EXPECT_EQ(with.heard.flushes[0].invpcid, 1U);
  EXPECT_EQ(with.heard.flushes[0].cr4, 0U);
  config.cpu.invpcid = false;
  Flusher without(config, 1);
  without.full();
  EXPECT_EQ(without.heard.flushes[0].invpcid, 0U);
  EXPECT_EQ(without.heard.flushes[0].cr4, 2U);
  config.cpu.pge = false;
  Flusher old(config, 1);
  old.full();
  EXPECT_EQ(old.heard.flushes[0].cr3, 1U);
}

TEST(Flush, S4_PageTableIsolationFlushesTheUserHalfToo) {
  KernelConfig config = version(KernelVersion::kV6_12);
  config.pti = true;
  Flusher f(config, 2);
  EXPECT_FALSE(f.tlb.invalidates_other_asids(1));
  f.range(7 * kPageBytes);
  for (const FlushEvent& e : f.heard.flushes) {
    EXPECT_EQ(e.invlpg, 7U);
    EXPECT_EQ(e.invpcid, 7U);
    EXPECT_TRUE(f.tlb.invalidates_other_asids(e.cpu));
    EXPECT_FALSE(f.tlb.flushes_user_half(e.cpu));
  }
  config.cpu.invpcid = false;  // then the next return to user mode does it
  Flusher g(config, 2);
  g.range(kPageBytes);
  EXPECT_EQ(g.heard.flushes[1].invpcid, 0U);
  EXPECT_TRUE(g.tlb.flushes_user_half(1));
  config.cpu.pcid = false;  // as QEMU's processors: there is nothing to mark
  Flusher h(config, 2);
  h.range(kPageBytes);
  EXPECT_FALSE(h.tlb.flushes_user_half(1));
  EXPECT_TRUE(h.tlb.invalidates_other_asids(1));
}

TEST(Flush, S7_FlushesOfOneCpuSendNothing) {
  Flusher f(version(KernelVersion::kV6_12), 4);
  f.tlb.flush_tlb_local("test");
  EXPECT_EQ(f.heard.flushes.size(), 1U);
  EXPECT_EQ(f.heard.flushes[0].round, 0U);
  EXPECT_TRUE(f.heard.vectors.empty());
}

TEST(Flush, S9_TheCallersPartComesLastUntil5_12) {
  Flusher old(version(KernelVersion::kV5_10), 3);
  old.full();
  EXPECT_EQ(old.heard.flushes.back().cpu, 0U);
  Flusher now(version(KernelVersion::kV6_1), 3);
  now.full();
  EXPECT_EQ(now.heard.flushes.front().cpu, 0U);
}

TEST(Flush, S11_OneTargetGetsTheSingleVectorSeveralTheOther) {
  Flusher two(version(KernelVersion::kV6_12), 2);
  two.full();
  EXPECT_EQ(two.heard.vectors, std::vector<unsigned>{kCallFunctionSingleVector});
  Flusher three(version(KernelVersion::kV6_12), 3);
  three.full();
  EXPECT_EQ(three.heard.vectors, std::vector<unsigned>{kCallFunctionVector});
  EXPECT_EQ(three.heard.targets, (std::vector<unsigned>{1, 2}));
  Flusher one(version(KernelVersion::kV6_12), 1);
  one.full();
  EXPECT_TRUE(one.heard.vectors.empty());
}

TEST(Flush, S12_ASinglePollingCpuIsWokenWithoutInterrupt) {
  Flusher two(version(KernelVersion::kV7_3), 2, /*idle_polls=*/true);
  two.full();
  EXPECT_TRUE(two.heard.vectors.empty());
  EXPECT_EQ(two.heard.flushes.size(), 2U);
  Flusher four(version(KernelVersion::kV7_3), 4, /*idle_polls=*/true);
  four.full();
  EXPECT_EQ(four.heard.targets.size(), 3U);
}

TEST(Flush, S13_IcrWritesFollowTheDriver) {
  const std::vector<unsigned> targets{1, 2, 15, 16, 40};
  EXPECT_EQ(icr_writes(ApicDriver::kX2apicCluster, false, targets, true, 64), 1U);
  EXPECT_EQ(icr_writes(ApicDriver::kX2apicCluster, false, targets, false, 64), 3U);
  EXPECT_EQ(icr_writes(ApicDriver::kX2apicPhysical, false, targets, false, 64), 5U);
  EXPECT_EQ(icr_writes(ApicDriver::kXapic, true, std::span(targets).first(3), false, 8), 1U);
  EXPECT_EQ(icr_writes(ApicDriver::kXapic, true, targets, false, 64), 5U);
  EXPECT_EQ(icr_writes(ApicDriver::kXapic, false, std::span(targets).first(2), false, 4), 2U);
  EXPECT_EQ(icr_writes(ApicDriver::kX2apicPhysical, false, std::span(targets).first(1), false, 64), 1U);
  EXPECT_EQ(icr_writes(ApicDriver::kX2apicPhysical, false, {}, false, 64), 0U);
}

/// A CPU whose queue is not empty gets no second interrupt, and runs both entries in order at the first.
TEST(Flush, S8_AQueueThatIsNotEmptyNeedsNoInterrupt) {
  struct Nested final : CpuWork {
    explicit Nested(std::vector<std::string>& order, std::string name, std::function<void()> inside)
        : order_(order), name_(std::move(name)), inside_(std::move(inside)) {}
    bool has_data() const override { return false; }
    void run(unsigned cpu) override {
      order_.push_back(name_ + std::to_string(cpu));
      if (cpu == 0 && inside_) std::exchange(inside_, nullptr)();
    }
    std::vector<std::string>& order_;
    std::string name_;
    std::function<void()> inside_;
  };
  const KernelConfig config = version(KernelVersion::kV6_12);
  const Layout layout(config, 0);
  PhysMem phys;
  UntimedMemory memory(phys, layout, 3);
  Heard heard;
  CallFunctions calls(config, effective_profile(config), memory, &heard);
  std::vector<std::string> order;
  Nested second(order, "b", {});
  // While its own part runs, the first round's interrupts are under way and its entries queued.
  Nested first(order, "a", [&] { calls.on_each_cpu(second); });
  calls.on_each_cpu(first);
  EXPECT_EQ(heard.vectors.size(), 1U);
  EXPECT_EQ(order, (std::vector<std::string>{"a0", "b0", "a1", "b1", "a2", "b2"}));
}

TEST(Flush, S25_BroadcastReplacesInterruptsFrom6_15On) {
  KernelConfig config = version(KernelVersion::kV7_3);
  config.cpu.invlpgb_pages = 8;
  Flusher f(config, 4);
  f.range(33 * kPageBytes);
  EXPECT_TRUE(f.heard.vectors.empty());
  ASSERT_EQ(f.heard.flushes.size(), 4U);
  EXPECT_EQ(f.heard.flushes[0].invlpgb, 5U);
  EXPECT_EQ(f.heard.flushes[0].tlbsync, 1U);
  for (const FlushEvent& e : f.heard.flushes) {
    EXPECT_TRUE(e.broadcast);
    EXPECT_EQ(e.invlpg, 0U);
  }
  f.full();
  EXPECT_EQ(f.heard.flushes[4].invlpgb, 1U);
  config.cpu.tlbsync_twice = true;  // S-26
  Flusher zen5(config, 4);
  zen5.full();
  EXPECT_EQ(zen5.heard.flushes[0].tlbsync, 2U);
  config.version = KernelVersion::kV6_12;
  Flusher old(config, 4);
  old.full();
  EXPECT_EQ(old.heard.vectors.size(), 1U);
}

/// A kernel on several CPUs.
struct Kernels {
  explicit Kernels(const KernelConfig& config, unsigned cpus = 4)
      : layout(config, 0), memory(phys, layout, cpus), kernel(config, contiguous(4), memory, &events) {
    EXPECT_TRUE(ok(kernel.boot()));
    events.clear();
  }
  /// Forms of the rounds: F, or R with its pages.
  std::vector<std::string> rounds() {
    std::vector<std::string> forms;
    for (const FlushEvent& e : events.flushes) {
      if (e.round == 0 || e.cpu != 1) continue;
      forms.push_back(e.scope == FlushScope::kAll ? "F" : "R" + std::to_string(e.pages()));
    }
    events.clear();
    return forms;
  }

  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel kernel;
};

using Rounds = std::vector<std::string>;

TEST(Flush, S30_HotRemoveFlushesOnceForEachSectionAndOnceMore) {
  Kernels k(version(KernelVersion::kV6_12));
  ASSERT_TRUE(ok(k.kernel.hot_add(kFourGib, 4 * kSection, 0)));
  EXPECT_EQ(k.rounds(), Rounds{});  // S-29
  ASSERT_TRUE(ok(k.kernel.hot_remove(kFourGib, 4 * kSection)));
  EXPECT_EQ(k.rounds(), Rounds(5, "F"));
  ASSERT_TRUE(ok(k.kernel.hot_add(kFourGib, 2 * kSection, 0, true)));
  ASSERT_TRUE(ok(k.kernel.hot_remove(kFourGib, 2 * kSection)));
  EXPECT_EQ(k.rounds(), Rounds(4, "F"));  // memmap_on_memory: block by block
}

TEST(Flush, S32_DeviceTearDownWithBasePagesFlushesTwiceForEachSection) {
  Kernels k(version(KernelVersion::kV7_3));
  DeviceMemory device{.start = kFourGib, .bytes = 4 * kSection};
  device.vmemmap_shift = 9;
  ASSERT_TRUE(ok(k.kernel.add_device(device)));
  EXPECT_EQ(k.rounds(), Rounds{});
  ASSERT_TRUE(ok(k.kernel.remove_device(kFourGib)));
  EXPECT_EQ(k.rounds(), Rounds(9, "F"));
  device.memmap = DeviceMemmap::kDevice;
  ASSERT_TRUE(ok(k.kernel.add_device(device)));
  ASSERT_TRUE(ok(k.kernel.remove_device(kFourGib)));
  EXPECT_EQ(k.rounds(), Rounds(5, "F"));
}

TEST(Flush, S34_FolioByFolioIn6_1) {
  Kernels k(hvo(KernelVersion::kV6_1));
  const std::vector<Folio> folios{{Pfn(0x80000), 9}, {Pfn(0x80200), 9}, {Pfn(0x40000), 18}};
  k.kernel.hugetlb_claim(folios);
  ASSERT_TRUE(ok(k.kernel.hugetlb_optimize(folios)));
  Rounds expected{"F", "R7", "R7"};
  expected.insert(expected.end(), 9, "F");
  EXPECT_EQ(k.rounds(), expected);
  ASSERT_TRUE(ok(k.kernel.hugetlb_restore(folios)));
  EXPECT_EQ(k.rounds(), (Rounds{"R7", "R7", "F"}));
}

TEST(Flush, S35_TwiceForABatchAndOnceToRestoreIt) {
  for (const auto v : {KernelVersion::kV6_12, KernelVersion::kV7_3}) {
    Kernels k(hvo(v));
    const std::vector<Folio> folios{{Pfn(0x80000), 9}, {Pfn(0x80200), 9}, {Pfn(0x40000), 18}};
    k.kernel.hugetlb_claim(folios);
    ASSERT_TRUE(ok(k.kernel.hugetlb_optimize(folios)));
    EXPECT_EQ(k.rounds(), Rounds(2, "F"));
    ASSERT_TRUE(ok(k.kernel.hugetlb_restore(folios)));
    EXPECT_EQ(k.rounds(), Rounds(1, "F"));
    ASSERT_TRUE(ok(k.kernel.hugetlb_restore(folios)));
    EXPECT_EQ(k.rounds(), Rounds{});
  }
}

TEST(Flush, S36_DemotingAGiganticFolioTakesThree) {
  Kernels k(hvo(KernelVersion::kV7_3));
  const std::vector<Folio> folios{{Pfn(0x40000), 18}};
  k.kernel.hugetlb_claim(folios);
  ASSERT_TRUE(ok(k.kernel.hugetlb_optimize(folios)));
  k.rounds();
  std::vector<Folio> small;
  ASSERT_TRUE(ok(k.kernel.hugetlb_demote(folios[0], small)));
  EXPECT_EQ(k.rounds(), Rounds(3, "F"));
  EXPECT_EQ(small.size(), 512U);
  EXPECT_EQ(k.kernel.hugetlb_optimized().size(), 512U);
}

TEST(Flush, S37_ThePoolFlushesTwiceAlsoWithHvoOff) {
  for (const auto v : {KernelVersion::kV6_12, KernelVersion::kV7_3}) {
    Kernels k(version(v));
    const std::vector<Folio> folios{{Pfn(0x80000), 9}};
    k.kernel.hugetlb_claim(folios);
    ASSERT_TRUE(ok(k.kernel.hugetlb_optimize(folios)));
    EXPECT_EQ(k.rounds(), Rounds(2, "F"));
    ASSERT_TRUE(ok(k.kernel.hugetlb_restore(folios)));
    ASSERT_TRUE(ok(k.kernel.hugetlb_optimize_one(folios[0])));
    EXPECT_EQ(k.rounds(), Rounds{});
    ASSERT_TRUE(ok(k.kernel.hugetlb_optimize({})));
    EXPECT_EQ(k.rounds(), v == KernelVersion::kV6_12 ? Rounds(2, "F") : Rounds{});
  }
  Kernels k(version(KernelVersion::kV6_1));
  ASSERT_TRUE(ok(k.kernel.hugetlb_optimize({})));
  EXPECT_EQ(k.rounds(), Rounds{});
}

TEST(Flush, S38_SingleFoliosFlushTheirHeadPageToo) {
  for (const auto v : {KernelVersion::kV6_12, KernelVersion::kV7_3}) {
    Kernels k(hvo(v));
    const std::vector<Folio> folios{{Pfn(0x80000), 9}, {Pfn(0x80200), 9}};
    k.kernel.hugetlb_claim(folios);
    for (const Folio& folio : folios) ASSERT_TRUE(ok(k.kernel.hugetlb_optimize_one(folio)));
    EXPECT_EQ(k.rounds(), (Rounds{"F", "R8", "R8"}));
    ASSERT_TRUE(ok(k.kernel.hugetlb_restore_one(folios[1])));
    EXPECT_EQ(k.rounds(), Rounds{"R7"});
  }
}

TEST(Flush, S40_TheFirstAndTheLastFolioPatchTheStaticKey) {
  for (const auto& [v, rounds] :
       {std::pair(KernelVersion::kV6_1, 15), std::pair(KernelVersion::kV6_12, 9), std::pair(KernelVersion::kV7_3, 0)}) {
    KernelConfig config = hvo(v);
    config.hvo_static_key = true;
    Kernels k(config);
    const std::vector<Folio> folios{{Pfn(0x80000), 9}, {Pfn(0x80200), 9}};
    k.kernel.hugetlb_claim(folios);
    for (const Folio& folio : folios) ASSERT_TRUE(ok(k.kernel.hugetlb_optimize(std::span(&folio, 1))));
    EXPECT_EQ(k.events.calls_of("do_sync_core"), rounds);
    for (const Folio& folio : folios) ASSERT_TRUE(ok(k.kernel.hugetlb_restore(std::span(&folio, 1))));
    EXPECT_EQ(k.events.calls_of("do_sync_core"), 2 * rounds);
  }
}

}  // namespace
}  // namespace mmusim::mm::test
