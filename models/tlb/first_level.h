// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>

#include "models/tlb/page_memos.h"
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

  /// Translates one page for an access of `type`. What is not here, or is clean or too narrow for the access, is asked
  /// of `next(in_first_level)`, which returns a PageAnswer.
  template <class Next>
  PageAnswer translate(VirtAddr va, AccessType type, const ControlState& control, const MemoryTypes& types,
                       Next&& next) {
    TlbLevel& tlb = level(type.kind);
    ++stats_.lookups[static_cast<unsigned>(type.kind)];
    if (const auto hit = tlb.lookup(va, control.pcid())) {
      if (!(type.is_write() && !hit->translation.dirty) && !check_rights(control, hit->translation, type)) {
        remember(va, hit->translation, type, control, types, tlb, *hit);
        return {hit->translation, std::nullopt, false, /*first_level_hit=*/true, false};
      }
      return ask(va, type, control, types, tlb, next(/*in_first_level=*/true));
    }
    ++stats_.misses[static_cast<unsigned>(type.kind)];
    return ask(va, type, control, types, tlb, next(/*in_first_level=*/false));
  }

  /// The remembered answer for the page of this access, or nullptr (page_memos.h). Counts nothing.
  const PageMemos::Memo* recall(const MemAccess& access) const { return memos_.find(access); }
  void forget() { memos_.forget(); }
  /// True if the data page of this access is here and serves it as it is, though recall() has forgotten it: another
  /// page took its place there. Then recall() knows it again. Counts nothing.
  bool find_again(const MemAccess& access, AccessType type, const ControlState& control, const MemoryTypes& types) {
    if (type.is_fetch() || memos_.find(access) != nullptr) return false;  // known: hits() said no for its line
    TlbLevel& tlb = level(type.kind);
    const auto hit = tlb.probe(access.va, control.pcid());
    if (!hit || (type.is_write() && !hit->translation.dirty) || check_rights(control, hit->translation, type))
      return false;
    remember(access.va, hit->translation, type, control, types, tlb, *hit);
    return memos_.find(access) != nullptr;
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
  PageAnswer ask(VirtAddr va, AccessType type, const ControlState& control, const MemoryTypes& types, TlbLevel& tlb,
                 const PageAnswer& answer) {
    if (answer.fault) {
      invalidate(on_page_fault(control, va));
      return answer;
    }
    const auto filled = tlb.fill(va, control.pcid(), answer.translation, answer.coalescible);
    if (filled) remember(va, answer.translation, type, control, types, tlb, *filled);
    return answer;
  }

  /// Only what the fast path can serve: data that may be cached.
  void remember(VirtAddr va, const Translation& translation, AccessType type, const ControlState& control,
                const MemoryTypes& types, TlbLevel& tlb, const TlbLevel::Hit& hit) {
    const PhysAddr pa = translation.address(control.linear(va));
    if (!type.is_fetch() && is_cacheable(types.at(pa, translation.pat_index))) memos_.remember(va, pa, type, tlb, hit);
  }

  TlbLevel load_;
  std::optional<TlbLevel> store_;
  TlbLevel instruction_;
  FirstLevelStats stats_;
  PageMemos memos_;
};

}  // namespace mmusim
