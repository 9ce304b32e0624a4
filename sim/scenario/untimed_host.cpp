// SPDX-License-Identifier: MIT
#include "sim/scenario/untimed_host.h"

#include "models/base/errors.h"

namespace mmusim {

void UntimedHost::refuse() const {
  if (workloads_ == Workloads::kSkipped) return;
  throw InputError("a workload needs a processor, there is none without time");
}

void UntimedHost::run_workload(Workload&, const RunLimits&, const RunHooks&) { refuse(); }

void UntimedHost::replay(const ReplayPhase&, const RunHooks&) { refuse(); }

mm::Layout layout_of(const Scenario& scenario) {
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) pages += r.end - r.start;
  return {scenario.kernel, pages << kPageShift};
}

}  // namespace mmusim
