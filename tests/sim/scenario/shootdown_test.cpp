// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "models/base/stats.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "tests/sim/scenario/flush_rig.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

using nlohmann::json;
using test::kPages;
using test::kVa;
using test::Rig;

/// The classic race: core 0 changes an entry while core 1 uses the page all the time.
std::string race() {
  Rig rig(2);
  const PhysAddr fresh(2 * kGiB);
  CycleTime changed, flushed;
  std::vector<std::pair<CycleTime, PhysAddr>> seen;  // begin of each access of core 1, and where it went
  bool stop = false;
  rig.run(2, [&](Core& core, unsigned number) {
    if (number == 0) {
      core.idle(Cycles(5000));
      core.take_turn();
      changed = core.now();
      PhysMem& memory = rig.machine.memory();
      memory.store64(rig.entry_of(0), (memory.load64(rig.entry_of(0)) & ~uint64_t{0xffffffffff000}) | fresh.raw());
      rig.tlb.flush_tlb_kernel_range(kVa, kVa + kPageBytes, "race");
      flushed = core.now();
      rig.memory.simulated_cpus().tell(1, [&] { stop = true; });
      return;
    }
    while (!stop) {
      const CycleTime begin = core.now();
      const AccessResult result = core.access({kVa, 8, AccessKind::kRead});
      seen.emplace_back(core.now() - begin > Cycles(400) ? core.now() : begin, result.pa);
    }
  });
  const mm::CallDelivery d = rig.heard.last;
  uint64_t stale = 0, last_stale = 0, first_new = ~uint64_t{0};
  for (const auto& [begin, pa] : seen) {
    if (pa == fresh) {
      first_new = std::min(first_new, begin.count);
    } else {
      stale += begin > changed ? 1 : 0;
      last_stale = std::max(last_stale, begin.count);
    }
  }
  return json{{"changed", changed.count},    {"sent", d.sent},           {"arrival", d.arrival},
              {"handled", d.handled},        {"flushed", flushed.count}, {"stale", stale},
              {"last_stale", last_stale},    {"first_new", first_new},   {"ipis", rig.heard.ipis},
              {"flushes", rig.heard.flushes}}
      .dump();
}

TEST(Shootdown, S49_AnOldEntryIsUsedUntilTheInterruptArrives) {
  const json r = json::parse(in_child(race));
  const uint64_t changed = r["changed"], arrival = r["arrival"], handled = r["handled"];
  // Half of the target's 200 cycles to prepare the call, 150 for the ICR write, 1200 on the way, 300 to the handler.
  EXPECT_EQ(r["sent"], changed + 100 + 150);
  EXPECT_EQ(arrival, changed + 1450);
  EXPECT_GE(handled, arrival + 300);
  EXPECT_LT(handled, arrival + 300 + 400);  // it waits for the end of an access
  EXPECT_GT(r["stale"], 50);                // accesses after the store that went to the old page
  EXPECT_LT(r["last_stale"], handled);
  EXPECT_GT(r["last_stale"], arrival - 400);
  EXPECT_GE(r["first_new"], handled + 250);  // its INVLPG
  EXPECT_GE(r["flushed"], handled + 250);
  EXPECT_EQ(r["ipis"], 1);
  EXPECT_EQ(r["flushes"], 2);
}

/// So many cores flush at the same time, some of them ranges, some everything.
std::string all_flush(unsigned cores, unsigned flushes) {
  Rig rig(cores);
  rig.run(cores, [&](Core& core, unsigned number) {
    for (unsigned i = 0; i < flushes; ++i) {
      (void)core.access({kVa + (i + number) % kPages * kPageBytes, 8, AccessKind::kRead});
      if ((i + number) % 3 == 0) {
        rig.tlb.flush_tlb_all("test");
      } else {
        rig.tlb.flush_tlb_kernel_range(kVa, kVa + 7 * kPageBytes, "test");
      }
    }
  });
  return fmt::format("{} {}", rig.heard.flushes, rig.heard.ipis);
}

TEST(Shootdown, S14_FlushersAtTheSameTimeServeEachOther) {
  std::istringstream two(in_child([] { return all_flush(2, 50); }));
  unsigned flushes = 0, ipis = 0;
  two >> flushes >> ipis;
  EXPECT_EQ(flushes, 2 * 2 * 50U);
  EXPECT_LE(ipis, 2 * 50U);
  std::istringstream eight(in_child([] { return all_flush(8, 20); }));
  eight >> flushes >> ipis;
  EXPECT_EQ(flushes, 8 * 8 * 20U);
}

/// A core that waits for a lock takes interrupts: its holder flushes meanwhile.
std::string flush_under_a_lock() {
  Rig rig(3);
  rig.run(3, [&](Core& core, unsigned) {
    for (unsigned i = 0; i < 10; ++i) {
      core.acquire(rig.machine.lock(1));
      rig.tlb.flush_tlb_all("test");
      core.release(rig.machine.lock(1));
    }
  });
  return std::to_string(rig.heard.flushes);
}

TEST(Shootdown, S14_WhoeverWaitsForALockIsFlushedMeanwhile) {
  EXPECT_EQ(in_child(flush_under_a_lock), std::to_string(3 * 3 * 10));
}

/// A kernel that broadcasts, and looks after each flush whether a process gets a global ASID.
mm::KernelConfig broadcasting() {
  mm::KernelConfig config;
  config.version = mm::KernelVersion::kV7_3;
  config.cpu.invlpgb_pages = 8;
  config.global_asid_period = 1;
  return config;
}

/// Four cores with such a kernel, each with a thread of one process.
struct ProcessRig : Rig {
  ProcessRig() : Rig(4, LookAhead::kPending, broadcasting()), process(user.make(tables.root())) {
    for (unsigned core = 0; core < 4; ++core) user.switch_mm(core, process);
  }
  void flush_first_page() { user.flush_tlb_mm_range(process, kVa, kVa + kPageBytes, false, "test"); }

  mm::AddressSpace process;
};

std::string broadcast() {
  Rig rig(4, LookAhead::kPending, broadcasting());
  uint64_t cycles = 0;
  rig.run(1, [&](Core& core, unsigned) {
    core.idle(Cycles(10000));
    const CycleTime begin = core.now();
    rig.tlb.flush_tlb_all("test");
    cycles = (core.now() - begin).count;
  });
  uint64_t interrupts = 0;
  for (const InterruptCost& cost : rig.memory.simulated_cpus().costs()) interrupts += cost.interrupts;
  return fmt::format("{} flushes, {} interrupts, {} cycles", rig.heard.flushes, interrupts, cycles);
}

TEST(Shootdown, S57_ABroadcastInterruptsNobody) {
  EXPECT_EQ(in_child(broadcast), "4 flushes, 0 interrupts, 1550 cycles");  // INVLPGB 50, TLBSYNC 1500
}

/// Cycles of a flush that each of three cores begins at the same time.
std::string broadcasts_at_once() {
  Rig rig(4, LookAhead::kPending, broadcasting());
  std::vector<uint64_t> cycles(3);
  rig.run(3, [&](Core& core, unsigned number) {
    core.idle(Cycles(10000));
    const CycleTime begin = core.now();
    rig.tlb.flush_tlb_all("test");
    cycles[number] = (core.now() - begin).count;
  });
  return fmt::format("{}", fmt::join(cycles, " "));
}

TEST(Shootdown, S57_BroadcastsOfSeveralCoresFollowEachOther) {
  EXPECT_EQ(in_child(broadcasts_at_once), "1550 2550 3550");  // broadcast_gap_cycles 1000
}

/// A page of a process is mapped elsewhere and flushed by a broadcast, while four cores have its translation under the
/// global ASID: which frame each reads afterwards.
std::string remapped() {
  ProcessRig rig;
  const PhysAddr fresh(2 * kGiB);
  std::string text;
  rig.run(4, [&](Core& core, unsigned number) {
    const auto read = [&](uint64_t page) { return core.access({kVa + page * kPageBytes, 8, AccessKind::kRead}).pa; };
    const auto work_until = [&](uint64_t cycle) {  // interrupts are taken between accesses
      while (core.now() < CycleTime(cycle)) core.idle(Cycles(50)), read(2);
    };
    for (unsigned i = 0; number == 0 && i < 3; ++i) rig.flush_first_page();  // until all use the global ASID
    work_until(50000);
    read(0);
    work_until(60000);
    if (number == 0) {
      core.take_turn();
      PhysMem& memory = rig.machine.memory();
      memory.store64(rig.entry_of(0), (memory.load64(rig.entry_of(0)) & ~uint64_t{0xffffffffff000}) | fresh.raw());
      rig.flush_first_page();
    }
    work_until(70000);
    text += read(0) == fresh ? "fresh " : "stale ";
  });
  return fmt::format("{}asid {}, {} interrupts", text, rig.process.global_asid, rig.heard.ipis);
}

TEST(Shootdown, S27_ABroadcastRemovesWhatCoresHaveUnderTheGlobalAsid) {
  EXPECT_EQ(in_child(remapped), "fresh fresh fresh fresh asid 6, 6 interrupts");  // of the two flushes before
}

/// Global ASIDs that a process was seen to have while four cores flush it at the same time.
std::string global_asids() {
  ProcessRig rig;
  std::set<unsigned> seen;
  rig.run(4, [&](Core& core, unsigned) {
    for (unsigned i = 0; i < 5; ++i) {
      rig.flush_first_page();
      core.take_turn();
      seen.insert(rig.process.global_asid);
    }
  });
  return fmt::format("{}", fmt::join(seen, " "));
}

TEST(Shootdown, S27_CoresThatLookAtTheSameTimeGiveAProcessOneGlobalAsid) { EXPECT_EQ(in_child(global_asids), "6"); }

/// Random programs: accesses, pauses, flushes of ranges and of everything. Returns all that happened.
std::string random_programs(unsigned cores, uint64_t seed, LookAhead look_ahead, CoreModel model) {
  mm::KernelConfig config;
  config.version = mm::KernelVersion::kV7_3;
  if (seed % 4 == 3) config.cpu.invlpgb_pages = 8;
  config.global_asid_period = 2;
  Rig rig(cores, look_ahead, config, model);
  const unsigned busy = 1 + static_cast<unsigned>(seed % cores);
  mm::AddressSpace process = rig.user.make(rig.tables.root());
  for (unsigned core = 0; core < busy; ++core) rig.user.switch_mm(core, process);
  std::string ends;
  rig.run(busy, [&](Core& core, unsigned number) {
    uint64_t state = seed * 1000003 + number;
    const auto draw = [&state](uint64_t below) {
      state = state * 6364136223846793005 + 1442695040888963407;
      return (state >> 33) % below;
    };
    for (unsigned i = 0; i < 60; ++i) {
      switch (draw(8)) {
        case 0:
          core.idle(Cycles(draw(3000)));
          break;
        case 1:
          rig.tlb.flush_tlb_kernel_range(kVa, kVa + (1 + draw(40)) * kPageBytes, "test");
          break;
        case 2:
          if (draw(3) == 0) rig.tlb.flush_tlb_all("test");
          break;
        case 3:
          rig.user.flush_tlb_mm_range(process, kVa, kVa + (1 + draw(40)) * kPageBytes, draw(4) == 0, "test");
          break;
        default: {
          std::vector<MemAccess> batch;
          for (uint64_t n = 0; n <= draw(40); ++n) {
            batch.push_back(
                {kVa + draw(kPages * kPageBytes / 8) * 8, 8, draw(3) == 0 ? AccessKind::kWrite : AccessKind::kRead});
          }
          core.execute(batch);
        }
      }
    }
    core.drain();
    ends += fmt::format("core {} ends at {}\n", number, core.now().count);
  });
  return rig.heard.text + ends + to_json(rig.machine.stats()).dump();
}

TEST(Shootdown, S55_LockStepAndLookAheadAreTheSame) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    for (const unsigned cores : {2U, 8U}) {
      const uint64_t seeds = cores == 2 ? 24 : 8;
      for (uint64_t seed = 0; seed < seeds; ++seed) {
        const std::string ahead = in_child([&] { return random_programs(cores, seed, LookAhead::kPending, model); });
        const std::string lock_step = in_child([&] { return random_programs(cores, seed, LookAhead::kNone, model); });
        EXPECT_GT(ahead.size(), 100U);
        ASSERT_TRUE(ahead == lock_step) << cores << " cores, seed " << seed << ", model " << static_cast<int>(model);
      }
    }
  }
}

json hvo_beside(unsigned cores, unsigned busy) {
  return json{{"name", "shootdown"},
              {"platform", {{"base", "textbook"}, {"cores", cores}}},
              {"kernel", {{"version", "6.1"}, {"hvo", true}}},
              {"memory", {{"ranges", json::array({{{"start", "0x0"}, {"size", "1GiB"}}})}}},
              {"phases",
               {{{"phase", "boot"}, {"timed", false}},
                {{"phase", "hugetlb"},
                 {"allocate", 8},
                 {"beside", {{"cores", busy}, {"kind", "random_pfn"}, {"parameters", {{"operations", 5000}}}}}}}}};
}

std::string run_beside() {
  const Scenario scenario = scenario_from_json(json::parse(hvo_beside(4, 2).dump()), "shootdown_test.json");
  Simulation simulation;
  MachineHost host(simulation, scenario, scenario_platform(scenario));
  const RunResult result = run_scenario(scenario, host, {});
  const PhaseSummary& phase = result.summary.phases[1];
  json cores = json::array();
  for (const CoreSummary& core : phase.cores) {
    cores.push_back({core.machine.accesses, core.interrupts, core.interrupt_cycles});
  }
  const ShootdownTotals& s = phase.kernel.shootdowns;
  return json{{"failure", result.failure},
              {"cores", cores},
              {"full", s.flush_rounds_full},
              {"range", s.flush_rounds_range},
              {"sent", s.ipis_sent},
              {"received", s.ipis_received},
              {"invlpg", s.invlpg},
              {"icr", s.icr_writes},
              {"waits", s.wait_cycles.count()}}
      .dump();
}

TEST(Shootdown, S59_EveryCoreIsInterruptedAndCounted) {
  const json r = json::parse(in_child(run_beside));
  EXPECT_EQ(r["failure"], "");
  const uint64_t rounds = r["full"].get<uint64_t>() + r["range"].get<uint64_t>();
  EXPECT_EQ(r["range"], 8);
  EXPECT_GE(r["full"], 1);
  EXPECT_EQ(r["sent"], 3 * rounds);
  EXPECT_EQ(r["received"], 3 * rounds);
  EXPECT_EQ(r["icr"], rounds);
  EXPECT_EQ(r["invlpg"], 8 * 7 * 4);
  EXPECT_EQ(r["waits"], rounds);
  for (size_t core = 1; core < 4; ++core) {
    EXPECT_EQ(r["cores"][core][1], rounds);
    EXPECT_GE(r["cores"][core][2].get<uint64_t>(), rounds * 600);  // entry and exit, and the flush
  }
  EXPECT_EQ(r["cores"][0][1], 0);
  EXPECT_GT(r["cores"][1][0], 100);  // the programs beside it made accesses
  EXPECT_GT(r["cores"][2][0], 100);
  EXPECT_EQ(r["cores"][3][0], 0);
}

}  // namespace
}  // namespace mmusim
