// SPDX-License-Identifier: MIT
#include "tests/sim/measure/recovery.h"

#include <algorithm>

namespace mmusim {

namespace {

struct Held {
  unsigned entries = 0, ways = 0;
};

/// The arrays of a TLB that hold a page size, taken together.
Held held(const TlbConfig& tlb, EntryKind kind) {
  Held sum;
  for (const TlbArrayConfig& array : tlb.arrays) {
    if (!array.holds[kind]) continue;
    sum.entries += array.geometry.entries;
    sum.ways = std::max(sum.ways, array.geometry.ways);
  }
  return sum;
}

}  // namespace

std::map<std::string, double> truth_of(const PlatformConfig& p) {
  std::map<std::string, double> truth;
  const auto say = [&](const std::string& name, double value) {
    if (value != 0) truth[name] = value;
  };
  const std::pair<const char*, EntryKind> sizes[] = {
      {"4K", EntryKind::k4K}, {"2M", EntryKind::k2M}, {"1G", EntryKind::k1G}};
  for (const auto& [size, kind] : sizes) {
    const std::string name = std::string(".") + size;
    say("l1_dtlb" + name + ".entries", held(p.lsu.tlbs.load, kind).entries);
    const double second = held(p.second_level.data, kind).entries;
    say("stlb" + name + ".entries", second);
    if (second != 0)
      say("stlb" + name + ".hit_penalty_cycles", static_cast<double>(p.second_level.data.hit_penalty.count));
  }
  const TlbConfig& fetches = p.second_level.instruction ? *p.second_level.instruction : p.second_level.data;
  say("l1_itlb.4K.entries", held(p.lsu.tlbs.instruction, EntryKind::k4K).entries);
  say("l2_itlb.4K.entries", held(fetches, EntryKind::k4K).entries);
  say("l2_itlb.4K.hit_penalty_cycles", static_cast<double>(fetches.hit_penalty.count));
  say("l1_dtlb.4K.ways", held(p.lsu.tlbs.load, EntryKind::k4K).ways);
  say("stlb.4K.ways", held(p.second_level.data, EntryKind::k4K).ways);
  const std::pair<const char*, const CacheConfig*> caches[] = {{"l1d", &p.l1d}, {"l2", &p.l2}, {"l3", &p.l3}};
  for (const auto& [name, cache] : caches) {
    say(std::string(name) + ".size_kib", cache->geometry.entries / 16.0);
    say(std::string(name) + ".latency_cycles", static_cast<double>(cache->latency.count));
  }
  // Two lines are read one after the other; a second page costs only what its lookup does.
  say("load.line_crossing_cycles", static_cast<double>(p.l1d.latency.count));
  truth["load.page_crossing_cycles"] = static_cast<double>(p.lsu.tlbs.load.hit_penalty.count);
  const StructureCachesConfig& structures = p.walker.structure_caches;
  say("structure_caches.pde.entries", structures.level[2].entries);
  say("structure_caches.pdpte.entries", structures.level[3].entries + structures.upper.entries);
  say("walk.lookup_cycles", static_cast<double>(p.walker.structure_caches.lookup.count));
  say("walkers", p.walker.walkers);
  return truth;
}

}  // namespace mmusim
