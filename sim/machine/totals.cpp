// SPDX-License-Identifier: MIT
#include "sim/machine/totals.h"

#include "models/base/stats.h"

namespace mmusim {

void MachineTotals::merge(const MachineTotals& o) {
  accesses += o.accesses;
  lookups += o.lookups;
  l1_dtlb_misses += o.l1_dtlb_misses;
  stlb_misses += o.stlb_misses;
  walks += o.walks;
  entry_reads += o.entry_reads;
  cycles += o.cycles;
  walk_cycles += o.walk_cycles;
  for (size_t i = 0; i < stage_cycles.size(); ++i) stage_cycles[i] += o.stage_cycles[i];
  for (size_t level = 0; level < reads_by_level.size(); ++level) {
    for (size_t hit = 0; hit < kHitLevels; ++hit) reads_by_level[level][hit] += o.reads_by_level[level][hit];
  }
  walk_latency.merge(o.walk_latency);
  for (size_t k = 0; k < translation.size(); ++k) translation[k] = sum(translation[k], o.translation[k]);
  flushes += o.flushes;
}

uint64_t MachineTotals::translation_cycles() const {
  uint64_t total = 0;
  for (unsigned i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (stage != Stage::kData && stage != Stage::kStall) total += stage_cycles[i];
  }
  return total;
}

uint64_t MachineTotals::all_stage_cycles() const {
  uint64_t total = 0;
  for (const uint64_t c : stage_cycles) total += c;
  return total;
}

MachineTotals difference(const MachineTotals& later, const MachineTotals& earlier) {
  MachineTotals d = later;
  d.accesses -= earlier.accesses;
  d.lookups -= earlier.lookups;
  d.l1_dtlb_misses -= earlier.l1_dtlb_misses;
  d.stlb_misses -= earlier.stlb_misses;
  d.walks -= earlier.walks;
  d.entry_reads -= earlier.entry_reads;
  d.cycles -= earlier.cycles;
  d.walk_cycles -= earlier.walk_cycles;
  for (size_t s = 0; s < d.stage_cycles.size(); ++s) d.stage_cycles[s] -= earlier.stage_cycles[s];
  for (size_t level = 0; level < d.reads_by_level.size(); ++level) {
    for (size_t hit = 0; hit < kHitLevels; ++hit) d.reads_by_level[level][hit] -= earlier.reads_by_level[level][hit];
  }
  d.walk_latency.subtract(earlier.walk_latency);
  for (size_t k = 0; k < d.translation.size(); ++k) {
    d.translation[k] = difference(d.translation[k], earlier.translation[k]);
  }
  d.flushes -= earlier.flushes;
  return d;
}

}  // namespace mmusim
