// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <systemc>

#include "models/base/translation_counts.h"
#include "models/fabric/ports.h"
#include "models/tlb/tlb_level.h"

namespace mmusim {

struct SecondLevelTlbConfig {
  TlbConfig data;                        ///< data, and instructions too unless `instruction` is there
  std::optional<TlbConfig> instruction;  ///< a second-level ITLB of its own (AMD)
};

struct SecondLevelTlbStats {
  uint64_t lookups = 0, hits = 0, misses = 0;
  uint64_t instruction_lookups = 0, instruction_misses = 0;
  uint64_t merged = 0, instruction_merged = 0, upgrades_merged = 0;
  /// First-level misses by AccessKind and page size: answered here, and by a walk.
  EnumArray<AccessKind, CountsByPage> hits_by_page{}, misses_by_page{};
  uint64_t upgrades = 0, prefetched = 0;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("lookups", lookups, "data translations the first level did not have");
    v("hits", hits, "of these, found here");
    v("misses", misses, "of these, not found: answered by a walk of their own, or merged");
    v("merged", merged, "of the misses, answered by a walk that another request had asked for");
    for (const AccessKind k : kAllOf<AccessKind>) {
      const std::string kind = name_of(k);
      for (const PageGroup page : kAllOf<PageGroup>) {
        const char* name = name_of(page);
        v(fmt::format("{}_hits_{}", kind, name), hits_by_page[k][page], "hits by kind of access and size of page");
        v(fmt::format("{}_misses_{}", kind, name), misses_by_page[k][page],
          "misses that a walk answered, by kind of access and size of page");
      }
    }
    v("upgrades", upgrades, "entries that were there but clean or too restrictive, walked again");
    v("upgrades_merged", upgrades_merged, "of these, answered by a walk that another request had asked for");
    v("prefetched", prefetched, "translations of the next page brought in with a walk");
    v("instruction_lookups", instruction_lookups, "the same for instruction fetches");
    v("instruction_misses", instruction_misses, "of these, not found");
    v("instruction_merged", instruction_merged, "of the misses, answered by a walk that another request had asked for");
  }
};

/// Groups of TLB entries in the processors' counters.
constexpr PageGroup page_group_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::k4K:
      return PageGroup::k4K;
    case EntryKind::k16K:
      return PageGroup::kCoalesced;
    case EntryKind::k1G:
      return PageGroup::k1G;
    default:
      return PageGroup::k2M4M;
  }
}

/// The state of the second level: one unified TLB, or one for data and one for instructions.
class SecondLevelState {
 public:
  explicit SecondLevelState(const SecondLevelTlbConfig& config);

  TlbLevel& level(AccessKind kind) { return kind == AccessKind::kFetch && instruction_ ? *instruction_ : data_; }
  TlbLevel& data() { return data_; }
  /// Calls fn(const TlbLevel&, name) for each TLB.
  template <class Fn>
  void for_each_tlb(Fn&& fn) const {
    fn(data_, "stlb");
    if (instruction_) fn(*instruction_, "l2_itlb");
  }
  unsigned invalidate(const Invalidation& operation);
  SecondLevelTlbStats& stats() { return stats_; }
  const SecondLevelTlbStats& stats() const { return stats_; }

  struct Lookup {
    TlbLevel::Place place;    ///< of a hit
    Translation translation;  ///< of a hit
    bool upgrade = false;  ///< no hit, but neither a miss: some level has the entry, clean or too narrow for the access
    uint64_t fills = 0;    ///< of a miss: TlbLevel::fills() then
  };
  /// Looks up a translation that the first level could not give, and counts. `in_first_level`: that has an entry, but a
  /// clean one for a write, or one that forbids the access. What is there but useless for the access
  /// (clean and written, or forbidden) is left to the walk to replace.
  [[gnu::always_inline]] Lookup lookup(const TlbQuery& query, AccessType type, bool in_first_level,
                                       const ControlState& control) {
    const bool fetch = type.is_fetch();
    if (in_first_level) {
      ++stats_.upgrades;
      return {{}, {}, /*upgrade=*/true};
    }
    ++(fetch ? stats_.instruction_lookups : stats_.lookups);
    TlbLevel& tlb = level(type.kind());
    const TlbLevel::Place place = tlb.find(query);
    if (!place) {
      ++(fetch ? stats_.instruction_misses : stats_.misses);
      return {{}, {}, /*upgrade=*/false, tlb.fills()};
    }
    tlb.touch(place);
    if (!fetch) ++stats_.hits;
    const Translation translation = tlb.at(place, query.va);
    if (!serves(control, translation, type)) {
      ++stats_.upgrades;
      return {{}, {}, /*upgrade=*/true};
    }
    ++stats_.hits_by_page[type.kind()][page_group_of(place.kind)];
    return {place, translation};
  }
  /// Counts a lookup() without a hit that was answered by another request's walk.
  void count_merged(AccessKind kind, bool upgrade) {
    ++(upgrade ? stats_.upgrades_merged : kind == AccessKind::kFetch ? stats_.instruction_merged : stats_.merged);
  }
  /// Keeps what the walk after a lookup() found, the next page's translation included if the walk brought it.
  /// `upgrade`: as the lookup said. `absent`: the page is not in the TLB that was asked.
  void fill(const TlbQuery& query, AccessKind kind, const WalkOutcome& outcome, bool upgrade, bool absent) {
    TlbLevel& tlb = level(kind);
    if (!upgrade) {
      const PageGroup page = page_group(outcome.translation.size(), outcome.coalescible && tlb.config().coalesce);
      ++stats_.misses_by_page[kind][page];
    }
    tlb.fill(query, outcome.translation, outcome.coalescible, absent);
    if (outcome.next_page) fill_next(tlb, query, *outcome.next_page);
  }

 private:
  void fill_next(TlbLevel& tlb, const TlbQuery& query, const Translation& next_page);

  TlbLevel data_;
  std::optional<TlbLevel> instruction_;
  SecondLevelTlbStats stats_;
};

/// Second-level TLB of one core.
///
/// Models   lookup, fill after a walk, spreading over banks, coalesced and smashed entries (tlb_level.h).
/// Timing   asked in cycle t, it looks the page up at t + hit_penalty, and then answers a hit or asks the walkers. The
///          fill happens in the cycle in which the walk ends. A request that waited, for a walk to its page or for a
///          free walker, is looked up again when it has waited, and merged if the page has come.
/// Omits    port conflicts.
/// Sources  docs/parameters.md#second-level-tlb
class SecondLevelTlb : public sc_core::sc_module, public TranslateIf {
 public:
  sc_core::sc_port<WalkerIf> walker{"walker"};

  SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config, CoreContext& context);

  TranslateReply translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) override;

  SecondLevelState& state() { return state_; }

 private:
  CoreContext* context_;
  SecondLevelState state_;
};

}  // namespace mmusim
