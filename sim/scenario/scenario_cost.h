// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/machine/memory_cost.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Host memory that running the scenario will take: machine, page tables, struct pages that are stored, the
/// kernel's own lists. An upper estimate: seldom more than twice what the run takes. `tables`: the page tables of each
/// stage are collected (--tables).
HostMemoryCost cost_of(const Scenario& scenario, const PlatformConfig& platform, bool tables);

/// Names the keys of the scenario that make it cheaper; empty if none would.
std::string cheaper(const Scenario& scenario, const HostMemoryCost& cost);

}  // namespace mmusim
