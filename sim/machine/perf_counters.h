// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/translation_counts.h"

namespace mmusim {

/// Whose names a processor's counters have: perf's event lists (tools/perf/pmu-events/arch/x86/NAME).
enum class CounterNames : uint8_t {
  kGeneric,   ///< perf's generic names only (dTLB-loads, ...)
  kAllIntel,  ///< what any of Intel's lists has, page_walker_loads of Haswell and Broadwell included
  kSkylakeX,
  kCascadeLakeX,
  kIcelakeX,
  kSapphireRapids,
  kZen2,
  kZen3,
  kZen4,
  kZen5,
};

/// One counter as a processor of that kind would show it.
struct PerfCounter {
  std::string name;
  uint64_t value = 0;
  bool needs_time = false;  ///< counts cycles or depends on caches: means nothing without a clock
};

/// The counters of translation under the names of Linux perf and the vendor, with the vendor's meaning: the generic
/// names first, as perf maps them to events of that vendor, then the vendor's. docs/outputs.md lists them.
std::vector<PerfCounter> perf_counters(CounterNames names, const TranslationCountsByKind& counts, uint64_t flushes);

}  // namespace mmusim
