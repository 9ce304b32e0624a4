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
  std::array<bool, kEntryKinds> holds{};  ///< by EntryKind
};

/// The arrays that make up one TLB (say, the load DTLB, or the second-level TLB).
struct TlbConfig {
  std::vector<TlbArrayConfig> arrays;
  Cycles hit_penalty{0};    ///< beyond the level above; 0 for a first-level TLB
  bool coalesce = false;    ///< four adjacent 4 KiB pages in one entry (AMD; PMU text "a 16k page created from four
                            ///< adjacent 4k pages")
  bool smash_1g = false;    ///< a 1 GiB translation is kept as a 2 MiB one where no array holds 1 GiB
  bool holds_pdes = false;  ///< PDEs that point to page tables live here too (AMD L2 DTLB)
};
/// Reads "arrays": [{"entries", "ways", "replacement", "index_hash", "pages": ["4K", "2M", "1G"]}],
/// "hit_penalty_cycles", "coalesce_4k_by_4", "smash_1g_into_2m", "holds_pdes". "4M" pages of 32-bit paging go where 2M
/// go.
TlbConfig read_tlb_config(ConfigReader reader);

/// An address that TLBs are asked for, with the tag of its 4 KiB page, which nearly every lookup and fill needs.
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

  /// Where an entry is, if it is there. Fits into a register of the host.
  struct Place {
    uint16_t array = 0;
    EntryKind kind = EntryKind::k4K;
    unsigned slot = TlbArray::kNone;

    explicit operator bool() const { return slot != TlbArray::kNone; }
  };
  struct Hit : Place {
    Translation translation;
  };
  /// The entry for `va` and what it says of it. Does not count as a use.
  std::optional<Hit> probe(VirtAddr va, uint16_t pcid) const {
    const Place place = find({va, pcid});
    if (!place) return std::nullopt;
    return Hit{place, at(place, va)};
  }
  /// The entry for the query's address. Does not count as a use.
  [[gnu::always_inline]] Place find(const TlbQuery& query) const {
    if (seen_[static_cast<unsigned>(EntryKind::k4K)]) [[likely]] {
      const uint16_t number = array_for(EntryKind::k4K, query.va);
      const unsigned slot = arrays_[number].find(query.base);
      if (slot != TlbArray::kNone) return {number, EntryKind::k4K, slot};
    }
    return larger_count_ == 0 ? Place() : find_larger(query.va, query.pcid);
  }
  void touch(Place place) { arrays_[place.array].touch(place.slot); }
  /// What the entry at `place` says of `va`, which it covers.
  Translation at(Place place, VirtAddr va) const { return arrays_[place.array].at(place.slot, place.kind, va); }
  /// How often anything was put in. A page that was not here is not here as long as this stays what it was.
  uint64_t fills() const { return fills_; }
  /// Puts in what a walk of the query's address found. `coalescible` says whether the four 4 KiB pages around it can
  /// share an entry. `absent`: find() found nothing, and nothing was put in since. Returns where it is, or no place if
  /// this TLB holds no such page size.
  [[gnu::always_inline]] Place fill(const TlbQuery& query, const Translation& translation, bool coalescible,
                                    bool absent = false) {
    if (translation.size() == PageSize::k4K && seen_[static_cast<unsigned>(EntryKind::k4K)] &&
        !(coalescible && config_.coalesce)) [[likely]]
      return put(query.base, query.va, translation, absent);
    return fill_any(query.va, query.pcid, translation, coalescible, absent);
  }
  /// Removes entries; returns how many.
  unsigned invalidate(const Invalidation& operation);
  void clear();

  TlbArray& array(unsigned number) { return arrays_[number]; }
  const TlbArray& array(unsigned number) const { return arrays_[number]; }
  unsigned arrays() const { return static_cast<unsigned>(arrays_.size()); }
  const TlbConfig& config() const { return config_; }

  // StructureStore: PDEs kept beside translations, which come first: a PDE goes in as the entry that leaves next, and a
  // walk that uses it does not make it younger. No public source says how AMD does it; this way the published number of
  // pages is reached to the page (docs/validation.md, B1.7).
  StructureEntry find_structure(VirtAddr va, uint16_t pcid) override;
  void put_structure(VirtAddr va, uint16_t pcid, StructureEntry entry) override;

 private:
  static constexpr uint16_t kSeveral = 0xffff;

  uint16_t array_for(EntryKind kind, VirtAddr va) const {
    const uint16_t home = home_[static_cast<unsigned>(kind)];
    return home != kSeveral ? home : array_of_several(kind, va);
  }
  uint16_t array_of_several(EntryKind kind, VirtAddr va) const;
  /// Puts in an entry of a kind that is held here.
  [[gnu::always_inline]] Place put(const TlbArray::Tag& tag, VirtAddr va, const Translation& entry, bool absent) {
    ++fills_;
    const uint16_t number = array_for(tag.kind, va);
    return {number, tag.kind, arrays_[number].fill(tag, entry, absent)};
  }
  Place find_larger(VirtAddr va, uint16_t pcid) const;
  Place fill_any(VirtAddr va, uint16_t pcid, const Translation& translation, bool coalescible, bool absent);
  void expect(EntryKind kind);
  bool holds(EntryKind kind) const { return !holders_[static_cast<unsigned>(kind)].empty(); }

  TlbConfig config_;
  std::vector<TlbArray> arrays_;
  std::array<std::vector<uint16_t>, kEntryKinds> holders_;  // which arrays hold a kind
  std::array<uint16_t, kEntryKinds> home_{};                // the array that holds a kind, where it is one
  std::array<bool, kEntryKinds> seen_{};                    // kinds ever filled: others need no probe
  std::array<EntryKind, kEntryKinds> larger_{};             // those but k4K, in the order in which they are looked for
  unsigned larger_count_ = 0;
  uint64_t fills_ = 0;
  std::vector<StructureEntry> pdes_;  // by slot of the array that holds PDEs
};

}  // namespace mmusim
