// SPDX-License-Identifier: MIT
#include "sim/host/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/fabric/wait_board.h"
#include "sim/experiment/limits.h"
#include "sim/host/interrupts.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/sim/machine/stuck_memory.h"

namespace mmusim {
namespace {

using testing::HasSubstr;
using testing::Not;

PlatformConfig stuck_platform() {
  PlatformConfig p = load_platform("textbook");
  p.model = CoreModel::kWindow;
  p.window.outstanding = 3;
  p.walker.walkers = 1;
  p.l1d.miss_registers = 2;
  return p;
}

/// Three loads of different pages on a machine whose memory does not answer.
void run_stuck(bool busy, unsigned silent_seconds) {
  StuckMemory memory("stuck", busy);
  Simulation simulation;
  Machine machine("machine", stuck_platform(), {LookAhead::kPending, /*paranoid=*/false, &memory});
  WatchdogLimits limits;
  limits.silent_seconds = silent_seconds;
  const WatchedMachine watched(machine);
  const Watchdog watchdog(&watched, limits);
  CallProgram program([](Core& core) {
    const MemAccess loads[] = {{VirtAddr(0x1000), 8}, {VirtAddr(0x2000), 8}, {VirtAddr(0x3000), 8}};
    core.execute(loads);
    core.drain();
  });
  simulation.run(machine, program);
}

TEST(Watchdog, NothingPendingWhileAccessesAreUnderWayStopsWithWhoWaitsForWhom) {
  EXPECT_DEATH(run_stuck(/*busy=*/false, 0),
               "nothing can happen any more in cycle [0-9]+.*core0_core is not done(.|\n)*"
               "core0_core waits since cycle [0-9]+ for an access to be done(.|\n)*"
               "core0_slot0 waits since cycle [0-9]+ for an answer that never comes of stuck(.|\n)*"
               "core0_slot1 waits since cycle [0-9]+ for a free walker of core0_page_walkers(.|\n)*"
               "core0_page_walkers walker 0 walks 0x1000 for core0_slot0(.|\n)*"
               "core0_l1d miss register 0 holds line 0x.* for core0_slot0");
}

TEST(Watchdog, TimeThatStandsStillStopsWithWhoWaitsForWhom) {
  EXPECT_DEATH(run_stuck(/*busy=*/true, 1),
               "no progress in simulated time for 1 s, in cycle [0-9]+(.|\n)*the simulation stands still(.|\n)*"
               "core0_slot1 waits since cycle [0-9]+ for a free walker(.|\n)*walker 0 walks 0x1000 for core0_slot0");
}

TEST(Watchdog, AStandstillIsReproducible) {
  set_reproduction("mmusim run stuck.json --seed 7");
  EXPECT_DEATH(run_stuck(/*busy=*/false, 0), "reproduce with: mmusim run stuck.json --seed 7");
}

TEST(Watchdog, MoreMemoryThanAllowedAsksToStopWithExitCode3) {
  WatchdogLimits limits;
  limits.memory = kMiB;
  EXPECT_FALSE(interrupt_requested());
  {
    const Watchdog watchdog(nullptr, limits);
    while (!interrupt_requested()) {
    }
  }
  EXPECT_EQ(interrupt_exit_code(), 3);
  EXPECT_THAT(stop_reason(), HasSubstr("the limit is 1 MiB (--max-memory)"));
}

TEST(WaitBoard, NamesWhoWaitsAndTheCircle) {
  WaitBoard board(4);
  for (unsigned i = 0; i < 4; ++i) board.name(i, "r" + std::to_string(i));
  board.begin(1, {"walkers", "the walk under way to that page", 0x5000, 3}, CycleTime(10));
  board.begin(3, {"l2", "a line in flight", 0x40, 2}, CycleTime(12));
  EXPECT_EQ(board.text(),
            "  r1 waits since cycle 10 for the walk under way to that page (0x5000) of walkers, which r3 has\n"
            "  r3 waits since cycle 12 for a line in flight (0x40) of l2, which r2 has\n");
  board.begin(2, {"l1", "a line in flight", 0x80, 1}, CycleTime(14));
  EXPECT_THAT(board.text(), HasSubstr("in a circle: r1 -> r3 -> r2 -> r1\n"));
  board.end(3);
  EXPECT_THAT(board.text(), Not(HasSubstr("circle")));
}

}  // namespace
}  // namespace mmusim
