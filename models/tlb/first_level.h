// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "models/base/enum_array.h"
#include "models/tlb/tlb_level.h"
#include "models/x86/fault.h"

namespace mmusim {

struct FirstLevelConfig {
  TlbConfig load;                  ///< data TLB
  std::optional<TlbConfig> store;  ///< of its own for stores, where there is one (Ice Lake and later)
  TlbConfig instruction;
};

struct FirstLevelStats {
  EnumArray<AccessKind, uint64_t> lookups{};  ///< an access that crosses a page boundary is two
  EnumArray<AccessKind, uint64_t> misses{};
  EnumArray<AccessKind, uint64_t> merged{};  ///< of the others, waited for a miss to the same page
};

/// The entry of a first-level TLB that holds a translation, as it was when the translation was given.
struct HeldEntry {
  TlbArray* array = nullptr;  ///< nullptr: no first-level TLB holds the translation
  unsigned slot = 0;
  uint64_t serial = 0;  ///< of the slot then
};

/// The first-level TLBs of one core. State only: the same for the timed load/store unit and for the functional model.
class FirstLevel {
 public:
  explicit FirstLevel(const FirstLevelConfig& config) : load_(config.load, 11), instruction_(config.instruction, 13) {
    if (config.store) store_.emplace(*config.store, 17);
  }

  TlbLevel& level(AccessKind kind) {
    if (kind == AccessKind::kFetch) return instruction_;
    return kind == AccessKind::kWrite && store_ ? *store_ : load_;
  }
  /// Calls fn(const TlbLevel&, name) for each TLB.
  template <class Fn>
  void for_each_tlb(Fn&& fn) const {
    fn(load_, "l1_dtlb");
    if (store_) fn(*store_, "l1_dtlb_stores");
    fn(instruction_, "l1_itlb");
  }

  /// Result of search().
  struct Search {
    TlbLevel* tlb = nullptr;  ///< the TLB that was asked
    TlbLevel::Place place;    ///< the entry for the page, if it is there
    bool serves = false;      ///< the access may use it: it has the rights, and is dirty for a write
    uint64_t fills = 0;       ///< TlbLevel::fills() then

    /// The page was not there, and is not there yet.
    bool still_absent() const { return !place && tlb->fills() == fills; }
  };
  /// Looks the page up for an access of `type`. Counts a lookup, and a miss if the page is not here.
  [[gnu::always_inline]] Search search(const TlbQuery& query, AccessType type, const ControlState& control) {
    const Search found = look_up(query, type, control);
    count(found, type.kind());
    return found;
  }
  /// As search(), but counts nothing: for count() or count_merged() later.
  [[gnu::always_inline]] Search look_up(const TlbQuery& query, AccessType type, const ControlState& control) {
    Search found;
    found.tlb = &level(type.kind());
    found.fills = found.tlb->fills();
    found.place = found.tlb->find(query);
    if (!found.place) return found;
    found.tlb->touch(found.place);
    found.serves = serves(control, found.tlb->at(found.place, query.va), type);
    return found;
  }
  [[gnu::always_inline]] void count(const Search& found, AccessKind kind) {
    ++stats_.lookups[kind];
    if (!found.place) ++stats_.misses[kind];
  }
  /// Counts a lookup that waited for a miss to the same page and then found it.
  void count_merged(AccessKind kind) {
    ++stats_.lookups[kind];
    ++stats_.merged[kind];
  }
  /// Inserts the translation from the next level and returns its place. `absent`: the caller knows that the page is not
  /// in this TLB.
  [[gnu::always_inline]] TlbLevel::Place keep(const TlbQuery& query, AccessKind kind, const Translation& translation,
                                              bool coalescible, bool absent) {
    if (below_ != nullptr) [[unlikely]]
      return keep_and_hand_down(query, kind, translation, coalescible, absent);
    return level(kind).fill(query, translation, coalescible, absent);
  }
  /// Hands what leaves these TLBs to `below` from now on.
  void hand_down_to(DisplacedIf& below) { below_ = &below; }
  /// Removes what left an inclusive TLB below.
  void remove_within(const DisplacedEntry& entry) {
    load_.remove_within(entry);
    instruction_.remove_within(entry);
    if (store_) store_->remove_within(entry);
  }
  /// Returns what `place`, which is one of `tlb`, holds now.
  static HeldEntry held(TlbLevel& tlb, TlbLevel::Place place) {
    TlbArray& array = tlb.array(place.array);
    return {&array, place.slot, array.serial(place.slot)};
  }
  unsigned invalidate(const Invalidation& operation) {
    unsigned removed = load_.invalidate(operation) + instruction_.invalidate(operation);
    if (store_) removed += store_->invalidate(operation);
    return removed;
  }
  const FirstLevelStats& stats() const { return stats_; }

 private:
  [[gnu::noinline]] TlbLevel::Place keep_and_hand_down(const TlbQuery& query, AccessKind kind,
                                                       const Translation& translation, bool coalescible, bool absent) {
    DisplacedEntry out;
    const TlbLevel::Place place = level(kind).fill(query, translation, coalescible, absent, &out);
    if (!place) {  // a page of a size that is not held here
      const EntryKind size = kind_of(translation.size());
      out = {true, size, query.pcid, query.va.align_down(bytes_of(size)), translation};
    }
    if (out.valid) below_->take(kind, out);
    return place;
  }

  DisplacedIf* below_ = nullptr;  // takes what leaves
  TlbLevel load_;
  std::optional<TlbLevel> store_;
  TlbLevel instruction_;
  FirstLevelStats stats_;
};

}  // namespace mmusim
