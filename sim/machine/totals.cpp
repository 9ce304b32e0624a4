// SPDX-License-Identifier: MIT
#include "sim/machine/totals.h"

namespace mmusim {

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
