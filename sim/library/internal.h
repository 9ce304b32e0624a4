// SPDX-License-Identifier: MIT
#pragma once

// The public headers use some names that the code below them uses too. This header makes those of the code below known
// as mmusim::internal::NAME and then includes the public headers, in this order. Include it instead of them.

#include "models/base/records.h"
#include "sim/experiment/compare.h"
#include "sim/experiment/replay_run.h"
#include "sim/experiment/run.h"
#include "sim/machine/targets.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/switched_memory.h"

namespace mmusim::internal {

using mmusim::AccessResult;
using mmusim::compare;
using mmusim::Machine;
using mmusim::Scenario;
using ReplayRequest = mmusim::ReplayOptions;

}  // namespace mmusim::internal

// clang-format off
#include "mmusim/events.h"
#include "mmusim/experiment.h"
#include "mmusim/kernel.h"
#include "mmusim/machine.h"
#include "mmusim/platform.h"
#include "mmusim/scenario.h"
// clang-format on
