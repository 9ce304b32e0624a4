// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "models/cache/cache.h"
#include "models/core/load_store_unit.h"
#include "models/core/window_core.h"
#include "models/dram/dram.h"
#include "models/tlb/second_level_tlb.h"
#include "models/walker/page_walker.h"
#include "models/x86/control.h"
#include "models/x86/memory_type.h"
#include "sim/machine/perf_counters.h"
#include "sim/machine/topology.h"

namespace mmusim {

enum class CoreModel : uint8_t { kBlocking, kWindow };
/// "blocking" or "window".
CoreModel core_model_of(const std::string& name);

/// A machine, as configs/platforms/*.json describe it; configs/README.md lists every key. The defaults are a small
/// machine without a name.
struct PlatformConfig {
  std::string name = "unnamed";
  std::string description;
  ProcessorTraits processor;
  unsigned max_levels = 4;  ///< 5 where the processor has LA57
  CounterNames counter_names = CounterNames::kGeneric;
  MemoryTypes memory_types;  ///< PAT and MTRRs of all cores; as made: PAT at reset, everything WB
  unsigned cores = 1;
  unsigned period_ps = 286;  ///< of the core clock; an even number
  CoreModel model = CoreModel::kBlocking;
  WindowCoreConfig window;
  LoadStoreUnitConfig lsu;
  SecondLevelTlbConfig second_level;
  PageWalkerConfig walker;
  bool next_page_prefetch = false;
  CacheConfig l1d, l2, l3;
  std::optional<CacheConfig> l1i;
  DramModuleConfig dram;
  TopologyConfig topology;

  /// Returns true if some cache prefetches lines, or the second-level TLB translations.
  bool has_prefetchers() const {
    return l1d.prefetches() || (l1i && l1i->prefetches()) || l2.prefetches() || l3.prefetches() ||
           prefetches_translations();
  }
  bool prefetches_translations() const { return second_level.prefetcher.kind != TlbPrefetcherKind::kNone; }
};

/// Reads a platform object; DRAM devices are looked up by name in the configuration directory.
PlatformConfig read_platform(ConfigReader reader);
/// Reads what platform_document() gives; `file` is what errors name.
PlatformConfig read_platform_document(const nlohmann::json& document, const std::string& file);
/// By name ("milan") or by path, checked. Throws InputError or EnvironmentError.
PlatformConfig load_platform(const std::string& name_or_path);

}  // namespace mmusim
