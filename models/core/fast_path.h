// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "models/cache/cache.h"
#include "models/core/load_store_unit.h"
#include "models/core/recent_pages.h"
#include "models/fabric/host_prefetch.h"

namespace mmusim {

/// All that makes a hit cheap: accesses to recently used pages, performed without the load/store unit's general way.
///
/// Everything here is an optimisation: a core that performed each access by LoadStoreUnit::translate() and finish()
/// would reach the same results in the same cycles. A function that returns false has done nothing.
class FastPath {
 public:
  explicit FastPath(LoadStoreUnit& lsu)
      : lsu_(&lsu), context_(&lsu.context()), observers_(lsu.observers()), l1_latency_(lsu.l1_latency()) {}

  /// Sets what the core reaches: its first-level data cache, the page tables that its walkers read lately, and, for
  /// prefetch(), the tags of the further caches. Before anything runs.
  void attach(Cache& l1d, const RecentTables& tables, std::vector<const CacheArray*> further) {
    l1d_ = &l1d;
    tables_ = &tables;
    further_ = std::move(further);
  }

  /// Performs an access that lies in one line, has its page in the recent-page table and its line in the first-level
  /// data cache. `pa` is where its first byte is. It costs l1_latency, which the caller charges.
  bool try_hit(const MemAccess& access, PhysAddr& pa) {
    const RecentPages::Page* page = page_of(access);
    return page != nullptr && hit(access, *page, pa);
  }
  /// Like try_hit(), but searches the TLB if the page is not in the recent-page table. WindowCore needs this, because
  /// its timing depends on hit or miss.
  bool try_hit_searching(const MemAccess& access, PhysAddr& pa) {
    return try_hit(access, pa) || (find_page(access) && try_hit(access, pa));
  }
  /// Performs access number `id` whose page is in the recent-page table, wherever its line is; `clock` stands at its
  /// end then. Needs the general way for lines from further away if an observer wants each access.
  [[gnu::always_inline]] bool try_access(const MemAccess& access, uint64_t id, LocalClock& clock, PhysAddr& pa) {
    const RecentPages::Page* page = page_of(access);
    if (page == nullptr) return false;
    const bool report = reports_hits();
    if (hit(access, *page, pa)) [[likely]] {
      if (report) [[unlikely]]
        report_hit(access, id, clock.now(), pa);
      clock.advance(l1_latency_);
      return true;
    }
    if (report) return false;
    pa = fetch_line(access, *page, clock);
    return true;
  }
  /// Performs `times` accesses equal to or beside `access`, all in its line, after one that was just performed: if the
  /// line is in the first-level data cache, all are hits. They cost l1_latency each, which the caller charges.
  bool try_run(const MemAccess& access, uint64_t times) {
    const RecentPages::Page* page = page_of(access);
    if (page == nullptr || l1d_->array().find(line_of(access, *page)) == CacheArray::kNone) return false;
    hits_[kind_of(access)] += times;  // the first one made the entries the most recent, and dirty
    return true;
  }
  /// Puts the page that was translated last into the recent-page table. Call between translate() and whatever may
  /// change control registers or TLBs.
  void learn(const MemAccess& access, const LoadStoreUnit::Pieces& pieces) {
    if (pieces.fault) return;
    const LoadStoreUnit::Pieces::Piece& last = pieces.piece[pieces.count - 1];
    const AccessType type = access_type_of(access);
    if (last.held.array != nullptr && last.cacheable && !type.is_fetch())
      pages_.remember(last.va, last.pa, type, last.held);
  }
  /// Empties the recent-page table, because a control register changed what accesses are allowed.
  void forget() { pages_.forget(); }
  /// Returns true if an observer wants to hear of hits too.
  bool reports_hits() const { return observers_.wants(kAccessNotices | kTranslationNotices); }
  /// Delivers what observers want to know of an access that try_hit() performed, begun at `begin`.
  void report_hit(const MemAccess& access, uint64_t id, CycleTime begin, PhysAddr pa);

  /// Prefetches host memory for two upcoming accesses: `soon` the lines it will need, `later` its page-table entry. No
  /// effect on results.
  void prefetch(VirtAddr soon, VirtAddr later) {
    tables_->prefetch(later);
    if (const std::byte* entry = tables_->entry(soon); entry != nullptr) prefetch_lines(soon, entry);
  }

  /// Adds what was performed here to the statistics of the load/store unit and of the first-level data cache.
  void add_to(LoadStoreUnitStats& stats) const;
  void add_to(CacheStats& l1d) const;

 private:
  static PhysAddr line_of(const MemAccess& access, const RecentPages::Page& page) {
    return page.frame + (access.va.raw() & (kPageBytes - kLineBytes));
  }
  /// Returns what the recent-page table says of the access's page, if the access lies in one line, else nullptr.
  const RecentPages::Page* page_of(const MemAccess& access) const {
    const RecentPages::Page* page = pages_.find(access.va, access_type_of(access));
    if (page == nullptr || (access.va.raw() & (kLineBytes - 1)) + access.bytes > kLineBytes) return nullptr;
    return page;
  }
  bool hit(const MemAccess& access, const RecentPages::Page& page, PhysAddr& pa) {
    CacheArray& lines = l1d_->array();
    const unsigned slot = lines.find(line_of(access, page));
    if (slot == CacheArray::kNone) return false;
    const AccessKind kind = kind_of(access);
    page.array->touch(page.slot);
    lines.touch(slot);
    if (kind == AccessKind::kWrite) lines.mark_dirty(slot);
    ++hits_[kind];
    pa = page.frame + (access.va.raw() & (kPageBytes - 1));
    return true;
  }
  bool find_page(const MemAccess& access);
  PhysAddr fetch_line(const MemAccess& access, const RecentPages::Page& page, LocalClock& clock);
  void prefetch_lines(VirtAddr va, const std::byte* entry);

  LoadStoreUnit* lsu_;
  CoreContext* context_;
  const ObserverList& observers_;
  Cycles l1_latency_;
  Cache* l1d_ = nullptr;
  const RecentTables* tables_ = nullptr;
  std::vector<const CacheArray*> further_;
  RecentPages pages_;
  EnumArray<AccessKind, uint64_t> hits_{};                          // in TLB and cache
  EnumArray<AccessKind, EnumArray<HitLevel, uint64_t>> fetched_{};  // in the TLB only, by where the line was
  Cycles fetch_cycles_;                                             // of these
};

}  // namespace mmusim
