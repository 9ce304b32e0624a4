// SPDX-License-Identifier: MIT
#pragma once

#include "sim/explain/explanation.h"
#include "sim/machine/simulation.h"

namespace mmusim {

/// Carries the explained access out on core 0 of the machine, twice, and adds what it saw: `first`, `again`, and where
/// each entry came from. The explanation must have been made from the machine's memory and control state as they are
/// now; an access that ends otherwise than explained is an internal error.
void add_timing(Simulation& simulation, Machine& machine, Explanation& e);

}  // namespace mmusim
