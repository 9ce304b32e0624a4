// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/simulation.h"

namespace mmusim {

/// Empties everything of a machine that remembers: TLBs, paging-structure caches, nested structures and caches of all
/// cores, and the last cache. Call between programs.
void make_cold(Simulation& simulation, Machine& machine);

}  // namespace mmusim
