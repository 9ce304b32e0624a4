// SPDX-License-Identifier: MIT
#include "models/walker/structure_caches.h"

#include "models/walker/structure_geometry.h"

namespace mmusim {

StructureCachesConfig read_structure_caches_config(ConfigReader reader) {
  StructureCachesConfig c;
  read_structure_geometry(reader, {"pde", "Cache of page-directory entries."}, c.level[2]);
  read_structure_geometry(reader, {"pdpte", "Cache of page-directory-pointer entries."}, c.level[3]);
  read_structure_geometry(reader, {"pml4e", "Cache of PML4 entries."}, c.level[4]);
  read_structure_geometry(reader, {"pml5e", "Cache of PML5 entries."}, c.level[5]);
  read_structure_geometry(
      reader, {"upper", "One cache for all entries above page-directory entries, instead of one for each level."},
      c.upper);
  reader.read({"pde_in_second_level_tlb", "Page-directory entries are kept in the stlb, which says holds_pdes."},
              c.pde_in_second_level_tlb);
  reader.read({"lookup_cycles", "Cycles of the lookup; all structures are looked up at once.", "cycles"}, c.lookup);
  for (unsigned level = 3; level <= kMaxLevels; ++level) {
    reader.check(c.upper.entries == 0 || c.level[level].entries == 0, "upper",
                 "a shared cache of upper entries and one of its own for level {} contradict each other", level);
  }
  reader.check(!c.pde_in_second_level_tlb || c.level[2].entries == 0, "pde_in_second_level_tlb",
               "a PDE cache and PDEs in the second-level TLB contradict each other");
  reader.ignore("source");
  reader.finish();
  return c;
}

StructureCaches::StructureCaches(const StructureCachesConfig& config, StructureStore* second_level_tlb)
    : config_(config), second_level_tlb_(config.pde_in_second_level_tlb ? second_level_tlb : nullptr) {
  caches_.reserve(kMaxLevels + 1);
  if (config.upper.entries != 0) {
    caches_.emplace_back(config.upper);
    for (unsigned level = 3; level <= kMaxLevels; ++level) by_level_[level] = &caches_.back();
  }
  for (unsigned level = 2; level <= kMaxLevels; ++level) {
    if (config.level[level].entries == 0) continue;
    caches_.emplace_back(config.level[level]);
    by_level_[level] = &caches_.back();
  }
}

void StructureCaches::put(const ControlState& control, VirtAddr va, StructureEntry entry) {
  ++puts_;
  const unsigned level = entry.level();
  if (level == 2 && second_level_tlb_ != nullptr) {
    return second_level_tlb_->put_structure(va, control.space(), entry);
  }
  Cache* cache = by_level_[level];
  if (cache == nullptr) return;
  const Place place = place_of(*cache, control, va, level);
  unsigned slot = cache->array.find(place.set, place.tag, place.tag.key);
  if (slot == SetArray::kNone) {
    slot = cache->array.replace(place.set, place.tag).slot;
  } else {
    cache->array.put(slot, place.tag);
  }
  cache->entries[slot] = entry;
}

unsigned StructureCaches::invalidate(const ControlState& control, const Invalidation& operation) {
  unsigned removed = 0;
  for (Cache& cache : caches_) {
    for (unsigned slot = 0; slot < cache.array.slots(); ++slot) {
      const uint64_t key = cache.array.key(slot);
      if (key == 0) continue;
      const auto level = static_cast<unsigned>(key >> 13 & 15);
      const auto space = static_cast<uint16_t>(key >> 1 & 0xfff);
      const unsigned shift = control.rules(level).shift;
      const VirtAddr covered((key >> 17) << shift);
      const Invalidation masked = [&] {  // tags hold 57 bits
        Invalidation m = operation;
        m.va = VirtAddr(operation.va.raw() & ((uint64_t{1} << 57) - 1));
        return m;
      }();
      if (!removes_structure(masked, space, covered, shift)) continue;
      cache.array.erase(slot);
      ++removed;
    }
  }
  return removed;
}

void StructureCaches::clear() {
  for (Cache& cache : caches_) cache.array.clear();
}

}  // namespace mmusim
