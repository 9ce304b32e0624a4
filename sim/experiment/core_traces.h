// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/experiment/replay_setup.h"

namespace mmusim {

/// Opens the traces of the other cores and fills `setup.traces`, from a setup that is complete but for them. Of traces
/// with page tables on first touch, each gets an equal part of the memory. Throws InputError for what makes no sense on
/// several cores, and for cores that the platform does not have.
void open_core_traces(const ReplayOptions& options, ReplaySetup& setup);

/// Returns the cores and files of the options: those of --core-trace, and the trace itself for core 0, ascending. Throws
/// InputError for a core with two traces or none at all.
std::vector<std::pair<unsigned, std::string>> traces_by_core(const ReplayOptions& options);

}  // namespace mmusim
