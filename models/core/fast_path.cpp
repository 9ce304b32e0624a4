// SPDX-License-Identifier: MIT
#include "models/core/fast_path.h"

#include <cstring>

namespace mmusim {

void FastPath::report_hit(const MemAccess& access, uint64_t id, CycleTime begin, PhysAddr pa) {
  if (observers_.wants(kTranslationNotices)) {
    observers_.translated(
        {context_->core, context_->control, access.va, access_type_of(access), pa, nullptr, {}, id, begin});
  }
  if (!observers_.wants(kAccessNotices)) return;
  AccessRecord record;
  record.id = id;
  record.core = context_->core;
  record.access = access;
  record.begin = begin;
  record.end = begin + l1_latency_;
  record.stage[Stage::kData] = l1_latency_;
  record.pa = pa;
  observers_.access(record);
}

/// Searches the TLB for the data page of an access whose page is not in the recent-page table. Puts it there, and
/// returns true, if the entry serves the access as it is. Counts nothing.
bool FastPath::find_page(const MemAccess& access) {
  const AccessType type = access_type_of(access);
  if (type.is_fetch() || pages_.find(access.va, type) != nullptr) return false;  // known: try_hit() missed its line
  const ControlState& control = context_->control;
  TlbLevel& tlb = lsu_->first_level().level(type.kind());
  const TlbLevel::Place place = tlb.find({access.va, control.pcid()});
  if (!place) return false;
  const Translation translation = tlb.at(place, access.va);
  const PhysAddr pa = translation.address(control.linear(access.va));
  if (!serves(control, translation, type) || !is_cacheable(context_->types.at(pa, translation.pat_index())))
    return false;
  pages_.remember(access.va, pa, type, FirstLevel::held(tlb, place));
  return true;
}

/// Reads the line of an access whose page is in the recent-page table, but whose line is not in the first-level data
/// cache. Counts it; produces no record. Returns where the access's first byte is.
PhysAddr FastPath::fetch_line(const MemAccess& access, const RecentPages::Page& page, LocalClock& clock) {
  const AccessType type = access_type_of(access);
  const PhysAddr pa = page.frame + (access.va.raw() & (kPageBytes - 1));
  page.array->touch(page.slot);
  const CycleTime begin = clock.now();
  const HitLevel hit = l1d_->read_absent(pa.align_down(kLineBytes), reason_of(type), clock);
  ++fetched_[type.kind()][hit];
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
  for (const AccessKind k : kAllOf<AccessKind>) {
    uint64_t fetched = 0;
    for (const HitLevel hit : kAllOf<HitLevel>) {
      fetched += fetched_[k][hit];
      stats.data_hits[k][hit] += fetched_[k][hit];
    }
    stats.data_hits[k][HitLevel::kL1] += hits_[k];
    stats.accesses[k] += hits_[k] + fetched;
    stats.tlb_lookups[k] += hits_[k] + fetched;
    stats.stage[Stage::kData] += l1_latency_ * hits_[k];
  }
  stats.stage[Stage::kData] += fetch_cycles_;
}

void FastPath::add_to(CacheStats& l1d) const {
  l1d.requests[RequestReason::kLoad] += hits_[AccessKind::kRead];
  l1d.requests[RequestReason::kStore] += hits_[AccessKind::kWrite];
}

}  // namespace mmusim
