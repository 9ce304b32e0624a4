// SPDX-License-Identifier: MIT
#include "sim/machine/translation_checker.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/x86/invalidation.h"
#include "models/x86/walk.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr VirtAddr kPage(0x5000);
constexpr PhysAddr kFrame(kGiB);
constexpr PhysAddr kOther(2 * kGiB);

PlatformConfig platform(CoreModel model) {
  PlatformConfig p = load_platform("textbook");
  p.model = model;
  return p;
}

/// A paranoid machine with one page mapped, used once.
struct Bench {
  explicit Bench(CoreModel model = CoreModel::kBlocking)
      : machine("machine", platform(model), {LookAhead::kPending, /*paranoid=*/true}), tables(machine.memory(), 4) {
    tables.map(kPage, kFrame, PageSize::k4K);
    ControlState control = machine.control(0);
    control.set_cr3(tables.root().raw());
    machine.set_control(0, control);
    load();
  }
  void run(std::function<void(Core&)> body) {
    CallProgram program(std::move(body));
    simulation.run(machine, program);
  }
  void load() {
    run([](Core& core) { core.execute(std::array{MemAccess{kPage, 8}}); });
  }
  void remap() { tables.map(kPage, kOther, PageSize::k4K); }
  Invalidation invlpg() { return on_invlpg(machine.control(0), kPage); }

  Simulation simulation;
  Machine machine;
  TableBuilder tables;
};

TEST(Paranoid, AStaleTranslationThatNobodyAnnouncedStops) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    EXPECT_DEATH(
        {
          Bench b(model);
          b.remap();
          b.load();
        },
        "core0 in cycle [0-9]+: the translation of 0x5000 by the read of access 2 is wrong: it has 0x40000000.*"
        "the page tables say 0x80000000(.|\n)*level 4 entry at .*(.|\n)*level 1 entry at");
  }
}

TEST(Paranoid, AStaleTranslationIsRightUntilItIsFlushed) {
  in_child([] {
    Bench b;
    b.remap();
    b.machine.checker()->entry_changed(kPage, kPageBytes);
    b.load();
    EXPECT_EQ(b.machine.checker()->stale_seen(), 1U);
    b.machine.invalidate(0, b.invlpg());
    b.load();
    EXPECT_EQ(b.machine.checker()->stale_seen(), 1U);
    EXPECT_GE(b.machine.checker()->translations_checked(), 3U);
    return "";
  });
}

TEST(Paranoid, AFlushThatLeavesAnEntryBehindStopsAtTheFlush) {
  EXPECT_DEATH(
      {
        Bench b;
        b.remap();
        b.machine.checker()->entry_changed(kPage, kPageBytes);
        // The flush of a machine that forgets its second level.
        const Invalidation nothing;
        b.machine.checker()->flushed(0, b.invlpg());
        b.machine.core(0).lsu().invalidate(b.invlpg());
        b.machine.invalidate(0, nothing);
      },
      "the translation of 0x5000 by slot [0-9]+ of array [0-9]+ of the stlb after a flush is wrong");
}

TEST(Paranoid, AMissingAccessedFlagStops) {
  EXPECT_DEATH(
      {
        Bench b;
        const Walk::Step leaf = [&] {
          Walk walk(b.machine.control(0), kPage);
          while (!walk.done()) walk.feed(b.machine.memory().load64(walk.entry_pa()));
          return walk.steps().back();
        }();
        b.machine.memory().store64(leaf.entry_pa, leaf.entry & ~pte::kAccessed);
        b.load();
      },
      "an accessed or dirty flag is not set");
}

TEST(Paranoid, TheFunctionalMachineIsCheckedToo) {
  EXPECT_DEATH(
      {
        FunctionalMachine machine(platform(CoreModel::kBlocking), /*paranoid=*/true);
        TableBuilder tables(machine.memory(), 4);
        tables.map(kPage, kFrame, PageSize::k4K);
        ControlState control = machine.control();
        control.set_cr3(tables.root().raw());
        machine.set_control(control);
        machine.execute(std::array{MemAccess{kPage, 8}});
        tables.map(kPage, kOther, PageSize::k4K);
        machine.execute(std::array{MemAccess{kPage, 8}});
      },
      "the translation of 0x5000 by the read of access 2 is wrong");
}

std::string counts(CoreModel model, bool paranoid) {
  return in_child([&] {
    PlatformConfig p = platform(model);
    p.lsu.tlbs.load.smash_1g = true;
    Simulation simulation;
    Machine machine("machine", p, {LookAhead::kPending, paranoid});
    TableBuilder tables(machine.memory(), 4);
    for (unsigned i = 0; i < 512; ++i) tables.map(kPage + i * kPageBytes, kFrame + i * kPageBytes, PageSize::k4K);
    tables.map(VirtAddr(8 * kGiB), PhysAddr(4 * kGiB), PageSize::k1G);
    ControlState control = machine.control(0);
    control.set_cr3(tables.root().raw());
    machine.set_control(0, control);
    CallProgram program([](Core& core) {
      std::vector<MemAccess> accesses;
      for (uint64_t i = 0; i < 20000; ++i) {
        const uint64_t r = i * 0x9e3779b97f4a7c15 >> 20;
        const VirtAddr va = i % 3 == 0 ? VirtAddr(8 * kGiB) + (r % (kGiB - 8)) : kPage + (r % (512 * kPageBytes - 8));
        accesses.push_back({va, 8, i % 5 == 0 ? AccessKind::kWrite : AccessKind::kRead});
      }
      core.execute(accesses);
      core.drain();
    });
    simulation.run(machine, program);
    return to_json(machine.stats()).dump(1);
  });
}

TEST(Paranoid, DoesNotChangeWhatIsCounted) {
  for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
    EXPECT_EQ(counts(model, false), counts(model, true));
  }
}

}  // namespace
}  // namespace mmusim
