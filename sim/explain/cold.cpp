// SPDX-License-Identifier: MIT
#include "sim/explain/cold.h"

#include <vector>

#include "models/cache/cache.h"
#include "models/cache/coherence.h"
#include "models/x86/nested_invalidation.h"
#include "sim/machine/core_parts.h"
#include "sim/machine/programs.h"

namespace mmusim {

namespace {

std::vector<PhysAddr> take_all(CacheArray& array) {
  std::vector<PhysAddr> lines;
  array.for_each([&](PhysAddr line, bool) { lines.push_back(line); });
  for (const PhysAddr line : lines) array.erase(array.find(line));
  return lines;
}

/// Returns the children of the machine that are of one kind.
template <class Part>
std::vector<Part*> children(const Machine& machine) {
  std::vector<Part*> found;
  for (sc_core::sc_object* child : machine.get_child_objects()) {
    if (auto* part = dynamic_cast<Part*>(child)) found.push_back(part);
  }
  return found;
}

/// The data are in the memory: what is dirty in a cache need not be written back. A directory is told of what left.
void empty_caches(const Machine& machine, LocalClock clock) {
  for (CoreParts* parts : children<CoreParts>(machine)) {
    std::vector<PhysAddr> lines;
    for (const auto* cache : {&parts->l1d, &parts->l1i, &parts->l2}) {
      if (*cache == nullptr) continue;
      const std::vector<PhysAddr> taken = take_all((*cache)->array());
      lines.insert(lines.end(), taken.begin(), taken.end());
    }
    if (parts->coherence == nullptr) continue;
    for (const PhysAddr line : lines) parts->coherence->evict_line(line, Eviction::kClean, clock);
  }
  for (Cache* last : children<Cache>(machine)) take_all(last->array());
}

}  // namespace

void make_cold(Simulation& simulation, Machine& machine) {
  for (unsigned core = 0; core < machine.cores(); ++core) {
    machine.invalidate(core, nested_invalidation::kAllCombined, Charge::kNothing);
    if (machine.host_tables() != nullptr) machine.invalidate(core, on_invept());
  }
  CallProgram program([&](Core& core) {
    core.drain();
    empty_caches(machine, core.clock());
  });
  simulation.run(machine, program);
}

}  // namespace mmusim
