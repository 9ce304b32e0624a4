// SPDX-License-Identifier: MIT
#include "models/core/fast_path.h"

#include <cstring>

namespace mmusim {

namespace {

/// Names the request of the cache that a first-level hit of each kind counts as.
constexpr EnumArray<AccessKind, RequestReason> kReasonOf = {RequestReason::kLoad, RequestReason::kStore,
                                                            RequestReason::kFetch};

}  // namespace

void FastPath::attach(Cache& l1d, Cache& l1i, const RecentTables& tables, std::vector<const CacheArray*> further) {
  caches_ = {&l1d, &l1d, &l1i};
  data_lines_ = std::make_unique<RecentLines>(l1d.array());
  if (&l1i != &l1d) fetch_lines_ = std::make_unique<RecentLines>(l1i.array());
  lines_ = {data_lines_.get(), data_lines_.get(), fetch_lines_ ? fetch_lines_.get() : data_lines_.get()};
  for (const AccessKind kind : kAllOf<AccessKind>) {
    hit_cycles_[kind] = caches_[kind]->latency() + lsu_->tlb_hit_cycles(kind);
  }
  tables_ = &tables;
  further_ = std::move(further);
}

void FastPath::report_hit(const MemAccess& access, uint64_t id, CycleTime dispatched, CycleTime started, PhysAddr pa) {
  if (observers_.wants(kTranslationNotices)) {
    observers_.translated(
        {context_->core, context_->control, access.va, access_type_of(access), pa, nullptr, {}, id, started});
  }
  if (!observers_.wants(kAccessNotices)) return;
  const AccessKind kind = kind_of(access);
  AccessRecord record;
  record.id = id;
  record.core = context_->core;
  record.access = access;
  record.begin = dispatched;
  record.end = started + hit_cycles_[kind];
  record.stage[Stage::kStall] = started - dispatched;
  record.stage[Stage::kTlb] = lsu_->tlb_hit_cycles(kind);
  record.stage[Stage::kData] = caches_[kind]->latency();
  record.pa = pa;
  observers_.access(record);
}

/// Searches the TLB for the page of an access whose page is not in the recent-page table. Puts it there, and returns it,
/// if the access lies in one line and the entry serves it as it is. Counts nothing.
const RecentPages::Page* FastPath::find_page(const MemAccess& access) {
  if (!in_one_line(access)) return nullptr;
  const AccessType type = access_type_of(access);
  const ControlState& control = context_->control;
  TlbLevel& tlb = lsu_->first_level().level(type.kind());
  const TlbLevel::Place place = tlb.find({access.va, control.space()});
  if (!place) return nullptr;
  const Translation translation = tlb.at(place, access.va);
  const PhysAddr pa = translation.address(control.linear(access.va));
  if (!serves(control, translation, type)) return nullptr;
  if (!is_cacheable(context_->types.at(pa, translation.pat_index()))) return nullptr;
  pages_.remember(access.va, pa, type, FirstLevel::held(tlb, place));
  return pages_.find(access);
}

/// Performs a fetch that crosses into a second line, if both are hits.
bool FastPath::try_fetch_across(const MemAccess& access, PhysAddr& pa) {
  const uint64_t to_boundary = kLineBytes - (access.va.raw() & (kLineBytes - 1));
  if (access.bytes > to_boundary + kLineBytes) return false;
  MemAccess low = access, high = access;
  low.bytes = static_cast<uint16_t>(to_boundary);
  high.va = access.va + to_boundary;
  high.bytes = static_cast<uint16_t>(access.bytes - to_boundary);
  if (!find_hit(high)) return false;
  const Hit first = find_hit(low);
  if (!first) return false;
  pa = perform(low, first);
  const Hit second = find_hit(high);  // searched again: its place in the table may have been taken by the first's page
  perform(high, second);
  ++split_fetches_;
  if ((high.va.raw() & (kPageBytes - 1)) == 0) ++page_crossings_;
  return true;
}

/// Reads the line of an access whose page is in the recent-page table, but whose line is not in the first-level cache.
/// Counts it; produces no record. Returns where the access's first byte is.
PhysAddr FastPath::fetch_line(const MemAccess& access, const RecentPages::Page& page, LocalClock& clock) {
  const AccessType type = access_type_of(access);
  const AccessKind kind = type.kind();
  const PhysAddr pa = address_of(access, page);
  page.touch();
  clock.advance(lsu_->tlb_hit_cycles(kind));
  const CycleTime begin = clock.now();
  const HitLevel hit = caches_[kind]->read_absent(pa.align_down(kLineBytes), reason_of(type), clock);
  ++fetched_[kind][hit];
  fetch_cycles_ += clock.now() - begin;
  return pa;
}

void FastPath::prefetch_lines(VirtAddr va, const std::byte* entry) {
  uint64_t value;
  std::memcpy(&value, entry, sizeof value);
  const PhysAddr of_entry = tables_->entry_pa(va).align_down(kLineBytes);
  const PhysAddr of_data = entry_address(value) + (va.raw() & (kPageBytes - kLineBytes));
  for (const CacheArray* lines : further_) lines->prefetch(of_entry);
  for (const CacheArray* lines : further_) lines->prefetch(of_data);
}

void FastPath::add_to(LoadStoreUnitStats& stats) const {
  for (const AccessKind kind : kAllOf<AccessKind>) {
    uint64_t fetched = 0;
    for (const uint64_t lines : fetched_[kind]) fetched += lines;
    stats.data_hits[kind] += fetched_[kind];
    stats.data_hits[kind][HitLevel::kL1] += hits_[kind];
    stats.accesses[kind] += hits_[kind] + fetched;
    stats.tlb_lookups[kind] += hits_[kind] + fetched;
    stats.stage[Stage::kTlb] += lsu_->tlb_hit_cycles(kind) * (hits_[kind] + fetched);
    if (hits_[kind] != 0) stats.stage[Stage::kData] += caches_[kind]->latency() * hits_[kind];
  }
  stats.accesses[AccessKind::kFetch] -= split_fetches_;
  stats.tlb_lookups[AccessKind::kFetch] -= split_fetches_ - page_crossings_;
  if (split_fetches_ != 0) {  // both lines at once
    Cycles& tlb = stats.stage[Stage::kTlb];
    Cycles& data = stats.stage[Stage::kData];
    tlb = tlb - lsu_->tlb_hit_cycles(AccessKind::kFetch) * split_fetches_;
    data = data - caches_[AccessKind::kFetch]->latency() * split_fetches_;
  }
  stats.line_crossings += split_fetches_;
  stats.page_crossings += page_crossings_;
  stats.stage[Stage::kData] += fetch_cycles_;
  stats.stage[Stage::kStall] += stall_cycles_;
}

void FastPath::add_to(CacheStats& stats, const Cache& cache) const {
  for (const AccessKind kind : kAllOf<AccessKind>) {
    if (caches_[kind] == &cache) stats.requests[kReasonOf[kind]] += hits_[kind];
  }
}

}  // namespace mmusim
