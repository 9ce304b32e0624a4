// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <systemc>
#include <vector>

#include "models/base/translation_counts.h"
#include "models/fabric/fibers.h"
#include "models/fabric/port_schedule.h"
#include "models/fabric/ports.h"
#include "models/fabric/prefetch_board.h"
#include "models/tlb/first_level.h"
#include "models/tlb/tlb_prefetcher.h"

namespace mmusim {

struct SecondLevelTlbConfig {
  TlbConfig data;                        ///< data, and instructions too unless `instruction` is there
  std::optional<TlbConfig> instruction;  ///< a second-level ITLB of its own (AMD)
  std::optional<TlbConfig> third;        ///< a TLB between the second level and the walkers, of all kinds of access
  TlbPrefetcherConfig prefetcher;        ///< of data
  Cycles first_touch{0};                 ///< what the kernel needs to map a page at its first touch (DemandMapper)

  /// Something below is counted in ExtendedTlbStats.
  bool extended() const {
    return third || prefetcher.kind != TlbPrefetcherKind::kNone || first_touch.count != 0 || limited();
  }
  bool limited() const { return data.lookups_per_cycle != 0 || data.miss_registers != 0; }
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

/// Counts of what only some second levels have. Platforms without any of it do not show them.
struct ExtendedTlbStats {
  uint64_t third_lookups = 0, third_hits = 0;
  uint64_t prefetches_asked = 0, prefetches_dropped = 0, prefetches_kept = 0;
  uint64_t first_touches = 0;
  Cycles first_touch{}, waited_for_port{}, waited_for_register{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("third_level_lookups", third_lookups, "translations that the third-level TLB was asked for");
    v("third_level_hits", third_hits, "of these, found there: answered without a walk");
    v("prefetches_asked", prefetches_asked, "pages that the prefetcher asked for");
    v("prefetches_dropped", prefetches_dropped, "of these, there already, not mapped, never accessed, or overtaken");
    v("prefetches_kept", prefetches_kept, "of these, walked and kept");
    v("first_touches", first_touches, "pages that the kernel mapped at their first touch");
    v("first_touch_cycles", first_touch, "cycles that accesses waited for that");
    v("waited_for_port_cycles", waited_for_port, "cycles requests waited to begin a lookup");
    v("waited_for_register_cycles", waited_for_register, "cycles requests that miss waited for a miss register");
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

/// The state of the second level: one unified TLB, or one for data and one for instructions; and of the third, if any.
class SecondLevelState final : public DisplacedIf {
 public:
  explicit SecondLevelState(const SecondLevelTlbConfig& config);
  SecondLevelState(const SecondLevelState&) = delete;
  SecondLevelState& operator=(const SecondLevelState&) = delete;

  /// Connects it with the level above, for inclusive and exclusive TLBs. Both stay where they are.
  void connect(FirstLevel& above);

  TlbLevel& level(AccessKind kind) { return kind == AccessKind::kFetch && instruction_ ? *instruction_ : data_; }
  TlbLevel& data() { return data_; }
  /// Calls fn(const TlbLevel&, name) for each TLB.
  template <class Fn>
  void for_each_tlb(Fn&& fn) const {
    fn(data_, "stlb");
    if (instruction_) fn(*instruction_, "l2_itlb");
    if (third_) fn(*third_, "l3_tlb");
  }
  unsigned invalidate(const Invalidation& operation);
  SecondLevelTlbStats& stats() { return stats_; }
  const SecondLevelTlbStats& stats() const { return stats_; }
  ExtendedTlbStats& extended_stats() { return extended_stats_; }
  const ExtendedTlbStats& extended_stats() const { return extended_stats_; }

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
    if (tlb.config().inclusion == TlbInclusion::kExclusive) [[unlikely]]
      tlb.erase(place);  // the level above takes it
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
    if (related_) [[unlikely]] {
      fill_related(tlb, query, outcome);
    } else {
      tlb.fill(query, outcome.translation, outcome.coalescible, absent);
    }
    if (outcome.next_page) fill_next(tlb, query, *outcome.next_page);
  }
  /// Keeps the translation of a page that nothing has asked for yet, if it is not there.
  void keep_prefetched(TlbLevel& tlb, const TlbQuery& query, const Translation& translation);

  bool has_third() const { return third_.has_value(); }
  Cycles third_penalty() const { return third_->config().hit_penalty; }
  /// A translation that the third level gave.
  struct ThirdHit {
    Translation translation;
    bool coalescible;
  };
  /// Looks up in the third level what lookup() did not find, counts, and keeps it in the second level on a hit. An entry
  /// that does not serve the access is left to the walk to replace.
  std::optional<ThirdHit> find_in_third(const TlbQuery& query, AccessType type, const ControlState& control);
  /// Takes what left a first-level TLB, if this one is exclusive.
  void take(AccessKind kind, const DisplacedEntry& entry) override;

 private:
  void fill_next(TlbLevel& tlb, const TlbQuery& query, const Translation& next_page);
  void fill_related(TlbLevel& tlb, const TlbQuery& query, const WalkOutcome& outcome);
  void insert(TlbLevel& tlb, const TlbQuery& query, const Translation& translation, bool coalescible);
  void lost(TlbLevel& tlb, const DisplacedEntry& entry);
  void third_lost(const DisplacedEntry& entry);

  TlbLevel data_;
  std::optional<TlbLevel> instruction_;
  std::optional<TlbLevel> third_;
  bool related_;  // some level is inclusive or exclusive, or there is a third one
  FirstLevel* above_ = nullptr;
  SecondLevelTlbStats stats_;
  ExtendedTlbStats extended_stats_;
};

/// Second-level TLB of one core, and the third level if there is one.
///
/// Models   lookup, fill after a walk, spreading over banks, coalesced and smashed entries (tlb_level.h); inclusive and
///          exclusive levels; prefetches of translations; the cost of a page's first touch.
/// Timing   asked in cycle t (later if lookups_per_cycle have begun in t), it looks the page up at t + hit_penalty, and then
///          answers a hit, or asks the third level, which answers hit_penalty of its own later, or the walkers. The
///          fill happens in the cycle in which the walk ends. A request that waited, for a walk to its page, for a
///          free walker or for a miss register, is looked up again when it has waited, and merged if the page has come.
///          Entries that move between levels take no time. A page that is mapped at its first touch costs first_touch
///          before the walk, one page after the other: the core runs the kernel (CoreContext::kernel_until).
/// Prefetch After the walk of a miss the prefetcher names pages, each of which is walked as any other, one after the other,
///          with kPrefetch as its cause, and kept. Those of a miss take the place of those that wait. Left out are pages
///          that are there, are not mapped, or would need an accessed flag set; and all in guests.
/// Omits    port conflicts with fills.
/// Sources  docs/parameters.md#second-level-tlb
class SecondLevelTlb : public sc_core::sc_module, public TranslateIf {
 public:
  sc_core::sc_port<WalkerIf> walker{"walker"};

  SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config, CoreContext& context);

  /// Gives prefetches a clock of their own; without it there are none. `owner` are those of the core; it lives as long as
  /// this.
  void enable_prefetch(const LocalClock& clock, CorePrefetches& owner, FiberGroup& fibers);

  TranslateReply translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) override;

  SecondLevelState& state() { return state_; }

 private:
  /// A page to be walked before it is needed.
  struct Prefetch {
    VirtAddr va;
    AccessType type;
    CycleTime asked;
  };

  TranslateReply miss(const TranslateRequest& request, const TlbQuery& query, const SecondLevelState::Lookup& found,
                      bool waited, LocalClock& clock, StageCycles& stage);
  TranslateReply miss_with_register(const TranslateRequest& request, const TlbQuery& query,
                                    const SecondLevelState::Lookup& found, LocalClock& clock, StageCycles& stage);
  void wait_for_port(LocalClock& clock, StageCycles& stage);
  void map_first_touch(LocalClock& clock, StageCycles& stage);
  void ask_prefetches(const TranslateRequest& request, PageSize size, LocalClock& clock);
  void run_prefetches(FiberGroup& fibers);
  bool prefetch(const Prefetch& wanted, LocalClock& clock);

  CoreContext* context_;
  const Cycles first_touch_;
  const bool limited_;
  SecondLevelState state_;
  PortSchedule ports_;
  const unsigned registers_;  // 0: without limit
  unsigned busy_registers_ = 0;
  Signal register_freed_;
  std::unique_ptr<TlbPrefetcher> prefetcher_;
  std::unique_ptr<LocalClock> prefetch_clock_;
  CorePrefetches* prefetches_ = nullptr;
  std::deque<Prefetch> waiting_;
  std::vector<uint64_t> wanted_;  // by the prefetcher, for ask_prefetches()
  Signal prefetch_asked_;
};

}  // namespace mmusim
