// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kPagesEach = 2048;

/// A machine with its tables and a program for each core, to be run alone or beside another.
class Runner {
 public:
  Runner(const char* name, const PlatformConfig& platform, LookAhead look_ahead, uint64_t seed)
      : machine(name, platform, {look_ahead}), tables_(machine.memory(), 4) {
    for (uint64_t i = 0; i < kPagesEach; ++i)
      tables_.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
    for (unsigned core = 0; core < machine.cores(); ++core) {
      machine.write_cr3(core, tables_.root().raw());
      const auto body = [seed, core](Core& c) { c.execute(accesses(seed + core)); };
      programs_.push_back(std::make_unique<CallProgram>(body));
      pointers.push_back(programs_.back().get());
    }
  }
  std::string report() const { return to_json(machine.stats()).dump(1); }

  Machine machine;
  std::vector<Program*> pointers;

 private:
  static std::vector<MemAccess> accesses(uint64_t seed) {
    std::vector<MemAccess> all(6000);
    uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
    for (MemAccess& a : all) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      a.va = VirtAddr(x % (kPagesEach * kPageBytes - 8));
      a.kind = x >> 40 & 1 ? AccessKind::kWrite : AccessKind::kRead;
      a.gap = static_cast<uint16_t>(x >> 50 & 3);
    }
    return all;
  }
  TableBuilder tables_;
  std::vector<std::unique_ptr<CallProgram>> programs_;
};

PlatformConfig platform(const char* name, CoreModel model, unsigned cores, bool prefetch) {
  PlatformConfig p = load_platform(name);
  p.model = model;
  p.cores = cores;
  if (prefetch) p.l2.prefetcher.kind = CachePrefetcherKind::kNextLine;
  return p;
}

std::string alone(const PlatformConfig& p, LookAhead look_ahead, uint64_t seed) {
  return in_child([&] {
    Simulation simulation;
    Runner runner("machine", p, look_ahead, seed);
    simulation.run(runner.machine, runner.pointers);
    return runner.report();
  });
}

std::string both(const PlatformConfig& left, const PlatformConfig& right, LookAhead look_ahead) {
  return in_child([&] {
    Simulation simulation;
    Runner a("left", left, look_ahead, 1), b("right", right, look_ahead, 100);
    a.machine.start(a.pointers);
    b.machine.start(b.pointers);
    simulation.run_all();
    a.machine.finish();
    b.machine.finish();
    return a.report() + "|" + b.report();
  });
}

TEST(TwoMachines, EachCountsInOneSimulationWhatItCountsAlone) {
  struct Pair {
    PlatformConfig left, right;
  };
  const Pair pairs[] = {
      {platform("textbook", CoreModel::kBlocking, 1, false), platform("milan", CoreModel::kWindow, 1, false)},
      {platform("skylake-sp", CoreModel::kWindow, 2, false), platform("skylake-sp", CoreModel::kWindow, 2, false)},
      {platform("textbook", CoreModel::kBlocking, 3, true), platform("genoa", CoreModel::kBlocking, 1, true)},
  };
  for (const Pair& pair : pairs) {
    for (const LookAhead look_ahead : {LookAhead::kPending, LookAhead::kNone}) {
      EXPECT_EQ(both(pair.left, pair.right, look_ahead),
                alone(pair.left, look_ahead, 1) + "|" + alone(pair.right, look_ahead, 100));
    }
  }
}

TEST(TwoMachines, PartsAreChildrenOfTheirMachine) {
  const Runner a("left", platform("textbook", CoreModel::kBlocking, 2, false), LookAhead::kPending, 1),
      b("right", platform("milan", CoreModel::kWindow, 1, false), LookAhead::kPending, 1);
  for (const char* name : {"left.core0.l1d", "left.core1.page_walkers", "left.core1.stlb", "left.l3", "left.dram",
                           "right.core0.core", "right.core0.l1i", "right.core0.l2", "right.core0.lsu"}) {
    EXPECT_NE(sc_core::sc_find_object(name), nullptr) << name;
  }
  EXPECT_EQ(sc_core::sc_find_object("core0_l1d"), nullptr);
}

/// A machine that starts when the other one has moved the simulation's time runs from there on.
TEST(TwoMachines, OneAfterTheOtherShareTheSimulationsTime) {
  Simulation simulation;
  const PlatformConfig p = platform("textbook", CoreModel::kBlocking, 2, false);
  Runner a("left", p, LookAhead::kPending, 1), b("right", p, LookAhead::kPending, 1);
  simulation.run(a.machine, a.pointers);
  EXPECT_LT(b.machine.now(), a.machine.now());
  simulation.run(b.machine, b.pointers);
  EXPECT_GT(b.machine.now(), a.machine.now());
  EXPECT_EQ(b.machine.totals().walks, a.machine.totals().walks);
  const StatNode stats = b.machine.stats();
  EXPECT_EQ(stats.name, "machine");
}

}  // namespace
}  // namespace mmusim
