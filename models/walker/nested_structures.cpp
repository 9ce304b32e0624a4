// SPDX-License-Identifier: MIT
#include "models/walker/nested_structures.h"

#include "models/walker/structure_geometry.h"

namespace mmusim {

NestedStructuresConfig read_nested_structures_config(ConfigReader reader) {
  NestedStructuresConfig c;
  reader.optional_child({"tlb", "Nested TLB; an array for each size of nested page."}, [&](ConfigReader tlb) {
    read_structure_geometry(tlb, {"4K", "Nested pages of 4 KiB."}, c.tlb_4k);
    read_structure_geometry(tlb, {"2M", "Nested pages of 2 MiB."}, c.tlb_2m);
    read_structure_geometry(tlb, {"1G", "Nested pages of 1 GiB."}, c.tlb_1g);
    tlb.ignore("source");
    tlb.finish();
  });
  read_structure_geometry(reader, {"pde", "Nested entries that point to page tables."}, c.level[2]);
  read_structure_geometry(reader, {"pdpte", "Nested entries that point to page directories."}, c.level[3]);
  read_structure_geometry(reader, {"pml4e", "Nested entries that point to page-directory-pointer tables."}, c.level[4]);
  read_structure_geometry(reader, {"pml5e", "Nested entries that point to PML4 tables."}, c.level[5]);
  reader.read({"lookup_cycles", "One look into all of them.", "cycles"}, c.lookup);
  reader.ignore("source");
  reader.finish();
  return c;
}

template <class Entry>
void NestedStructures::Array<Entry>::put(GuestPhysAddr gpa, uint16_t tables, const Entry& entry) {
  const unsigned set = array.set_of(number(gpa));
  const SetArray::Tag tag = SetArray::tag_of(key(gpa, tables));
  unsigned slot = array.find(set, tag.key);
  if (slot == SetArray::kNone) {
    slot = array.replace(set, tag).slot;
  } else {
    array.put(slot, tag);
  }
  entries[slot] = entry;
}

template <class Entry>
unsigned NestedStructures::Array<Entry>::erase(GuestPhysAddr gpa, uint16_t tables) {
  const unsigned slot = find(gpa, tables);
  if (slot == SetArray::kNone) return 0;
  array.erase(slot);
  return 1;
}

NestedStructures::NestedStructures(const NestedStructuresConfig& config) : lookup_(config.lookup) {
  constexpr uint64_t kSeed = 0x6e65'7374'6564;
  tlbs_.reserve(3);
  if (config.tlb_4k.entries != 0) tlbs_.emplace_back(config.tlb_4k, shift_of(PageSize::k4K), kSeed);
  if (config.tlb_2m.entries != 0) tlbs_.emplace_back(config.tlb_2m, shift_of(PageSize::k2M), kSeed + 1);
  if (config.tlb_1g.entries != 0) tlbs_.emplace_back(config.tlb_1g, shift_of(PageSize::k1G), kSeed + 2);
  caches_.reserve(kMaxLevels);
  for (unsigned level = 2; level <= kMaxLevels; ++level) {
    if (config.level[level].entries == 0) continue;
    caches_.emplace_back(config.level[level], level_shift(level), kSeed + level + 1);
    by_level_[level] = &caches_.back();
  }
}

bool NestedStructures::find(GuestPhysAddr gpa, NestedTranslation& to) {
  for (Tlb& tlb : tlbs_) {
    const unsigned slot = tlb.find(gpa, tables_);
    if (slot == SetArray::kNone) continue;
    tlb.array.touch(slot);
    to = tlb.entries[slot];
    return true;
  }
  return false;
}

NestedStructure NestedStructures::find_structure(GuestPhysAddr gpa) {
  for (Cache& cache : caches_) {
    const unsigned slot = cache.find(gpa, tables_);
    if (slot == SetArray::kNone) continue;
    cache.array.touch(slot);
    return cache.entries[slot];
  }
  return {};
}

void NestedStructures::keep(const SubWalk& walk, const NestedTranslation& page) {
  const auto steps = walk.steps();
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    if (Cache* cache = by_level_[steps[i].level]; cache != nullptr)
      cache->put(walk.gpa(), tables_, SubWalk::structure(steps[i]));
  }
  for (Tlb& tlb : tlbs_) {
    if (tlb.shift == shift_of(page.size)) tlb.put(walk.gpa(), tables_, page);
  }
}

unsigned NestedStructures::drop(GuestPhysAddr gpa) {
  unsigned removed = 0;
  for (Tlb& tlb : tlbs_) removed += tlb.erase(gpa, tables_);
  for (Cache& cache : caches_) removed += cache.erase(gpa, tables_);
  return removed;
}

}  // namespace mmusim
