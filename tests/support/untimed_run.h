// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "models/base/phys_mem.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/untimed_host.h"

namespace mmusim {

/// Returns the tables after each stage of a scenario, which runs without time. A failure of the run fails the test.
inline std::vector<StageTables> tables_of(const Scenario& scenario) {
  PhysMem memory;
  UntimedHost host(scenario, memory, UntimedTarget::Accesses::kRefused);
  std::vector<StageTables> tables;
  RunOutputs outputs;
  outputs.tables = [&](StageTables&& stage) { tables.push_back(std::move(stage)); };
  EXPECT_EQ(run_scenario(scenario, host, outputs).failure, "");
  return tables;
}

}  // namespace mmusim
