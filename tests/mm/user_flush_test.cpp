// SPDX-License-Identifier: MIT
// Flushes of user addresses, and which CPUs they reach.
#include "mm/user_flush.h"

#include <deque>

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// Memory of which only the TLB instructions matter: it keeps them, in order, as words.
class TlbLog final : public KernelMemory {
 public:
  explicit TlbLog(unsigned cpus) : cpus_(cpus) {}
  uint64_t load(VirtAddr, unsigned) override { return 0; }
  void store(VirtAddr, uint64_t, unsigned) override {}
  void fill(VirtAddr, uint8_t, uint64_t) override {}
  void copy(VirtAddr, VirtAddr, uint64_t) override {}
  void load_cr3(PhysAddr) override {}
  void invalidate(TlbInstruction how, VirtAddr) override {
    constexpr const char* kNames[] = {"invlpg", "invpcid", "all", "user", "all", "cr3"};
    words.push_back(fmt::format("{}:{}", cpus_.current(), kNames[static_cast<unsigned>(how)]));
  }
  void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) override {
    words.push_back(fmt::format("{}:pcid {}{}", cpus_.current(), pcid, va ? " page" : ""));
  }
  void switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) override {
    words.push_back(fmt::format("{}:load {:x}/{}{}", cpu, root.raw(), pcid, keep ? " kept" : ""));
  }
  Cpus* cpus() override { return cpus_.online() == 1 ? nullptr : &cpus_; }

  std::vector<std::string> take() { return std::exchange(words, {}); }
  std::vector<std::string> words;

 private:
  ImmediateCpus cpus_;
};

struct Heard final : Observer {
  uint32_t mask() const override { return kFlushes | kInterrupts; }
  void flush(const FlushEvent& e) override {
    flushes.push_back(e);
    order.push_back(fmt::format("flush:{}", e.cpu));
  }
  void interrupts(const CallInterrupts& e) override {
    order.emplace_back("interrupts");
    targets.assign(e.targets.begin(), e.targets.end());
  }
  std::vector<unsigned> cpus() const {
    std::vector<unsigned> all;
    for (const FlushEvent& e : flushes) all.push_back(e.cpu);
    std::sort(all.begin(), all.end());
    return all;
  }
  void clear() { *this = Heard{}; }

  std::vector<FlushEvent> flushes;
  std::vector<std::string> order;
  std::vector<unsigned> targets;
};

KernelConfig config(KernelVersion v, bool pcid = true, bool pti = false) {
  KernelConfig c = version(v);
  c.cpu.pcid = pcid;
  c.pti = pti;
  return c;
}

/// The flush code alone, with a process that has run on the first CPUs.
struct Flusher {
  explicit Flusher(const KernelConfig& c, unsigned cpus = 4, unsigned threads = 3)
      : profile(effective_profile(c)),
        memory(cpus),
        tlb(c, profile, memory, &heard),
        user(c, profile, memory, tlb),
        mm(user.make(PhysAddr(0x100000))) {
    for (unsigned cpu = 0; cpu < threads; ++cpu) user.switch_mm(cpu, mm);
    memory.take();
  }
  void flush(uint64_t pages, bool freed_tables = false) {
    heard.clear();
    user.flush_tlb_mm_range(mm, kAreaStart, kAreaStart + pages * kPageBytes, freed_tables, "test");
  }

  Profile profile;
  TlbLog memory;
  Heard heard;
  TlbFlush tlb;
  UserFlush user;
  AddressSpace mm;
};

using Cpu = std::vector<unsigned>;
using Words = std::vector<std::string>;

TEST(UserFlush, S18_TheCpusThatRunTheProcessFlushItsPages) {
  Flusher f(config(KernelVersion::kV6_12));
  f.flush(33);
  EXPECT_EQ(f.heard.cpus(), (Cpu{0, 1, 2}));
  EXPECT_EQ(f.heard.targets, (Cpu{1, 2}));
  for (const FlushEvent& e : f.heard.flushes) {
    EXPECT_EQ(e.scope, FlushScope::kRange);
    EXPECT_TRUE(e.user);
    EXPECT_EQ(e.invlpg, 33U);
    EXPECT_EQ(e.cr3, 0U);
  }
}

TEST(UserFlush, S18_MoreThan33PagesReloadCr3) {
  Flusher f(config(KernelVersion::kV6_12));
  f.flush(34);
  EXPECT_EQ(f.memory.take(), (Words{"0:cr3", "1:cr3", "2:cr3"}));
  for (const FlushEvent& e : f.heard.flushes) EXPECT_EQ(e.scope, FlushScope::kProcess);
}

TEST(UserFlush, S18_ALoneCpuFlushesWithoutARound) {
  Flusher f(config(KernelVersion::kV6_12), 4, 1);
  f.flush(2);
  ASSERT_EQ(f.heard.cpus(), Cpu{0});
  EXPECT_EQ(f.heard.flushes[0].round, 0U);
  EXPECT_EQ(f.memory.take(), (Words{"0:invlpg", "0:invlpg"}));
}

TEST(UserFlush, S18_Before5_13TheCallingCpuFlushesBeforeItInterruptsTheOthers) {
  Flusher old(config(KernelVersion::kV5_10)), recent(config(KernelVersion::kV6_1));
  old.flush(1);
  recent.flush(1);
  EXPECT_EQ(old.heard.order, (Words{"flush:0", "interrupts", "flush:1", "flush:2"}));
  EXPECT_EQ(recent.heard.order, (Words{"interrupts", "flush:0", "flush:1", "flush:2"}));
}

TEST(UserFlush, S19_LazyCpusAreLeftAlone) {
  Flusher f(config(KernelVersion::kV6_12));
  f.user.enter_lazy_tlb(1);
  f.flush(1);
  EXPECT_EQ(f.heard.cpus(), (Cpu{0, 2}));
  f.user.enter_lazy_tlb(2);
  f.flush(1);
  EXPECT_EQ(f.heard.cpus(), Cpu{0});
  EXPECT_TRUE(f.heard.targets.empty());
}

TEST(UserFlush, S20_ALazyCpuThatIsToldOfFreedTablesGoesToInitMm) {
  Flusher f(config(KernelVersion::kV6_12));
  f.user.enter_lazy_tlb(1);
  f.flush(1, /*freed_tables=*/true);
  EXPECT_EQ(f.heard.cpus(), (Cpu{0, 1, 2}));
  EXPECT_FALSE(f.user.loaded(1, f.mm));
  EXPECT_FALSE(f.user.lazy(1));
  EXPECT_EQ(f.memory.take(), (Words{"0:invlpg", "1:load 2a10000/1 kept", "2:invlpg"}));
}

TEST(UserFlush, S19_ACpuThatWentAwayLeavesTheMaskAtOnceOrWhenItIsInterruptedNext) {
  for (const auto& [version, then] : {std::pair{KernelVersion::kV6_12, Cpu{0}}, {KernelVersion::kV7_3, Cpu{0, 1}}}) {
    Flusher f(config(version), 2, 2);
    f.user.enter_lazy_tlb(1);
    f.flush(1, true);
    f.flush(1, false);
    EXPECT_EQ(f.heard.cpus(), Cpu{0});  // it has nothing of the process loaded
    f.flush(1, true);
    EXPECT_EQ(f.heard.cpus(), then);
    f.flush(1, true);
    EXPECT_EQ(f.heard.cpus(), Cpu{0});
  }
}

TEST(UserFlush, S20_ACpuThatWasLeftOutFlushesWhenItsThreadWakes) {
  Flusher f(config(KernelVersion::kV6_12), 2, 2);
  f.user.enter_lazy_tlb(1);
  f.user.switch_mm(1, f.mm);
  EXPECT_TRUE(f.memory.take().empty());  // nothing was missed
  f.user.enter_lazy_tlb(1);
  f.flush(1);
  f.memory.take();
  f.user.switch_mm(1, f.mm);
  EXPECT_EQ(f.memory.take(), Words{"1:load 100000/2"});
}

TEST(UserFlush, S21_ACpuThatMissedAFlushFlushesEverythingAtTheNext) {
  Flusher f(config(KernelVersion::kV6_12), 2, 2);
  AddressSpace other = f.user.make(PhysAddr(0x200000));
  f.user.switch_mm(1, other);
  f.flush(1);  // the other CPU does not take part
  EXPECT_EQ(f.heard.cpus(), Cpu{0});
  ++f.mm.tlb_gen;  // as if a flush of somebody else were on its way
  f.memory.take();
  f.flush(1);
  EXPECT_EQ(f.memory.take(), Words{"0:cr3"});
}

TEST(UserFlush, S22_AnAddressSpaceKeepsWhatItsPcidHasUnlessItMissedAFlush) {
  Flusher f(config(KernelVersion::kV6_12), 2, 2);
  AddressSpace other = f.user.make(PhysAddr(0x200000));
  f.user.switch_mm(1, other);
  f.user.switch_mm(1, f.mm);
  EXPECT_EQ(f.memory.take(), (Words{"1:load 200000/3", "1:load 100000/2 kept"}));
  f.user.switch_mm(1, other);
  f.flush(1);
  f.memory.take();
  f.user.switch_mm(1, f.mm);
  EXPECT_EQ(f.memory.take(), Words{"1:load 100000/2"});
}

TEST(UserFlush, S22_SixAddressSpacesHaveAPcidAndTheSeventhTakesTheFirst) {
  Flusher f(config(KernelVersion::kV6_12), 1, 0);
  std::vector<AddressSpace> spaces;
  for (unsigned i = 0; i < 7; ++i) spaces.push_back(f.user.make(PhysAddr(0x1000 * (i + 1))));
  for (AddressSpace& space : spaces) f.user.switch_mm(0, space);
  EXPECT_EQ(f.memory.take(), (Words{"0:load 1000/2", "0:load 2000/3", "0:load 3000/4", "0:load 4000/5", "0:load 5000/6",
                                    "0:load 6000/1", "0:load 7000/2"}));
}

TEST(UserFlush, S22_WithoutPcidsEverySwitchFlushes) {
  Flusher f(config(KernelVersion::kV6_12, /*pcid=*/false), 1, 1);
  AddressSpace other = f.user.make(PhysAddr(0x200000));
  f.user.switch_mm(0, other);
  f.user.switch_mm(0, f.mm);
  EXPECT_EQ(f.memory.take(), (Words{"0:load 200000/0", "0:load 100000/0"}));
}

TEST(UserFlush, S23_PageTableIsolationFlushesEachPageTwice) {
  Flusher f(config(KernelVersion::kV6_12, true, /*pti=*/true), 1, 1);
  f.flush(2);
  EXPECT_EQ(f.memory.take(), (Words{"0:invlpg", "0:invpcid", "0:invlpg", "0:invpcid"}));
  Flusher whole(config(KernelVersion::kV6_12, true, true), 1, 0);
  EXPECT_FALSE(whole.tlb.flushes_user_half(0));
  whole.user.switch_mm(0, whole.mm);
  EXPECT_TRUE(whole.tlb.flushes_user_half(0));
}

TEST(UserFlush, S4_AfterAKernelFlushTheNextSwitchForgetsTheOtherPcids) {
  Flusher f(config(KernelVersion::kV6_12, true, /*pti=*/true), 1, 1);
  AddressSpace other = f.user.make(PhysAddr(0x200000));
  f.user.switch_mm(0, other);
  f.tlb.flush_tlb_kernel_range(VirtAddr(0xffffea0000000000), VirtAddr(0xffffea0000001000), "test");
  f.memory.take();
  f.user.switch_mm(0, f.mm);
  EXPECT_EQ(f.memory.take(), Words{"0:load 100000/4"});
}

/// A processor with INVLPGB under a kernel that uses it, and looks after each flush whether a process gets a global ASID.
KernelConfig broadcasting(bool pti = false) {
  KernelConfig c = config(KernelVersion::kV7_3, true, pti);
  c.cpu.invlpgb_pages = 8;
  c.global_asid_period = 1;
  return c;
}

TEST(UserFlush, S27_AProcessActiveOnFourCpusGetsAGlobalAsidAndIsFlushedByBroadcast) {
  Flusher f(broadcasting(), 5, 4);
  f.flush(1);
  EXPECT_EQ(f.memory.take(), (Words{"0:invlpg", "1:invlpg", "2:invlpg", "3:invlpg",  // by interrupts
                                    "0:user", "1:user", "2:user", "3:user", "4:user"}));
  EXPECT_EQ(f.mm.global_asid, 6U);
  // The CPUs still use ASIDs of their own: they are told once more, and change over.
  f.flush(1);
  EXPECT_EQ(f.memory.take(),
            (Words{"0:pcid 7 page", "1:pcid 7 page", "2:pcid 7 page", "3:pcid 7 page", "4:pcid 7 page",
                   "0:load 100000/7 kept", "1:load 100000/7 kept", "2:load 100000/7 kept", "3:load 100000/7 kept"}));
  f.flush(9);
  EXPECT_TRUE(f.heard.targets.empty());
  EXPECT_EQ(f.heard.cpus(), (Cpu{0, 1, 2, 3, 4}));
  for (const FlushEvent& e : f.heard.flushes) {
    EXPECT_TRUE(e.broadcast && e.user);
    EXPECT_EQ(e.invlpgb, e.cpu == 0 ? 2U : 0U);  // of at most eight pages
    EXPECT_EQ(e.tlbsync, e.cpu == 0 ? 1U : 0U);
    EXPECT_EQ(e.invlpg + e.invpcid + e.cr3, 0U);
  }
  f.memory.take();
  f.flush(34);
  EXPECT_EQ(f.memory.take(), (Words{"0:pcid 7", "1:pcid 7", "2:pcid 7", "3:pcid 7", "4:pcid 7"}));
}

TEST(UserFlush, S27_ACpuThatComesBackFindsItsGlobalAsidUpToDate) {
  Flusher f(broadcasting(), 4, 4);
  for (unsigned i = 0; i < 3; ++i) f.flush(1);
  AddressSpace other = f.user.make(PhysAddr(0x200000));
  f.user.switch_mm(1, other);
  f.flush(1);
  f.memory.take();
  f.user.switch_mm(1, f.mm);
  f.user.enter_lazy_tlb(1);
  f.flush(1, /*freed_tables=*/true);
  f.user.switch_mm(1, f.mm);
  EXPECT_EQ(f.memory.take(),
            (Words{"1:load 100000/7 kept", "0:pcid 7 page", "1:pcid 7 page", "2:pcid 7 page", "3:pcid 7 page"}));
}

TEST(UserFlush, S27_InterruptsStayWithThreeCpusOlderKernelsOtherProcessorsAndWithoutPcidsOrWithPti) {
  KernelConfig old = broadcasting(), intel = broadcasting(), no_pcids = broadcasting();
  old.version = KernelVersion::kV6_12;
  intel.cpu.invlpgb_pages = 0;
  no_pcids.cpu.pcid = false;
  Flusher three(broadcasting(), 4, 3), lazy(broadcasting(), 4, 4), older(old, 4, 4), other(intel, 4, 4),
      without(no_pcids, 4, 4), isolated(broadcasting(/*pti=*/true), 4, 4);
  lazy.user.enter_lazy_tlb(3);
  for (Flusher* f : {&three, &lazy, &older, &other, &without, &isolated}) {
    for (unsigned i = 0; i < 4; ++i) f->flush(1);
    EXPECT_EQ(f->mm.global_asid, 0U);
    EXPECT_FALSE(f->heard.targets.empty());
  }
}

TEST(UserFlush, S27_OneInSoManyFlushesLooks) {
  KernelConfig c = broadcasting();
  c.global_asid_period = 32;
  Flusher f(c, 4, 4);
  for (unsigned i = 0; i < 31; ++i) f.flush(1);
  EXPECT_EQ(f.mm.global_asid, 0U);
  f.flush(1);
  EXPECT_EQ(f.mm.global_asid, 6U);
}

TEST(UserFlush, S27_TheProcessAfter2039OthersKeepsInterrupts) {
  Flusher f(broadcasting(), 4, 0);
  std::deque<AddressSpace> all;
  for (unsigned i = 1; i <= 2040; ++i) {
    AddressSpace& mm = all.emplace_back(f.user.make(PhysAddr(0x1000 * i)));
    for (unsigned cpu = 0; cpu < 4; ++cpu) f.user.switch_mm(cpu, mm);
    f.user.flush_tlb_mm_range(mm, kAreaStart, kAreaStart + kPageBytes, false, "test");
    ASSERT_EQ(mm.global_asid, i == 2040 ? 0 : 5 + i);
  }
}

}  // namespace
}  // namespace mmusim::mm::test
