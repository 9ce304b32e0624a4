// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "models/base/config.h"
#include "models/base/records.h"
#include "models/base/set_array.h"
#include "models/x86/nested_host.h"
#include "models/x86/sub_walk.h"

namespace mmusim {

/// The structures that hold guest-physical mappings. No entries: the structure is absent.
struct NestedStructuresConfig {
  Geometry tlb_4k, tlb_2m, tlb_1g;               ///< nested TLB, an array for each size of nested page
  std::array<Geometry, kMaxLevels + 1> level{};  ///< nested paging-structure caches by level of the entry: 2 to 5
  Cycles lookup{1};                              ///< all are looked up at the same time
};
/// Reads "tlb": {"4K", "2M", "1G"}, "pde", "pdpte", "pml4e", "pml5e" (geometries) and "lookup_cycles".
NestedStructuresConfig read_nested_structures_config(ConfigReader reader);

/// Guest-physical mappings of one core: translations and entries of nested tables. State only, no time.
///
/// Each belongs to a set of nested tables (EP4TA, or AMD's ASID), which is its tag; they know no PCID, and Intel's no VPID
/// ([N-66], [N-70], [N-77]). Nothing removes them but what says so: not INVLPG, MOV CR3 or INVVPID ([N-76]).
class NestedStructures {
 public:
  explicit NestedStructures(const NestedStructuresConfig& config);

  /// Goes on with the mappings of nested tables number `tables`; 0 at first. What others left stays.
  void enter(uint16_t tables) { tables_ = tables; }

  /// The translation of `gpa` of any size; counts as a use.
  bool find(GuestPhysAddr gpa, NestedTranslation& to);
  /// The entry that lets a sub-walk start lowest, or none; only that one counts as used.
  NestedStructure find_structure(GuestPhysAddr gpa);
  /// Keeps the non-leaf entries that a sub-walk read, and the page it found.
  void keep(const SubWalk& walk, const NestedTranslation& page);

  /// Removes what would be used for `gpa` (EPT violation, [N-72]); returns how many entries.
  unsigned drop(GuestPhysAddr gpa);
  /// Removes everything of the nested tables whose number `chosen` returns true for (INVEPT, an ASID's flush); returns
  /// how many entries.
  template <class Chosen>
  unsigned clear(Chosen&& chosen) {
    unsigned removed = 0;
    for (Tlb& tlb : tlbs_) removed += tlb.clear(chosen);
    for (Cache& cache : caches_) removed += cache.clear(chosen);
    return removed;
  }

  /// Calls fn(GuestPhysAddr first, const NestedTranslation&) for each translation of the current nested tables.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (const Tlb& tlb : tlbs_) {
      for (unsigned slot = 0; slot < tlb.array.slots(); ++slot) {
        const uint64_t key = tlb.array.key(slot);
        if (key != 0 && owner(key) == tables_)
          fn(GuestPhysAddr((key & kNumberMask) >> 1 << tlb.shift), tlb.entries[slot]);
      }
    }
  }
  Cycles lookup_cycles() const { return lookup_; }

 private:
  // valid | number of the page or of what the entry covers: 40 | number of the nested tables: 16
  static constexpr unsigned kOwnerAt = 41;
  static constexpr uint64_t kNumberMask = (uint64_t{1} << kOwnerAt) - 1;
  static uint16_t owner(uint64_t key) { return static_cast<uint16_t>(key >> kOwnerAt); }

  template <class Entry>
  struct Array {
    Array(const Geometry& geometry, unsigned low_bit, uint64_t seed)
        : array(geometry, seed), entries(array.slots()), shift(low_bit) {}
    uint64_t number(GuestPhysAddr gpa) const { return gpa.raw() >> shift; }
    uint64_t key(GuestPhysAddr gpa, uint16_t tables) const {
      return uint64_t{tables} << kOwnerAt | number(gpa) << 1 | 1;
    }
    unsigned find(GuestPhysAddr gpa, uint16_t tables) const {
      return array.find(array.set_of(number(gpa)), key(gpa, tables));
    }
    void put(GuestPhysAddr gpa, uint16_t tables, const Entry& entry);
    unsigned erase(GuestPhysAddr gpa, uint16_t tables);
    template <class Chosen>
    unsigned clear(Chosen&& chosen) {
      unsigned removed = 0;
      for (unsigned slot = 0; slot < array.slots(); ++slot) {
        const uint64_t held = array.key(slot);
        if (held == 0 || !chosen(owner(held))) continue;
        array.erase(slot);
        ++removed;
      }
      return removed;
    }

    SetArray array;
    std::vector<Entry> entries;
    unsigned shift;
  };
  using Tlb = Array<NestedTranslation>;
  using Cache = Array<NestedStructure>;

  std::vector<Tlb> tlbs_;      // 4K, 2M, 1G, those that are there
  std::vector<Cache> caches_;  // from level 2 upwards
  std::array<Cache*, kMaxLevels + 1> by_level_{};
  Cycles lookup_;
  uint16_t tables_ = 0;  // that lookups are for
};

/// Counts of the nested dimension of one core.
struct NestedCounts {
  uint64_t lookups = 0, walks = 0, entry_reads = 0, updates = 0, exits = 0;
  Cycles read_cycles{}, exit_cycles{};
  std::array<EnumArray<HitLevel, uint64_t>, kMaxLevels + 1> reads_by_level{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("lookups", lookups, "guest-physical addresses translated: lookups of the nested TLB");
    v("walks", walks, "of these, those that took a nested walk");
    v("entry_reads", entry_reads, "nested entries read");
    v("ad_updates", updates, "nested entries written to set accessed or dirty flags");
    v("read_cycles", read_cycles, "cycles of the nested entries read");
    v("exits", exits, "exits to the hypervisor");
    v("exit_cycles", exit_cycles, "cycles these took");
    for (unsigned level = 1; level < reads_by_level.size(); ++level) {
      for (const HitLevel hit : kAllOf<HitLevel>) {
        v(fmt::format("level_{}_reads_{}", level, name_of(hit)), reads_by_level[level][hit],
          "nested entries read by level and where they were found");
      }
    }
  }
};

/// The nested dimension of one core that runs a guest. Owned by the machine.
struct NestedContext {
  NestedContext(const NestedStructuresConfig& config, const NestedControl& registers, NestedHost& hypervisor)
      : control(registers), structures(config), host(&hypervisor) {}

  NestedControl control;
  NestedStructures structures;
  NestedHost* host;
  NestedCounts counts;
  /// Called at each exit: removes what leaving and entering the guest removes without tags. May be empty.
  std::function<void()> left_guest;
  std::optional<NestedFault> failure;  ///< of the last access that ended with FaultReason::kNested
};

}  // namespace mmusim
