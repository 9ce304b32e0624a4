// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "models/base/config.h"
#include "models/base/set_array.h"
#include "models/x86/control.h"
#include "models/x86/invalidation.h"
#include "models/x86/structure_store.h"

namespace mmusim {

struct StructureCachesConfig {
  std::array<Geometry, kMaxLevels + 1> level{};  ///< by level of the entry: 2 = PDE ... 5 = PML5E; no entries: absent
  Geometry upper{};                              ///< one cache for PDPTEs, PML4Es and PML5Es together (AMD's PDC)
  bool pde_in_second_level_tlb = false;          ///< PDEs are kept in the second-level data TLB
  Cycles lookup{1};                              ///< all are looked up at the same time
};
/// Reads "pde", "pdpte", "pml4e", "pml5e" or "upper" (geometries), "pde_in_second_level_tlb", "lookup_cycles".
StructureCachesConfig read_structure_caches_config(ConfigReader reader);

/// The paging-structure caches of one core (SDM vol. 3A 4.10.3). State only: the walker charges the cycles.
///
/// Tagged with the linear-address bits above the entry's level and with the address space (SpaceTag::own); never global. Only the entry with the
/// longest match counts as used.
class StructureCaches {
 public:
  StructureCaches(const StructureCachesConfig& config, StructureStore* second_level_tlb);

  /// Where an address would be in the cache of one level.
  struct Place {
    unsigned set;
    SetArray::Tag tag;
  };
  /// What find() did not have, by level: there is a cache, but no entry. Other levels say nothing.
  using Absent = std::array<Place, kMaxLevels + 1>;

  /// The entry that lets a walk of `va` start lowest, or none. The places of levels below it go to `absent`.
  [[gnu::always_inline]] StructureEntry find(const ControlState& control, VirtAddr va, Absent& absent);
  StructureEntry find(const ControlState& control, VirtAddr va) {
    Absent absent;
    return find(control, va, absent);
  }
  /// Counts insertions. An entry that find() did not have is not here as long as this number stays what it was.
  uint64_t puts() const { return puts_; }
  /// Keeps `entry`, used for `va`, if there is a cache for its level.
  void put(const ControlState& control, VirtAddr va, StructureEntry entry);
  /// As put(), where find() for the same address and control state had no entry of this level, and nothing but entries of
  /// other levels for that address was put since. `absent`: from that find().
  [[gnu::always_inline]] void put_absent(const ControlState& control, VirtAddr va, StructureEntry entry,
                                         const Absent& absent);
  /// Removes entries; returns how many.
  unsigned invalidate(const ControlState& control, const Invalidation& operation);
  void clear();

  Cycles lookup_cycles() const { return config_.lookup; }

 private:
  struct Cache {
    explicit Cache(const Geometry& geometry) : array(geometry), entries(array.slots()) {}
    SetArray array;
    std::vector<StructureEntry> entries;
  };
  static Place place_of(const Cache& cache, const ControlState& control, VirtAddr va, unsigned level) {
    const uint64_t number = (va.raw() & ((uint64_t{1} << 57) - 1)) >> control.rules(level).shift;
    const uint64_t key = number << 17 | uint64_t{level} << 13 | uint64_t{control.space().own} << 1 | 1;
    return {cache.array.set_of(number), SetArray::tag_of(key)};
  }

  StructureCachesConfig config_;
  StructureStore* second_level_tlb_;
  std::vector<Cache> caches_;
  std::array<Cache*, kMaxLevels + 1> by_level_{};
  uint64_t puts_ = 0;
};

inline StructureEntry StructureCaches::find(const ControlState& control, VirtAddr va, Absent& absent) {
  if (second_level_tlb_ != nullptr) {
    if (const StructureEntry pde = second_level_tlb_->find_structure(va, control.space())) return pde;
  }
  for (unsigned level = 2, top = control.levels(); level <= top; ++level) {
    Cache* cache = by_level_[level];
    if (cache == nullptr) continue;
    const Place place = place_of(*cache, control, va, level);
    const unsigned slot = cache->array.find(place.set, place.tag, place.tag.key);
    if (slot == SetArray::kNone) {
      absent[level] = place;
      continue;
    }
    cache->array.touch(slot);
    return cache->entries[slot];
  }
  return {};
}

inline void StructureCaches::put_absent(const ControlState& control, VirtAddr va, StructureEntry entry,
                                        const Absent& absent) {
  const unsigned level = entry.level();
  Cache* cache = by_level_[level];
  if (cache == nullptr) return put(control, va, entry);
  ++puts_;
  const Place& place = absent[level];
  cache->entries[cache->array.replace(place.set, place.tag).slot] = entry;
}

}  // namespace mmusim
