// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <systemc>

#include "models/core/core.h"
#include "models/fabric/ports.h"
#include "models/tlb/second_level_tlb.h"
#include "models/walker/page_walker.h"
#include "sim/machine/guests.h"
#include "sim/machine/platform.h"

namespace mmusim {

/// The modules of one core, from the core itself to its second-level cache, as children of `coreN`.
class CoreParts : public sc_core::sc_module {
 public:
  /// Parts that the cores of a machine share.
  struct Shared {
    const PlatformConfig& platform;
    PhysMem& memory;
    Cache& l3;
    Guests* guests;  ///< that the cores run, if any
    const ObserverList& observers;
    FiberGroup& fibers;
    std::function<LocalClock(const std::string& name)> clock;  ///< makes the clock of a new requester
    CoherenceHome* home;                                       ///< of all lines, if there are several cores
    PrefetchBoard& prefetches;                                 ///< of all cores; each core adds its requesters
  };

  /// Creates the modules of core `number` and binds them, to the L3 too.
  CoreParts(const sc_core::sc_module_name& name, unsigned number, const Shared& shared);

  CoreContext context;
  std::unique_ptr<NestedContext> nested;      ///< of a core that runs guests
  std::unique_ptr<CoreGuests> guests;         ///< that share the core
  std::unique_ptr<CoherenceAgent> coherence;  ///< of a core of several
  std::unique_ptr<Cache> l2, l1i, l1d;        ///< no `l1i`: fetches go through `l1d`
  std::unique_ptr<SecondLevelTlb> second_level;
  std::unique_ptr<PageWalker> walker;
  std::unique_ptr<LoadStoreUnit> lsu;
  std::unique_ptr<Core> core;

 private:
  void make_caches(const Shared& shared);
  void share_caches(CoherenceHome& home);
  void make_translation(const Shared& shared);
};

/// Gives a cache that prefetches the clocks for that, which `clock` makes.
void enable_prefetch(Cache& cache, const CacheConfig& config, const std::string& name,
                     const std::function<LocalClock(const std::string&)>& clock, const PrefetchBoard& board,
                     FiberGroup& fibers);

}  // namespace mmusim
