// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <stdexcept>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"

namespace mmusim {
namespace {

struct SetWhenDestroyed {
  bool& gone;
  ~SetWhenDestroyed() { gone = true; }
};

TEST(Ending, AProgramThatWaitsForOneThatThrewIsUnwoundBeforeTheRunEnds) {
  PlatformConfig platform = load_platform("textbook");
  platform.cores = 2;
  Simulation simulation;
  Machine machine("machine", platform, {});
  bool gone = false;
  CallProgram throws([&](Core& core) {
    core.acquire(machine.lock(1));
    core.idle(Cycles(10));
    machine.core(1).interrupts()->abandon();  // it waits without looking for interrupts
    throw std::runtime_error("while it holds the lock");
  });
  CallProgram waits([&](Core& core) {
    const SetWhenDestroyed guard{gone};
    core.acquire(machine.lock(1));
    ADD_FAILURE() << "the lock is held";
  });
  EXPECT_THROW(simulation.run(machine, {&throws, &waits}), std::runtime_error);
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace mmusim
