// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "sim/experiment/replay_setup.h"
#include "sim/machine/machine.h"
#include "sim/machine/simulation.h"

namespace mmusim {

/// Replays the traces of `setup`, each on its own core of `machine`. All warm up first; then the measured parts begin in
/// one cycle, and a core whose trace has ended rests. Counters of a core are those until the end of its trace. With page
/// tables on first touch each trace is a process of its own, streams of one trace are threads of one process.
ReplayResult replay_on_cores(ReplaySetup& setup, Simulation& simulation, Machine& machine);

/// Like replay_on_cores(), without time: each core on a machine of its own, since nothing that the functional model
/// counts depends on other cores.
ReplayResult replay_functional_cores(ReplaySetup& setup, bool paranoid);

}  // namespace mmusim
