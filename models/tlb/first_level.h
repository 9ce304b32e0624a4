// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>

#include "models/tlb/recent_pages.h"
#include "models/tlb/tlb_level.h"
#include "models/x86/fault.h"
#include "models/x86/memory_type.h"

namespace mmusim {

struct FirstLevelConfig {
  TlbConfig load;                  ///< data TLB
  std::optional<TlbConfig> store;  ///< of its own for stores, where there is one (Ice Lake and later)
  TlbConfig instruction;
};

struct FirstLevelStats {
  std::array<uint64_t, 3> lookups{};  ///< by AccessKind; an access that crosses a page boundary is two
  std::array<uint64_t, 3> misses{};
};

/// What the second level answers, and what the first level then holds.
struct PageAnswer {
  Translation translation;
  std::optional<FaultReason> fault;
  bool coalescible = false;       ///< four adjacent 4 KiB pages can share an entry
  bool first_level_hit = false;   ///< nothing else was asked
  bool second_level_hit = false;  ///< no walk was needed
};

/// The first-level TLBs of one core and what they remember for the fast path. State only: the same for the timed
/// load/store unit and for the functional model.
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

  /// What search() found.
  struct Search {
    TlbLevel* tlb = nullptr;  ///< the TLB that was asked
    TlbLevel::Place place;    ///< the entry for the page, if it is there
    bool serves = false;      ///< it does for the access, neither clean for a write nor forbidding it
    uint64_t fills = 0;       ///< TlbLevel::fills() then

    /// The page was not there, and is not there yet.
    bool still_absent() const { return !place && tlb->fills() == fills; }
  };
  /// Looks the page up for an access of `type`; counts.
  [[gnu::always_inline]] Search search(const TlbQuery& query, AccessType type, const ControlState& control,
                                       const MemoryTypes& types) {
    Search found;
    found.tlb = &level(type.kind());
    found.fills = found.tlb->fills();
    found.place = found.tlb->find(query);
    ++stats_.lookups[static_cast<unsigned>(type.kind())];
    if (!found.place) {
      ++stats_.misses[static_cast<unsigned>(type.kind())];
      return found;
    }
    found.tlb->touch(found.place);
    const Translation translation = found.tlb->at(found.place, query.va);
    found.serves = serves(control, translation, type);
    if (found.serves) remember(query.va, translation, type, control, types, *found.tlb, found.place);
    return found;
  }
  /// Keeps what the next level answered after a search() that found nothing that serves; says where. `absent`: the page
  /// is not in the TLB that was asked. Who does not remember it leaves that to the search of the next access.
  [[gnu::always_inline]] TlbLevel::Place keep(const TlbQuery& query, AccessKind kind, const Translation& translation,
                                              bool coalescible, bool absent) {
    return level(kind).fill(query, translation, coalescible, absent);
  }
  /// Translates one page for an access of `type`. What is not here, or is clean or too narrow for the access, is asked
  /// of `next(in_first_level)`, which returns a PageAnswer.
  template <class Next>
  PageAnswer translate(VirtAddr va, AccessType type, const ControlState& control, const MemoryTypes& types,
                       Next&& next) {
    const TlbQuery query(va, control.pcid());
    const Search here = search(query, type, control, types);
    if (here.serves) return {here.tlb->at(here.place, va), std::nullopt, false, /*first_level_hit=*/true, false};
    const PageAnswer answer = next(/*in_first_level=*/static_cast<bool>(here.place));
    if (answer.fault) {
      invalidate(on_page_fault(control, va));
    } else {
      const TlbLevel::Place place =
          keep(query, type.kind(), answer.translation, answer.coalescible, here.still_absent());
      if (place) remember(va, answer.translation, type, control, types, *here.tlb, place);
    }
    return answer;
  }

  /// The remembered answer for the page of this access, or nullptr (page_memos.h). Counts nothing.
  const PageMemos::Memo* recall(VirtAddr va, AccessType type) const { return memos_.find(va, type); }
  void forget() { memos_.forget(); }
  /// True if the data page of this access is here and serves it as it is, though recall() has forgotten it: another
  /// page took its place there. Then recall() knows it again. Counts nothing.
  bool find_again(const MemAccess& access, AccessType type, const ControlState& control, const MemoryTypes& types) {
    if (type.is_fetch() || memos_.find(access.va, type) != nullptr) return false;  // known: hits() said no for its line
    TlbLevel& tlb = level(type.kind());
    const TlbLevel::Place place = tlb.find({access.va, control.pcid()});
    if (!place) return false;
    const Translation translation = tlb.at(place, access.va);
    if (!serves(control, translation, type)) return false;
    remember(access.va, translation, type, control, types, tlb, place);
    return memos_.find(access.va, type) != nullptr;
  }
  /// Uses a remembered answer: the same as a hit of translate().
  void use(const PageMemos::Memo& memo, AccessKind kind) {
    memo.array->touch(memo.slot);
    ++stats_.lookups[static_cast<unsigned>(kind)];
  }

  unsigned invalidate(const Invalidation& operation) {
    unsigned removed = load_.invalidate(operation) + instruction_.invalidate(operation);
    if (store_) removed += store_->invalidate(operation);
    return removed;
  }
  const FirstLevelStats& stats() const { return stats_; }

 private:
  /// Only what the fast path can serve: data that may be cached.
  [[gnu::always_inline]] void remember(VirtAddr va, const Translation& translation, AccessType type,
                                       const ControlState& control, const MemoryTypes& types, TlbLevel& tlb,
                                       TlbLevel::Place hit) {
    const PhysAddr pa = translation.address(control.linear(va));
    if (!type.is_fetch() && is_cacheable(types.at(pa, translation.pat_index())))
      memos_.remember(va, pa, type, tlb, hit);
  }

  TlbLevel load_;
  std::optional<TlbLevel> store_;
  TlbLevel instruction_;
  FirstLevelStats stats_;
  PageMemos memos_;
};

}  // namespace mmusim
