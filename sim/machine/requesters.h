// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/platform.h"

namespace mmusim {

/// Returns the number of requesters of a machine: DRAM and last cache, and for each core the core, its slots, its front end
/// and those of its caches' and TLBs' prefetches, one for each that can be under way.
inline unsigned requesters_of(const PlatformConfig& p) {
  const auto beyond_one = [](const CacheConfig& cache) { return cache.prefetches() ? cache.prefetcher.degree - 1 : 0; };
  const unsigned own =
      beyond_one(p.l1d) + (p.l1i ? beyond_one(*p.l1i) : 0) + beyond_one(p.l2) + (p.prefetches_translations() ? 1 : 0);
  return 2 + beyond_one(p.l3) + p.cores * (p.window.outstanding + 6 + own);
}

/// Returns the number of requesters that a machine of that cycle must stay below: each acts at a moment of its own within the
/// cycle, and half of a cycle is left for those that others wake, 16 times over (ClockDomain).
constexpr unsigned requester_limit(unsigned period_ps) { return period_ps * 1000 / 2 / 16; }

}  // namespace mmusim
