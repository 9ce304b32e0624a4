// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/report/comparison.h"

namespace mmusim {

/// Returns what a comparison found, for each base one sentence: what the fastest of the runs compared with it saves and
/// costs, per operation of the workload where it has operations, else per access. Each share names what it is a share of.
/// Of one run alone it returns what that run took.
std::string answer_of(const Comparison& comparison);

/// Returns a sentence on what the runs did not simulate; empty if no run succeeded.
std::string not_simulated(const Comparison& comparison);

}  // namespace mmusim
