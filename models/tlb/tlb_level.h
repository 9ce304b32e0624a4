// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/base/config.h"
#include "models/tlb/tlb_array.h"
#include "models/x86/structure_store.h"

namespace mmusim {

struct TlbArrayConfig {
  Geometry geometry;
  EnumArray<EntryKind, bool> holds{};
};

/// What a TLB below another one holds of what is there.
enum class TlbInclusion : uint8_t {
  kNone,       ///< both take what comes, and entries leave each by its own rule
  kInclusive,  ///< what leaves it leaves the TLBs above too
  kExclusive,  ///< takes only what leaves the TLB above, and gives up what is asked for
};
/// Where a TLB is, which decides what can be set.
enum class TlbPlace : uint8_t {
  kFirst,  ///< asked by accesses
  kData,   ///< below another TLB, asked by several accesses at once
  kBelow,  ///< below another TLB otherwise: by fetches, of which one is under way, or by what missed the second level
};

/// The arrays that make up one TLB (say, the load DTLB, or the second-level TLB).
struct TlbConfig {
  std::vector<TlbArrayConfig> arrays;
  Cycles hit_penalty{0};    ///< beyond the level above; 0 for a first-level TLB
  bool coalesce = false;    ///< four adjacent 4 KiB pages in one entry (AMD; PMU text "a 16k page created from four
                            ///< adjacent 4k pages")
  bool smash_1g = false;    ///< a 1 GiB translation is kept as a 2 MiB one if no array holds 1 GiB
  bool holds_pdes = false;  ///< PDEs that point to page tables live here too (AMD L2 DTLB)
  TlbInclusion inclusion = TlbInclusion::kNone;
  unsigned lookups_per_cycle = 0;  ///< requests that start in one cycle; 0: without limit
  unsigned miss_registers = 0;     ///< requests that miss and are under way; 0: without limit
};
/// Reads "arrays": [{"entries", "ways", "replacement", "index_hash", "pages": ["4K", "2M", "1G"]}],
/// "hit_penalty_cycles", "coalesce_4k_by_4", "smash_1g_into_2m", "holds_pdes"; below the first level "inclusion"; with kData
/// "lookups_per_cycle" and "miss_registers". "4M" pages of 32-bit paging go where 2M go.
TlbConfig read_tlb_config(ConfigReader reader, TlbPlace place = TlbPlace::kFirst);

/// The TLB below another one, for what leaves that.
class DisplacedIf {
 public:
  virtual ~DisplacedIf() = default;
  /// `kind`: of the accesses that the TLB above serves.
  virtual void take(AccessKind kind, const DisplacedEntry& entry) = 0;
};

/// An address to look up in TLBs, with the tag of its 4 KiB page, which nearly every lookup and fill needs.
struct TlbQuery {
  TlbQuery(VirtAddr address, uint16_t space)
      : va(address), pcid(space), base(TlbArray::tag(address, EntryKind::k4K, space)) {}

  VirtAddr va;
  uint16_t pcid;
  TlbArray::Tag base;
};

/// One TLB: arrays that are looked up at the same time. State only, no time.
///
/// A page size that several arrays hold (the two banks of Ice Lake's second level) is spread over them by the lowest
/// bits of the page number above the set index.
class TlbLevel : public StructureStore {
 public:
  TlbLevel(const TlbConfig& config, uint64_t seed);

  /// The place of an entry, if it is there. perf: fits into a register of the host
  struct Place {
    uint16_t array = 0;
    EntryKind kind = EntryKind::k4K;
    unsigned slot = TlbArray::kNone;

    explicit operator bool() const { return slot != TlbArray::kNone; }
  };
  struct Hit : Place {
    Translation translation;
  };
  /// Returns the entry for `va` and its translation. Does not count as a use.
  std::optional<Hit> probe(VirtAddr va, uint16_t pcid) const {
    const Place place = find({va, pcid});
    if (!place) return std::nullopt;
    return Hit{place, at(place, va)};
  }
  /// Returns the entry for the query's address. Does not count as a use.
  [[gnu::always_inline]] Place find(const TlbQuery& query) const {
    if (seen_[EntryKind::k4K]) [[likely]] {
      const uint16_t number = array_for(EntryKind::k4K, query.va);
      const unsigned slot = arrays_[number].find(query.base);
      if (slot != TlbArray::kNone) return {number, EntryKind::k4K, slot};
    }
    return larger_count_ == 0 ? Place() : find_larger(query.va, query.pcid);
  }
  void touch(Place place) { arrays_[place.array].touch(place.slot); }
  /// Returns the translation that the entry at `place` gives for `va`, which it covers.
  Translation at(Place place, VirtAddr va) const { return arrays_[place.array].at(place.slot, place.kind, va); }
  /// Returns the number of insertions so far. A page that was not here is not here as long as the number is the same.
  uint64_t fills() const { return fills_; }
  /// Inserts what a walk of the query's address found. `coalescible`: the four 4 KiB pages around it can share an entry.
  /// `absent`: find() found nothing, and nothing was inserted since. Returns the entry's place, or none if this TLB holds
  /// no such page size. `displaced`: what had to leave goes there.
  [[gnu::always_inline]] Place fill(const TlbQuery& query, const Translation& translation, bool coalescible,
                                    bool absent = false, DisplacedEntry* displaced = nullptr) {
    if (translation.size() == PageSize::k4K && seen_[EntryKind::k4K] && !(coalescible && config_.coalesce)) [[likely]]
      return put(query.base, query.va, translation, absent, displaced);
    return fill_any(query.va, query.pcid, translation, coalescible, absent, displaced);
  }
  /// Inserts what left another TLB, if its kind is held here; what had to leave goes to `displaced`.
  void take(const DisplacedEntry& entry, DisplacedEntry& displaced);
  void erase(Place place) { arrays_[place.array].erase(place.slot); }
  /// Removes the entries of the same address space that cover any of what `entry` covers.
  void remove_within(const DisplacedEntry& entry);
  /// Removes entries; returns how many.
  unsigned invalidate(const Invalidation& operation);
  void clear();

  TlbArray& array(unsigned number) { return arrays_[number]; }
  const TlbArray& array(unsigned number) const { return arrays_[number]; }
  unsigned arrays() const { return static_cast<unsigned>(arrays_.size()); }
  const TlbConfig& config() const { return config_; }

  // StructureStore: PDEs kept beside translations, which have priority: a PDE is inserted as the next victim, and a walk
  // that uses it does not make it younger. No public source says how AMD does it; this way the published number of pages is
  // reached to the page (docs/validation.md, B1.7).
  StructureEntry find_structure(VirtAddr va, uint16_t pcid) override;
  void put_structure(VirtAddr va, uint16_t pcid, StructureEntry entry) override;

 private:
  static constexpr uint16_t kSeveral = 0xffff;

  uint16_t array_for(EntryKind kind, VirtAddr va) const {
    const uint16_t home = home_[kind];
    return home != kSeveral ? home : array_of_several(kind, va);
  }
  uint16_t array_of_several(EntryKind kind, VirtAddr va) const;
  /// Inserts an entry of a kind that is held here.
  [[gnu::always_inline]] Place put(const TlbArray::Tag& tag, VirtAddr va, const Translation& entry, bool absent,
                                   DisplacedEntry* displaced) {
    ++fills_;
    const uint16_t number = array_for(tag.kind, va);
    return {number, tag.kind, arrays_[number].fill(tag, entry, absent, displaced)};
  }
  Place find_larger(VirtAddr va, uint16_t pcid) const;
  Place fill_any(VirtAddr va, uint16_t pcid, const Translation& translation, bool coalescible, bool absent,
                 DisplacedEntry* displaced);
  void note_kind(EntryKind kind);
  bool holds(EntryKind kind) const { return !holders_[kind].empty(); }

  TlbConfig config_;
  std::vector<TlbArray> arrays_;
  EnumArray<EntryKind, std::vector<uint16_t>> holders_;  // the arrays that hold a kind
  EnumArray<EntryKind, uint16_t> home_{};                // the array that holds a kind, if it is one
  EnumArray<EntryKind, bool> seen_{};                    // kinds ever inserted: others need no search
  std::array<EntryKind, kCountOf<EntryKind>> larger_{};  // those but k4K, in the order of the search
  unsigned larger_count_ = 0;
  uint64_t fills_ = 0;
  std::vector<StructureEntry> pdes_;  // by slot of the array that holds PDEs
};

}  // namespace mmusim
