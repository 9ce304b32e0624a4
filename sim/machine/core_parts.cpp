// SPDX-License-Identifier: MIT
#include "sim/machine/core_parts.h"

#include "models/core/window_core.h"

namespace mmusim {

CoreParts::CoreParts(const sc_core::sc_module_name& name, unsigned number, const Shared& shared) : sc_module(name) {
  const PlatformConfig& platform = shared.platform;
  std::vector<unsigned> requesters;
  const auto clock = [&](const std::string& part) {
    const LocalClock made = shared.clock(fmt::format("core{}_{}", number, part));
    requesters.push_back(made.requester());
    return made;
  };
  context.memory = &shared.memory;
  context.core = number;
  if (shared.guests != nullptr) {
    HostTables& host = (*shared.guests)[0].host;
    nested = std::make_unique<NestedContext>(platform.walker.nested, host.control(), host);
    context.nested = nested.get();
  }
  context.types = platform.memory_types;
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  context.control = ControlState(registers, platform.processor);
  context.one_requester = platform.cores > 1 && platform.model == CoreModel::kBlocking && !platform.has_prefetchers();
  make_caches(shared);
  make_translation(shared);

  const LocalClock core_clock = clock("core");
  if (platform.model == CoreModel::kWindow) {
    std::vector<LocalClock> slots;
    for (unsigned i = 0; i < platform.window.outstanding; ++i) slots.push_back(clock(fmt::format("slot{}", i)));
    slots.push_back(clock("front end"));
    const bool company = platform.cores > 1 || platform.has_prefetchers();
    core = std::make_unique<WindowCore>("core", *lsu, core_clock, shared.fibers, slots, platform.window, company);
  } else {
    if (platform.cores > 1) {
      core = std::make_unique<InterruptibleBlockingCore>("core", *lsu, core_clock, shared.fibers);
    } else {
      core = std::make_unique<BlockingCore>("core", *lsu, core_clock, shared.fibers);
    }
  }
  if (coherence) core->fast_path().share(*coherence);
  if (platform.cores > 1) core->enable_interrupts(platform.topology.least_latency());
  core->fast_path().attach(*l1d, l1i ? *l1i : *l1d, walker->recent_tables(), {&l2->array(), &shared.l3.array()});
  enable_prefetch(*l1d, platform.l1d, "l1d", clock, shared.prefetches, shared.fibers);
  if (l1i) enable_prefetch(*l1i, *platform.l1i, "l1i", clock, shared.prefetches, shared.fibers);
  enable_prefetch(*l2, platform.l2, "l2", clock, shared.prefetches, shared.fibers);
  if (platform.prefetches_translations())
    second_level->enable_prefetch(clock("stlb prefetch"), core->tlb_prefetches(), shared.fibers);
  for (const unsigned requester : requesters) {  // the TLB prefetcher too, whose walks make caches prefetch
    if (shared.prefetches.size() <= requester) shared.prefetches.resize(requester + 1);
    shared.prefetches[requester] = &core->prefetches();
  }
}

void enable_prefetch(Cache& cache, const CacheConfig& config, const std::string& name,
                     const std::function<LocalClock(const std::string&)>& clock, const PrefetchBoard& board,
                     FiberGroup& fibers) {
  if (!config.prefetches()) return;
  std::vector<LocalClock> clocks;
  for (unsigned i = 0; i < config.prefetcher.degree; ++i)
    clocks.push_back(clock(i == 0 ? name + " prefetch" : fmt::format("{} prefetch{}", name, i)));
  cache.enable_prefetch(clocks, board, fibers);
}

void CoreParts::make_caches(const Shared& shared) {
  const PlatformConfig& platform = shared.platform;
  l2 = std::make_unique<Cache>("l2", platform.l2, HitLevel::kL2, platform.l2.latency - platform.l1d.latency);
  l1d = std::make_unique<Cache>("l1d", platform.l1d, HitLevel::kL1, platform.l1d.latency);
  if (platform.l1i) l1i = std::make_unique<Cache>("l1i", *platform.l1i, HitLevel::kL1, platform.l1i->latency);
  if (shared.home != nullptr) share_caches(*shared.home);
  MemoryIf& below_l1 = coherence ? coherence->second_level() : *l2;
  l1d->below(below_l1);
  if (l1i) l1i->below(below_l1);
  if (coherence) {
    l2->below(*coherence);
  } else {
    l2->below(shared.l3);
    if (platform.l3.policy == CachePolicy::kInclusive) shared.l3.above(*l2);
  }
  if (platform.l2.policy == CachePolicy::kInclusive || platform.l3.policy == CachePolicy::kInclusive) {
    l2->above(*l1d);
    if (l1i) l2->above(*l1i);
  }
}

void CoreParts::share_caches(CoherenceHome& home) {
  coherence = std::make_unique<CoherenceAgent>(name(), context.core, home);
  coherence->attach(*l1d, l1i.get(), *l2);
  for (Cache* cache : {l1d.get(), l1i.get(), l2.get()}) {
    if (cache == nullptr) continue;
    cache->share(*coherence);
    if (context.one_requester) cache->serve_one_requester();
  }
}

void CoreParts::make_translation(const Shared& shared) {
  const PlatformConfig& platform = shared.platform;
  second_level = std::make_unique<SecondLevelTlb>("stlb", platform.second_level, context);
  walker = std::make_unique<PageWalker>("page_walkers", platform.walker, context, shared.observers,
                                        &second_level->state().data());
  Cache& entry = platform.walker.enters == HitLevel::kL1   ? *l1d
                 : platform.walker.enters == HitLevel::kL2 ? *l2
                                                           : shared.l3;
  walker->memory(entry);
  if (platform.walker.enters != HitLevel::kL1) entry.let_walks_enter();
  second_level->walker(*walker);
  lsu = std::make_unique<LoadStoreUnit>("lsu", platform.lsu, context, shared.observers);
  lsu->second_level(*second_level);
  second_level->state().connect(lsu->first_level());
  lsu->data_cache(*l1d);
  lsu->instruction_cache(l1i ? *l1i : *l1d);
}

}  // namespace mmusim
