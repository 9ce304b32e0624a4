// SPDX-License-Identifier: MIT
#include "sim/scenario/untimed_host.h"

namespace mmusim {

mm::Layout layout_of(const Scenario& scenario) {
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) pages += r.end - r.start;
  return {scenario.kernel, pages << kPageShift};
}

}  // namespace mmusim
