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
  stage_cycles += o.stage_cycles;
  for (size_t level = 0; level < reads_by_level.size(); ++level) reads_by_level[level] += o.reads_by_level[level];
  walk_latency.merge(o.walk_latency);
  for (const AccessKind k : kAllOf<AccessKind>) translation[k] = sum(translation[k], o.translation[k]);
  flushes += o.flushes;
}

uint64_t MachineTotals::translation_cycles() const {
  uint64_t total = 0;
  for (const Stage stage : kAllOf<Stage>) {
    if (stage != Stage::kData && stage != Stage::kStall) total += stage_cycles[stage];
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
  d.stage_cycles -= earlier.stage_cycles;
  for (size_t level = 0; level < d.reads_by_level.size(); ++level)
    d.reads_by_level[level] -= earlier.reads_by_level[level];
  d.walk_latency.subtract(earlier.walk_latency);
  for (const AccessKind k : kAllOf<AccessKind>) {
    d.translation[k] = difference(d.translation[k], earlier.translation[k]);
  }
  d.flushes -= earlier.flushes;
  return d;
}

}  // namespace mmusim
