// SPDX-License-Identifier: MIT
#include "sim/machine/machine.h"

#include <gtest/gtest.h>

#include <functional>

#include <nlohmann/json.hpp>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

/// A machine with `pages` pages of 4 KiB mapped from virtual address 0 on.
class Mapped {
 public:
  explicit Mapped(const PlatformConfig& platform, LookAhead look_ahead = LookAhead::kPending, unsigned pages = 4096)
      : machine("machine", platform, {look_ahead}), tables(machine.memory(), 4) {
    for (unsigned i = 0; i < pages; ++i)
      tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
    for (unsigned core = 0; core < machine.cores(); ++core) use_tables(core);
  }
  void use_tables(unsigned core) {
    ControlState control = machine.control(core);
    control.set_cr3(tables.root().raw());
    machine.set_control(core, control);
  }
  void run(std::function<void(Core&)> body) {
    CallProgram script(std::move(body));
    simulation.run(machine, script);
  }
  Simulation simulation;
  Machine machine;
  TableBuilder tables;
};

uint64_t next_random(uint64_t& state) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}

/// A mix of near and far, loads and stores, some across lines and pages.
std::vector<MemAccess> mixed_accesses(unsigned count, uint64_t seed, uint64_t span) {
  std::vector<MemAccess> accesses(count);
  uint64_t hot = 0;
  for (MemAccess& a : accesses) {
    const uint64_t r = next_random(seed);
    if (r % 4 == 0) hot = next_random(seed) % (span - 64);
    a.va = VirtAddr(r % 4 == 0 ? hot : (hot + r % 512) % (span - 64));
    a.kind = r >> 32 & 1 ? AccessKind::kWrite : AccessKind::kRead;
    a.bytes = 8;
    a.gap = static_cast<uint16_t>(r >> 40 & 3);
  }
  return accesses;
}

std::string run_and_report(const PlatformConfig& platform, LookAhead look_ahead, unsigned accesses) {
  Mapped m(platform, look_ahead);
  std::vector<std::unique_ptr<CallProgram>> scripts;
  std::vector<Program*> programs;
  for (unsigned core = 0; core < m.machine.cores(); ++core) {
    scripts.push_back(std::make_unique<CallProgram>(
        [=](Core& c) { c.execute(mixed_accesses(accesses, 77 + core, 4096 * kPageBytes)); }));
    programs.push_back(scripts.back().get());
  }
  m.simulation.run(m.machine, programs);
  return to_json(m.machine.stats()).dump(1);
}

PlatformConfig window_platform() {
  PlatformConfig p = load_platform("textbook");
  p.model = CoreModel::kWindow;
  p.window.outstanding = 10;
  p.walker.walkers = 2;
  return p;
}

TEST(Machine, LookAheadDoesNotChangeABlockingCore) {
  const PlatformConfig p = load_platform("textbook");
  const auto alone = in_child([&] { return run_and_report(p, LookAhead::kPending, 20000); });
  const auto lock_step = in_child([&] { return run_and_report(p, LookAhead::kNone, 20000); });
  EXPECT_EQ(alone, lock_step);
  EXPECT_NE(alone.find("\"walks\""), std::string::npos);
}

TEST(Machine, LookAheadDoesNotChangeAWindowCore) {
  const PlatformConfig p = window_platform();
  const auto ahead = in_child([&] { return run_and_report(p, LookAhead::kPending, 20000); });
  const auto lock_step = in_child([&] { return run_and_report(p, LookAhead::kNone, 20000); });
  EXPECT_EQ(ahead, lock_step);
}

TEST(Machine, LookAheadDoesNotChangeSeveralCores) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    PlatformConfig p = window_platform();
    p.model = model;
    p.cores = 3;
    const auto ahead = in_child([&] { return run_and_report(p, LookAhead::kPending, 5000); });
    const auto lock_step = in_child([&] { return run_and_report(p, LookAhead::kNone, 5000); });
    EXPECT_EQ(ahead, lock_step);
  }
}

TEST(Machine, LookAheadDoesNotChangeReadsThatFindTheControllersQueueFull) {
  for (const unsigned places : {1U, 3U, 6U, 12U}) {  // less than the reads under way, and about as many
    for (const unsigned cores : {1U, 2U}) {
      PlatformConfig p = window_platform();
      p.cores = cores;
      p.dram.dram.controller.read_queue = places;
      p.l3.geometry.entries = 2048;  // so that lines are written back too
      const auto ahead = in_child([&] { return run_and_report(p, LookAhead::kPending, 8000); });
      const auto lock_step = in_child([&] { return run_and_report(p, LookAhead::kNone, 8000); });
      EXPECT_EQ(ahead, lock_step) << places << " places, " << cores << " cores";
    }
  }
}

TEST(Machine, LookAheadDoesNotChangeReadsOnAShortWayToTheController) {
  for (const uint64_t cycles : {0U, 1U, 2U}) {
    PlatformConfig p = window_platform();
    p.cores = 2;
    p.dram.to_memory = p.dram.from_memory = Cycles(cycles);
    p.l3.geometry.entries = 2048;
    const auto ahead = in_child([&] { return run_and_report(p, LookAhead::kPending, 8000); });
    const auto lock_step = in_child([&] { return run_and_report(p, LookAhead::kNone, 8000); });
    EXPECT_EQ(ahead, lock_step) << cycles;
  }
}

/// Counts what it is told.
class Counting : public Observer {
 public:
  uint32_t mask() const override { return kAccessNotices | kWalkNotices; }
  void walk(const WalkRecord& record) override { cycles += (record.end - record.begin).count; }
  void access(const AccessRecord& record) override {
    ++accesses;
    Cycles sum{0};
    for (const Cycles stage : record.stage) sum += stage;
    EXPECT_EQ(sum, record.end - record.begin);
  }
  uint64_t cycles = 0, accesses = 0;
};

TEST(Machine, LoggingEveryAccessChangesNoCount) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    const auto report = [model](bool log) {
      return in_child([=] {
        PlatformConfig p = window_platform();
        p.model = model;
        Mapped m(p);
        Counting observer;
        if (log) m.machine.observe(observer);
        m.run([](Core& c) { c.execute(mixed_accesses(20000, 9, 4096 * kPageBytes)); });
        EXPECT_EQ(observer.accesses, log ? 20000U : 0U);
        return to_json(m.machine.stats()).dump(1);
      });
    };
    EXPECT_EQ(report(true), report(false));
  }
}

TEST(Machine, ARunOfHitsInAPageIsAsManySingleAccesses) {
  const std::vector<MemAccess> accesses = mixed_accesses(20000, 5, 16 * kPageBytes);
  for (const auto policy : {Replacement::kLru, Replacement::kTreePlru, Replacement::kSrrip, Replacement::kShip}) {
    PlatformConfig p = load_platform("textbook");
    p.lsu.tlbs.load.arrays[0].geometry = {8, 4, policy};  // so that pages leave all the time
    p.l1d.geometry.replacement = policy;
    const auto report = [&](size_t together) {
      Mapped m(p);
      m.run([&](Core& c) {
        for (size_t i = 0; i < accesses.size(); i += together) c.execute(std::span(accesses).subspan(i, together));
      });
      return to_json(m.machine.stats()).dump(1);
    };
    EXPECT_EQ(in_child([&] { return report(1); }), in_child([&] { return report(20000); })) << static_cast<int>(policy);
  }
}

TEST(Machine, TwoRunsGiveTheSame) {
  const PlatformConfig p = window_platform();
  EXPECT_EQ(in_child([&] { return run_and_report(p, LookAhead::kPending, 5000); }),
            in_child([&] { return run_and_report(p, LookAhead::kPending, 5000); }));
}

TEST(Machine, ColdWalkReadsOneEntryForEachLevel) {
  Mapped m(load_platform("textbook"), LookAhead::kPending, 1);
  m.tables.map(VirtAddr(uint64_t{1} << 40), PhysAddr(2 * kGiB), PageSize::k2M);
  m.tables.map(VirtAddr(uint64_t{1} << 41), PhysAddr(3 * kGiB), PageSize::k1G);
  std::vector<uint64_t> reads;
  m.run([&](Core& core) {
    for (const uint64_t va : {uint64_t{0}, uint64_t{1} << 40, uint64_t{1} << 41}) {
      const uint64_t before = m.machine.totals().entry_reads;
      EXPECT_FALSE(core.access({VirtAddr(va)}).fault);
      reads.push_back(m.machine.totals().entry_reads - before);
    }
  });
  EXPECT_EQ(reads, (std::vector<uint64_t>{4, 3, 2}));
}

TEST(Machine, CountersObeyTheirIdentities) {
  Mapped m(load_platform("textbook"));
  m.run([&](Core& core) { core.execute(mixed_accesses(50000, 5, 4096 * kPageBytes)); });
  const MachineTotals t = m.machine.totals();
  EXPECT_EQ(t.accesses, 50000u);
  EXPECT_GE(t.lookups, t.accesses);
  EXPECT_GT(t.l1_dtlb_misses, t.stlb_misses);
  EXPECT_EQ(t.stlb_misses, t.walks);
  EXPECT_GE(t.entry_reads, t.walks);
  uint64_t stages = 0, gaps = 0;
  for (const uint64_t cycles : t.stage_cycles) stages += cycles;
  for (const MemAccess& a : mixed_accesses(50000, 5, 4096 * kPageBytes)) gaps += a.gap;
  EXPECT_EQ(stages + gaps, t.cycles);  // every cycle of a blocking core belongs to a stage or to a gap
}

/// Names of B3.7, laws of B3.9 and B3.10: walks completed may be fewer than misses (merging), pending over active is at
/// most the number of walkers.
TEST(Machine, B37_ProcessorCountersObeyTheirIdentities) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    const std::string failed = in_child([model] {
      PlatformConfig p = window_platform();
      p.model = model;
      Mapped m(p);
      m.run([&](Core& core) { core.execute(mixed_accesses(20000, 5, 4096 * kPageBytes)); });
      const MachineTotals t = m.machine.totals();
      uint64_t started = 0, completed = 0, reads = 0, pending = 0, hits = 0, misses = 0, accesses = 0;
      for (const TranslationCounts& c : t.translation) {
        accesses += c.accesses;
        started += c.walks.started;
        for (const uint64_t n : c.walks.completed) completed += n;
        for (const uint64_t n : c.walks.reads) reads += n;
        for (const uint64_t n : c.second_level_hits) hits += n;
        for (const uint64_t n : c.second_level_misses) misses += n;
        EXPECT_LE(c.walks.active, c.walks.pending);
        EXPECT_LE(c.walks.pending, c.walks.active * p.walker.walkers);
        pending += c.walks.pending;
      }
      EXPECT_EQ(accesses, t.accesses);
      EXPECT_EQ(started, t.walks);
      EXPECT_EQ(completed, t.walks);
      EXPECT_EQ(reads, t.entry_reads);
      EXPECT_LE(pending, t.walk_cycles);  // of these some waited for a walker
      EXPECT_LE(hits + misses, t.l1_dtlb_misses);
      EXPECT_LE(misses, t.stlb_misses);
      if (model == CoreModel::kBlocking) {
        EXPECT_EQ(pending, t.walk_cycles);
        EXPECT_EQ(hits + misses, t.l1_dtlb_misses);
        EXPECT_EQ(misses, t.stlb_misses);
      }
      return std::string();
    });
    EXPECT_EQ(failed, "");
  }
}

TEST(Machine, StaleTranslationIsUsedUntilInvlpg) {
  Mapped m(load_platform("textbook"), LookAhead::kPending, 1);
  m.run([&](Core& core) {
    EXPECT_EQ(core.access({VirtAddr(8)}).pa, PhysAddr(kGiB + 8));
    m.tables.map(VirtAddr(0), PhysAddr(2 * kGiB), PageSize::k4K);  // changed, not invalidated: the classic bug
    EXPECT_EQ(core.access({VirtAddr(8)}).pa, PhysAddr(kGiB + 8));
    EXPECT_GT(m.machine.invalidate(0, on_invlpg(m.machine.control(0), VirtAddr(0))), 0u);
    EXPECT_EQ(core.access({VirtAddr(8)}).pa, PhysAddr(2 * kGiB + 8));
  });
}

TEST(Machine, FirstStoreThroughACleanEntrySetsDirtyInMemory) {
  Mapped m(load_platform("textbook"), LookAhead::kPending, 1);
  m.tables.map(VirtAddr(0x1000), PhysAddr(kGiB), PageSize::k4K, 0x7);  // neither accessed nor dirty
  const PhysAddr entry = m.tables.entry(VirtAddr(0x1000), 1);
  m.run([&](Core& core) {
    core.access({VirtAddr(0x1000)});
    EXPECT_EQ(m.machine.memory().load64(entry), kGiB | 0x27u);
    core.access({VirtAddr(0x1000), 8, AccessKind::kWrite});
    EXPECT_EQ(m.machine.memory().load64(entry), kGiB | 0x67u);
    const uint64_t walks = m.machine.totals().walks;
    core.access({VirtAddr(0x1000), 8, AccessKind::kWrite});
    EXPECT_EQ(m.machine.totals().walks, walks);
  });
}

TEST(Machine, FaultIsAResult) {
  Mapped m(load_platform("textbook"), LookAhead::kPending, 1);
  m.run([&](Core& core) {
    EXPECT_EQ(core.access({VirtAddr(0x5000)}).fault, FaultReason::kNotPresent);
    EXPECT_EQ(core.access({VirtAddr(0x0000800000000000)}).fault, FaultReason::kNonCanonical);
    m.tables.map(VirtAddr(0x5000), PhysAddr(kGiB), PageSize::k4K);  // not present to present needs no invalidation
    EXPECT_FALSE(core.access({VirtAddr(0x5000)}).fault);
  });
}

TEST(Machine, UncachedPageTablesCostAWayToMemoryForEachEntry) {
  const auto mean_walk = [](uint64_t pcd) {
    return in_child([=] {
      Mapped m(load_platform("textbook"), LookAhead::kPending, 64);
      // The PDE says how its page table is read: PCD=1, PWT=1 is UC.
      const PhysAddr pde = m.tables.entry(VirtAddr(0), 2);
      m.machine.memory().store64(pde, m.machine.memory().load64(pde) | pcd);
      m.run([&](Core& core) {
        for (uint64_t i = 0; i < 64; ++i) core.access({VirtAddr(i * kPageBytes)});
      });
      return fmt::format("{}", static_cast<uint64_t>(m.machine.totals().walk_latency.mean()));
    });
  };
  EXPECT_LT(std::stoul(mean_walk(0)) * 4, std::stoul(mean_walk(0x18)));
}

/// SDM vol. 3A 4.4.1: MOV to CR3 loads the PDPTE registers; a reserved bit in a present one is #GP(0), and nothing
/// changes.
TEST(Machine, MovToCr3LoadsThePdptesInPaeMode) {
  Simulation simulation;
  Machine machine("machine", load_platform("textbook"));
  ControlRegisters registers;
  registers.efer = kEferNxe;
  machine.set_control(0, ControlState(registers, machine.platform().processor));
  PhysMem& memory = machine.memory();
  for (uint64_t i = 0; i < 2; ++i) {  // two address spaces: PDPTs at 0x1000 and 0x1020
    const uint64_t directory = 0x2000 + i * 0x1000;
    memory.store64(PhysAddr(0x1000 + i * 0x20), directory | pte::kPresent);
    memory.store64(PhysAddr(directory), (i + 1) * 0x20'0000 | pte::kPageSize | 0x3);
  }
  CallProgram program([&](Core& core) {
    EXPECT_TRUE(machine.write_cr3(0, 0x1000));
    EXPECT_EQ(core.access({VirtAddr(0x10)}).pa, PhysAddr(0x20'0010));
    memory.store64(PhysAddr(0x1000), 0);  // the registers are used, not the table
    machine.invalidate(0, on_invlpg(machine.control(0), VirtAddr(0)));
    EXPECT_EQ(core.access({VirtAddr(0x10)}).pa, PhysAddr(0x20'0010));
    EXPECT_TRUE(machine.write_cr3(0, 0x1020));
    EXPECT_EQ(core.access({VirtAddr(0x10)}).pa, PhysAddr(0x40'0010));
    memory.store64(PhysAddr(0x1008), 0x5000 | pte::kPresent | pte::kWritable);  // bit 1 is reserved in a PDPTE
    EXPECT_FALSE(machine.write_cr3(0, 0x1000));
    EXPECT_EQ(machine.control(0).registers().cr3, 0x1020U);
    EXPECT_EQ(core.access({VirtAddr(0x10)}).pa, PhysAddr(0x40'0010));
    EXPECT_FALSE(machine.write_cr3(0, uint64_t{1} << 32 | 0x1020));
  });
  simulation.run(machine, program);
}

TEST(Machine, MovToCr3RefusesReservedBits) {
  Mapped m(load_platform("skylake-sp"), LookAhead::kPending, 1);  // 46 physical address bits
  const uint64_t root = m.machine.control(0).registers().cr3;
  m.run([&](Core&) {
    EXPECT_FALSE(m.machine.write_cr3(0, root | uint64_t{1} << 46));
    EXPECT_FALSE(m.machine.write_cr3(0, root | kCr3NoInvalidate)) << "bit 63 is reserved with CR4.PCIDE=0";
    ControlRegisters registers = m.machine.control(0).registers();
    registers.cr4 |= kCr4Pcide;
    m.machine.set_control(0, ControlState(registers, m.machine.platform().processor));
    EXPECT_TRUE(m.machine.write_cr3(0, root | kCr3NoInvalidate));
    EXPECT_EQ(m.machine.control(0).registers().cr3, root) << "it reads as 0";
  });
}

TEST(Machine, EntriesInMemoryThatMtrrsMakeUncacheableAreReadFromMemoryEachTime) {
  const auto counts = [](bool uncacheable) {
    return in_child([=] {
      PlatformConfig p = load_platform("textbook");
      Mtrrs mtrrs;  // the tables lie below 16 MiB
      if (uncacheable) mtrrs.add_variable(0, (uint64_t{1} << 52) - (16 * kMiB) + (uint64_t{1} << 11));
      p.memory_types = MemoryTypes(mtrrs, kPatAtReset, false);
      Mapped m(p, LookAhead::kPending, 64);
      EXPECT_LT(m.tables.entry(VirtAddr(0), 1).raw(), 16 * kMiB);
      m.run([&](Core& core) {
        for (uint64_t i = 0; i < 64; ++i) core.access({VirtAddr(i * kPageBytes)});
      });
      const MachineTotals t = m.machine.totals();
      EnumArray<HitLevel, uint64_t> reads{};
      for (const auto& level : t.reads_by_level) reads += level;
      EXPECT_EQ(t.entry_reads, 4U + 63U);  // the first walk reads all levels, the others their PTE
      EXPECT_EQ(reads[HitLevel::kUncached], uncacheable ? 67U : 0U);
      // A way to memory and back costs 120 cycles at the least (configs/platforms/textbook.json).
      EXPECT_GE(t.walk_latency.min(), uncacheable ? 81U : 0U);
      return fmt::format("{}", t.walk_latency.sum());
    });
  };
  EXPECT_GT(std::stoul(counts(true)), 4 * std::stoul(counts(false)));
}

TEST(WindowCore, IndependentMissesOverlapAndDependentOnesDoNot) {
  const auto cycles = [](uint16_t depends_on) {
    return std::stoul(in_child([=] {
      Mapped m(window_platform(), LookAhead::kPending, 4096);
      std::vector<MemAccess> accesses(1000);
      uint64_t seed = 3;
      for (MemAccess& a : accesses) {
        a.va = VirtAddr(next_random(seed) % (4096 * kPageBytes) & ~uint64_t{63});
        a.depends_on = depends_on;
      }
      m.run([&](Core& core) { core.execute(accesses); });
      return fmt::format("{}", m.machine.now().count);
    }));
  };
  EXPECT_GT(cycles(1), 4 * cycles(0));
}

}  // namespace
}  // namespace mmusim
