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

  /// The entry that lets a walk of `va` start lowest, or none.
  [[gnu::always_inline]] StructureEntry find(const ControlState& control, VirtAddr va);
  /// Counts insertions. An entry that find() did not have is not here as long as this number stays what it was.
  uint64_t puts() const { return puts_; }
  /// Keeps `entry`, used for `va`, if there is a cache for its level. `absent`: no entry of this level for `va` is
  /// here.
  [[gnu::always_inline]] void put(const ControlState& control, VirtAddr va, StructureEntry entry, bool absent = false);
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
  static uint64_t number_of(const ControlState& control, VirtAddr va, unsigned level) {
    return (va.raw() & ((uint64_t{1} << 57) - 1)) >> control.rules(level).shift;
  }
  static uint64_t key_of(uint64_t number, unsigned level, uint16_t space) {
    return number << 17 | uint64_t{level} << 13 | uint64_t{space} << 1 | 1;
  }

  StructureCachesConfig config_;
  StructureStore* second_level_tlb_;
  std::vector<Cache> caches_;
  std::array<Cache*, kMaxLevels + 1> by_level_{};
  uint64_t puts_ = 0;
};

inline StructureEntry StructureCaches::find(const ControlState& control, VirtAddr va) {
  const SpaceTag space = control.space();
  if (second_level_tlb_ != nullptr) {
    if (const StructureEntry pde = second_level_tlb_->find_structure(va, space)) return pde;
  }
  for (unsigned level = 2, top = control.levels(); level <= top; ++level) {
    Cache* cache = by_level_[level];
    if (cache == nullptr) continue;
    const uint64_t number = number_of(control, va, level);
    const unsigned slot = cache->array.find(cache->array.set_of(number), key_of(number, level, space.own));
    if (slot == SetArray::kNone) continue;
    cache->array.touch(slot);
    return cache->entries[slot];
  }
  return {};
}

inline void StructureCaches::put(const ControlState& control, VirtAddr va, StructureEntry entry, bool absent) {
  const SpaceTag space = control.space();
  ++puts_;
  if (entry.level() == 2 && second_level_tlb_ != nullptr) return second_level_tlb_->put_structure(va, space, entry);
  Cache* cache = by_level_[entry.level()];
  if (cache == nullptr) return;
  const uint64_t number = number_of(control, va, entry.level());
  const uint64_t key = key_of(number, entry.level(), space.own);
  const unsigned set = cache->array.set_of(number);
  unsigned slot = absent ? SetArray::kNone : cache->array.find(set, key);
  if (slot == SetArray::kNone) {
    slot = cache->array.replace(set, key).slot;
  } else {
    cache->array.put(slot, key);
  }
  cache->entries[slot] = entry;
}

}  // namespace mmusim
