// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/machine/memory_cost.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// What running the scenario will take of the host's memory: machine, page tables, struct pages that are stored, the
/// kernel's own lists. An upper estimate: seldom more than twice what the run takes. `tables`: the page tables of each
/// stage are collected (--tables).
HostMemoryCost cost_of(const Scenario& scenario, const PlatformConfig& platform, bool tables);

/// Which keys of the scenario make it cheaper; empty if none would.
std::string cheaper(const Scenario& scenario, const HostMemoryCost& cost);

}  // namespace mmusim
