// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "models/cache/coherence.h"
#include "models/core/load_store_unit.h"
#include "models/core/recent_lines.h"
#include "models/core/recent_pages.h"
#include "models/fabric/host_prefetch.h"

namespace mmusim {

/// All that makes a hit cheap: accesses to recently used pages, performed without the load/store unit's general way.
///
/// Everything here is an optimisation: a core that performed each access by LoadStoreUnit::translate() and finish()
/// would reach the same results in the same cycles. A function that returns false has done nothing.
class FastPath {
 public:
  explicit FastPath(LoadStoreUnit& lsu) : lsu_(&lsu), context_(&lsu.context()), observers_(lsu.observers()) {}

  /// Sets what the core reaches: its first-level caches, the page tables that its walkers read lately, and, for
  /// prefetch(), the tags of the further caches. Before anything runs. `l1i` may be `l1d`.
  void attach(Cache& l1d, Cache& l1i, const RecentTables& tables, std::vector<const CacheArray*> further);
  /// Makes this the fast path of one of several cores: a store hits only a line that its core owns.
  void share(CoherenceAgent& agent) { coherence_ = &agent; }
  /// Lets the simulation reach the time of `clock`, if other cores may have taken lines away by then. For a core of several,
  /// before it looks for a hit.
  void catch_up(LocalClock& clock) {
    if (coherence_->due(clock.now())) [[unlikely]]
      coherence_->catch_up(clock);
  }
  /// Carries out what other cores did up to `now`, a cycle in which this core has synchronised.
  void settle(CycleTime now) {
    if (coherence_ != nullptr) coherence_->settle(now);
  }
  /// Returns true if catch_up() has nothing to do before `end`.
  bool undisturbed_until(CycleTime end) const { return !coherence_->due(end); }

  /// Returns what a hit in TLB and cache costs an access of that kind.
  Cycles hit_cycles(AccessKind kind) const { return hit_cycles_[kind]; }

  /// The places of an access that is a hit: in its TLB, and in its cache.
  struct Hit {
    const RecentPages::Page* page = nullptr;
    const CacheArray::Place* line = nullptr;

    explicit operator bool() const { return line != nullptr; }
  };
  /// Returns where an access that lies in one line hits, if it does; changes and counts nothing. Searches the TLB if the
  /// page is not in the recent-page table. WindowCore needs this, because its timing depends on hit or miss.
  Hit find_hit(const MemAccess& access) {
    const RecentPages::Page* page = page_of(access);
    if (page == nullptr) page = find_page(access);
    if (page == nullptr) return {};
    const Hit hit{page, lines_[page->kind]->find(address_of(access, *page))};
    if (coherence_ != nullptr && hit && !writable(access.kind, *hit.line)) return {};
    return hit;
  }
  /// Returns what the TLB says of the page of an access that lies in one line, if it translates it without a walk.
  const RecentPages::Page* find_translation(const MemAccess& access) {
    const RecentPages::Page* page = page_of(access);
    return page != nullptr ? page : find_page(access);
  }
  /// Performs an access that find_hit() has just found to be a hit. Returns where its first byte is. It costs
  /// hit_cycles(), which the caller charges.
  PhysAddr perform(const MemAccess& access, const Hit& hit) {
    hit.page->touch();
    const AccessKind kind = hit.page->kind;
    perform_in_page(kind, *lines_[kind], *hit.line);
    return address_of(access, *hit.page);
  }
  /// Performs a load whose page the TLB translates, and which reads what a store writes whose line is not there yet. Counts
  /// as a hit. Returns where its first byte is.
  PhysAddr perform_forwarded(const MemAccess& access, const RecentPages::Page& page) {
    page.touch();
    ++hits_[page.kind];
    return address_of(access, page);
  }
  /// Performs a fetch of one or two lines, if all of it hits. Returns where its first byte is in `pa`.
  bool try_fetch(const MemAccess& access, PhysAddr& pa) {
    if (!in_one_line(access)) return try_fetch_across(access, pa);
    const Hit found = find_hit(access);
    if (found) pa = perform(access, found);
    return static_cast<bool>(found);
  }
  /// Counts a fetch from the line that was fetched last: a hit.
  void fetch_again() { ++hits_[AccessKind::kFetch]; }

  /// Reserves a port of the first-level cache for a hit that is ready in cycle `ready`; returns when it starts.
  CycleTime reserve_port(AccessKind kind, CycleTime ready) { return caches_[kind]->reserve_port(ready); }
  /// Returns where the first byte of an access in `page` is.
  static PhysAddr address_of(const MemAccess& access, const RecentPages::Page& page) {
    return page.frame + (access.va.raw() & (kPageBytes - 1));
  }

  /// Hits in one page that follow each other: what the first one found out of the page holds for the others, and its use of
  /// the TLB is theirs. Whatever else this core does, or may be done to it, begins a new run.
  struct Run {
    uint64_t tag = ~uint64_t{0};  ///< tag_of() them; that of no access
    const RecentPages::Page* page = nullptr;
  };
  /// Performs access number `id` whose page is in the recent-page table, wherever its line is; `clock` stands at its
  /// end then. Needs the general way for lines from further away if an observer wants each access, or if other
  /// requesters act in the same simulation. `run`: of the accesses just before. `kShared`: for a core of several.
  template <bool kShared = false>
  [[gnu::always_inline]] bool try_access(const MemAccess& access, uint64_t id, LocalClock& clock, PhysAddr& pa,
                                         Run& run) {
    const uint64_t tag = tag_of(access);
    const bool again = tag == run.tag;
    if (!in_one_line(access)) [[unlikely]]
      return false;
    const RecentPages::Page* page = run.page;
    if (!again) {
      page = pages_.find(access);
      if (page == nullptr) return false;
    }
    const AccessKind kind = page->kind;
    RecentLines& lines = *lines_[kind];
    const PhysAddr at = address_of(access, *page);
    if (const CacheArray::Place* const line = lines.find(at)) [[likely]] {
      if constexpr (kShared) {
        if (!writable(kind, *line)) return false;
      }
      if (!again) {
        page->touch();
        run = {tag, page};
      }
      perform_in_page(kind, lines, *line);
      pa = at;
      if (reports_hits()) [[unlikely]]
        report_hit(access, id, clock.now(), clock.now(), pa);
      clock.advance(hit_cycles_[kind]);
      return true;
    }
    if (reports_hits() || !context_->meets_nobody(clock)) return false;  // others may act before the line is asked for
    run = {};
    pa = fetch_line(access, *page, clock);
    return true;
  }
  /// Performs `times` accesses equal to or beside `access`, all in its line, after one that was just performed: if the
  /// line is in the first-level cache, all are hits. They cost hit_cycles() each, which the caller charges.
  bool try_run(const MemAccess& access, uint64_t times) {
    const RecentPages::Page* page = page_of(access);
    if (page == nullptr) return false;
    RecentLines& lines = *lines_[page->kind];
    const CacheArray::Place* const line = lines.find(address_of(access, *page));
    if (line == nullptr) return false;
    page->touch();  // the first one may have brought page and line in, which is no use of them
    lines.cache().touch(*line);
    hits_[page->kind] += times;  // the first one made the line dirty
    return true;
  }
  /// Puts the page that was translated last into the recent-page table. Call between translate() and whatever may
  /// change control registers or TLBs.
  void learn(const MemAccess& access, const LoadStoreUnit::Pieces& pieces) {
    if (pieces.fault) return;
    const LoadStoreUnit::Pieces::Piece& last = pieces.piece[pieces.count - 1];
    if (last.held.array != nullptr && last.cacheable)
      pages_.remember(last.va, last.pa, access_type_of(access), last.held);
  }
  /// Empties the recent-page table, because a control register changed what accesses are allowed.
  void forget() { pages_.forget(); }
  /// Returns true if an observer wants to hear of hits too.
  bool reports_hits() const { return observers_.wants(kAccessNotices | kTranslationNotices); }
  /// Delivers what observers want to know of a hit that was dispatched at `dispatched` and started at `started`.
  void report_hit(const MemAccess& access, uint64_t id, CycleTime dispatched, CycleTime started, PhysAddr pa);
  /// Counts cycles between dispatch and start of hits.
  void count_stall(Cycles cycles) { stall_cycles_ += cycles; }

  /// Prefetches host memory for two upcoming accesses: `soon` the lines it will need, `later` its page-table entry. No
  /// effect on results.
  void prefetch(VirtAddr soon, VirtAddr later) {
    tables_->prefetch(later);
    if (const std::byte* entry = tables_->entry(soon); entry != nullptr) prefetch_lines(soon, entry);
  }

  /// Adds what was performed here to the statistics of the load/store unit.
  void add_to(LoadStoreUnitStats& stats) const;
  /// Adds what was performed here to the statistics of `cache`, if that is a first-level cache of this core.
  void add_to(CacheStats& stats, const Cache& cache) const;

 private:
  /// Performs a hit in `lines`, those of its kind, but for its use of the TLB.
  [[gnu::always_inline]] void perform_in_page(AccessKind kind, RecentLines& lines, const CacheArray::Place& line) {
    lines.cache().touch(line);
    if (kind == AccessKind::kWrite) CacheArray::mark_dirty(line);
    ++hits_[kind];
  }
  /// Returns true if an access of a core of several may use a line that is there; only dirty lines are known to be owned.
  static bool writable(AccessKind kind, const CacheArray::Place& line) {
    return kind != AccessKind::kWrite || CacheArray::dirty(line);
  }
  /// Returns the number of an access's page, and below it all that decides whether the page may be used: kind, user, rmw
  /// and implicit.
  static uint64_t tag_of(const MemAccess& access) {
    constexpr unsigned kDecisive = 0xb03;
    static_assert(offsetof(MemAccess, kind) == 10 && offsetof(MemAccess, depends_on) == 12);
    uint16_t kind_and_flags;
    std::memcpy(&kind_and_flags, reinterpret_cast<const std::byte*>(&access) + offsetof(MemAccess, kind), 2);
    return (access.va.raw() & ~(kPageBytes - 1)) | (kind_and_flags & kDecisive);
  }
  static bool in_one_line(const MemAccess& access) {
    return (access.va.raw() & (kLineBytes - 1)) + access.bytes <= kLineBytes;
  }
  /// Returns what the recent-page table says of the access's page, if the access lies in one line, else nullptr.
  const RecentPages::Page* page_of(const MemAccess& access) const {
    const RecentPages::Page* page = pages_.find(access);
    return page != nullptr && in_one_line(access) ? page : nullptr;
  }
  const RecentPages::Page* find_page(const MemAccess& access);
  bool try_fetch_across(const MemAccess& access, PhysAddr& pa);
  PhysAddr fetch_line(const MemAccess& access, const RecentPages::Page& page, LocalClock& clock);
  void prefetch_lines(VirtAddr va, const std::byte* entry);

  LoadStoreUnit* lsu_;
  CoreContext* context_;
  const ObserverList& observers_;
  EnumArray<AccessKind, Cycles> hit_cycles_{};
  EnumArray<AccessKind, Cache*> caches_{};
  std::unique_ptr<RecentLines> data_lines_;
  std::unique_ptr<RecentLines> fetch_lines_;  // if fetches have a cache of their own
  EnumArray<AccessKind, RecentLines*> lines_{};
  CoherenceAgent* coherence_ = nullptr;  // of a core of several
  const RecentTables* tables_ = nullptr;
  std::vector<const CacheArray*> further_;
  RecentPages pages_;
  EnumArray<AccessKind, uint64_t> hits_{};                          // in TLB and cache
  EnumArray<AccessKind, EnumArray<HitLevel, uint64_t>> fetched_{};  // in the TLB only, by where the line was
  Cycles fetch_cycles_;                                             // of these
  uint64_t split_fetches_ = 0, page_crossings_ = 0;                 // counted twice in hits_
  Cycles stall_cycles_;
};

}  // namespace mmusim
