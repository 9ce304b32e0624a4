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
    const Place place = find(va, pcid);
    if (!place) return std::nullopt;
    return Hit{place, at(place, va)};
  }
  /// The entry for `va`. Does not count as a use.
  Place find(VirtAddr va, uint16_t pcid) const {
    for (unsigned i = 0; i < probes_count_; ++i) {
      const EntryKind kind = probes_[i].kind;
      const uint16_t number = probes_[i].spread ? array_for(kind, va) : probes_[i].array;
      const unsigned slot = arrays_[number].find(va, kind, pcid);
      if (slot != TlbArray::kNone) return {number, kind, slot};
    }
    return {};
  }
  void touch(Place place) { arrays_[place.array].touch(place.slot); }
  /// What the entry at `place` says of `va`, which it covers.
  Translation at(Place place, VirtAddr va) const { return arrays_[place.array].at(place.slot, place.kind, va); }
  /// How often anything was put in. A page that was not here is not here as long as this stays what it was.
  uint64_t fills() const { return fills_; }
  /// Puts in what a walk of `va` found. `coalescible` says whether the four 4 KiB pages around it can share an entry.
  /// `absent`: a lookup of `va` found nothing, and nothing was put in since. Returns where it is, or no place if this
  /// TLB holds no such page size.
  Place fill(VirtAddr va, uint16_t pcid, const Translation& translation, bool coalescible, bool absent = false);
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
  const StructureEntry* find_structure(VirtAddr va, uint16_t pcid) override;
  void put_structure(VirtAddr va, uint16_t pcid, const StructureEntry& entry) override;

 private:
  /// A kind of entry to look for, and in which array; `spread`: array_for() says.
  struct Probe {
    EntryKind kind = EntryKind::k4K;
    bool spread = false;
    uint16_t array = 0;
  };

  uint16_t array_for(EntryKind kind, VirtAddr va) const;
  void expect(EntryKind kind);
  bool holds(EntryKind kind) const { return !holders_[static_cast<unsigned>(kind)].empty(); }

  TlbConfig config_;
  std::vector<TlbArray> arrays_;
  std::array<std::vector<uint16_t>, kEntryKinds> holders_;  // which arrays hold a kind
  std::array<bool, kEntryKinds> seen_{};                    // kinds ever filled: others need no probe
  std::array<Probe, kEntryKinds> probes_;                   // those, in the order in which they are looked for
  unsigned probes_count_ = 0;
  uint64_t fills_ = 0;
  std::vector<StructureEntry> pdes_;  // by slot of the array that holds PDEs
};

}  // namespace mmusim
