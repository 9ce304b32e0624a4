// SPDX-License-Identifier: MIT
#include "sim/machine/totals.h"

#include "models/walker/nested_structures.h"

namespace mmusim {

void MachineTotals::add_nested(const NestedCounts& counts) {
  nested_lookups += counts.lookups;
  nested_walks += counts.walks;
  host_entry_reads += counts.entry_reads;
  exits += counts.exits;
  nested_read_cycles += counts.read_cycles.count;
  exit_cycles += counts.exit_cycles.count;
  for (size_t level = 0; level < host_reads_by_level.size(); ++level) {
    host_reads_by_level[level] += counts.reads_by_level[level];
  }
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

}  // namespace mmusim
