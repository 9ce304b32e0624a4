// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/platform.h"

namespace mmusim {

/// Returns the number of requesters of a machine: DRAM and last cache, and for each core the core, its slots, its front end
/// and the prefetchers of its caches.
constexpr unsigned requesters_of(const PlatformConfig& p) { return 2 + p.cores * (p.window.outstanding + 6); }

/// Returns the number of requesters that a machine of that cycle must stay below: each acts at a moment of its own within the
/// cycle, and half of a cycle is left for those that others wake, 16 times over (ClockDomain).
constexpr unsigned requester_limit(unsigned period_ps) { return period_ps * 1000 / 2 / 16; }

}  // namespace mmusim
