// SPDX-License-Identifier: MIT
#include "models/core/load_store_unit.h"

#include <algorithm>

namespace mmusim {

LoadStoreUnit::LoadStoreUnit(const sc_core::sc_module_name& name, const LoadStoreUnitConfig& config,
                             CoreContext& context, const ObserverList& observers)
    : sc_module(name), config_(config), context_(&context), observers_(observers), first_level_(config.tlbs) {
  for (const AccessKind kind : kAllOf<AccessKind>)
    tlb_hit_cycles_[kind] = first_level_.level(kind).config().hit_penalty;
}

AccessResult LoadStoreUnit::finish(const MemAccess& access, const Pieces& pieces, LocalClock& clock,
                                   AccessRecord& record) {
  if (!pieces.fault) touch_data(access, pieces, clock, record);
  record.end = clock.now();
  retire(record);
  return {pieces.piece[0].pa, pieces.fault};
}

LoadStoreUnit::Pieces LoadStoreUnit::translate(const MemAccess& access, LocalClock& clock, AccessRecord& record) {
  const ControlState& control = context_->control;
  Pieces out;
  const VirtAddr last = access.va + (access.bytes - 1U);
  if (!control.canonical(access.va) || !control.canonical(last)) {
    out.fault = FaultReason::kNonCanonical;
    return out;
  }
  const uint64_t to_boundary = kPageBytes - (access.va.raw() & (kPageBytes - 1));
  const auto first_bytes = static_cast<uint16_t>(std::min<uint64_t>(access.bytes, to_boundary));
  out.piece[0] = {access.va, {}, first_bytes, true, {}};
  out.count = first_bytes < access.bytes ? 2 : 1;
  if (out.count == 2) {
    ++stats_.page_crossings;
    out.piece[1] = {
        control.linear(access.va + first_bytes), {}, static_cast<uint16_t>(access.bytes - first_bytes), true, {}};
  }
  for (unsigned i = 0; i < out.count; ++i) {
    const PageAnswer answer = translate_page(out.piece[i].va, access, clock, record);
    if (answer.fault) {
      out.fault = answer.fault;
      record.page_fault_error_code =
          exception_of(*answer.fault, access_type_of(access), control, out.piece[i].va).error_code;
      return out;
    }
    out.piece[i].pa = answer.translation.address(control.linear(out.piece[i].va));
    out.piece[i].cacheable = cacheable(out.piece[i].pa, answer.translation);
    out.piece[i].held = answer.held;
  }
  record.pa = out.piece[0].pa;
  return out;
}

LoadStoreUnit::PageAnswer LoadStoreUnit::translate_page(VirtAddr va, const MemAccess& access, LocalClock& clock,
                                                        AccessRecord& record) {
  const AccessType type = access_type_of(access);
  const Cycles penalty = tlb_hit_cycles_[type.kind()];
  clock.advance(penalty);
  record.stage[Stage::kTlb] += penalty;
  const PageAnswer answer = find_page(va, type, clock, record);
  if (observers_.wants(kTranslationNotices)) {
    const PhysAddr pa = answer.fault ? PhysAddr() : answer.translation.address(context_->control.linear(va));
    observers_.translated(
        {context_->core, context_->control, va, type, pa, &answer.translation, answer.fault, record.id, clock.now()});
  }
  return answer;
}

LoadStoreUnit::PageAnswer LoadStoreUnit::find_page(VirtAddr va, AccessType type, LocalClock& clock,
                                                   AccessRecord& record) {
  const TlbQuery query(va, context_->control.space());
  for (bool waited = false;; waited = true) {
    const bool meets_nobody = context_->meets_nobody(clock);
    if (!meets_nobody) clock.sync();
    const FirstLevel::Search here = first_level_.look_up(query, type, context_->control);
    if (here.serves) {
      if (waited) {
        first_level_.count_merged(type.kind());
      } else {
        first_level_.count(here, type.kind());
      }
      return {here.tlb->at(here.place, va), std::nullopt, FirstLevel::held(*here.tlb, here.place)};
    }
    PendingPage* page = meets_nobody ? nullptr : pending(query, *here.tlb);
    if (page == nullptr) {
      first_level_.count(here, type.kind());
      return ask_second_level(query, type, here, clock, record);
    }
    const CycleTime begin = clock.now();
    clock.wait_for(page->answered, {name(), "the translation of a page that was asked for", va.raw(), page->requester});
    record.stage[Stage::kWalkQueue] += clock.now() - begin;
  }
}

/// Asks the second level for a page that search `here` did not find, or found clean or too narrow for the access.
LoadStoreUnit::PageAnswer LoadStoreUnit::ask_second_level(const TlbQuery& query, AccessType type,
                                                          const FirstLevel::Search& here, LocalClock& clock,
                                                          AccessRecord& record) {
  const auto in_first_level = static_cast<bool>(here.place);
  const TranslateRequest request{query.va, type, cause_of(type.kind()), record.id, in_first_level, {}};
  PendingPage* page = context_->meets_nobody(clock) ? nullptr : &begin_pending(query, *here.tlb, clock.requester());
  const TranslateReply reply = second_level->translate(request, clock, record.stage);
  record.tlb_miss |= !in_first_level;
  record.stlb_miss |= !reply.second_level_hit;
  PageAnswer answer{reply.translation, reply.fault, {}};
  if (reply.fault) {
    first_level_.invalidate(on_page_fault(context_->control, query.va));
  } else {
    const TlbLevel::Place place =
        first_level_.keep(query, type.kind(), reply.translation, reply.coalescible, here.still_absent());
    if (place) answer.held = FirstLevel::held(*here.tlb, place);
  }
  if (page != nullptr) {
    page->tlb = nullptr;
    clock.notify(page->answered);
  }
  return answer;
}

LoadStoreUnit::PendingPage* LoadStoreUnit::pending(const TlbQuery& query, const TlbLevel& tlb) {
  for (const auto& page : pending_) {
    if (page->number == query.va.raw() >> kPageShift && page->tlb == &tlb && page->space == query.space)
      return page.get();
  }
  return nullptr;
}

LoadStoreUnit::PendingPage& LoadStoreUnit::begin_pending(const TlbQuery& query, const TlbLevel& tlb,
                                                         unsigned requester) {
  auto free = std::find_if(pending_.begin(), pending_.end(), [](const auto& page) { return page->tlb == nullptr; });
  if (free == pending_.end()) free = pending_.insert(free, std::make_unique<PendingPage>());
  PendingPage& page = **free;
  page.number = query.va.raw() >> kPageShift;
  page.tlb = &tlb;
  page.space = query.space;
  page.requester = requester;
  return page;
}

void LoadStoreUnit::touch_data(const MemAccess& access, const Pieces& pieces, LocalClock& clock, AccessRecord& record) {
  const AccessType type = access_type_of(access);
  const CycleTime begin = clock.now();
  MemoryIf& cache = type.is_fetch() ? *instruction_cache.operator->() : *data_cache.operator->();
  unsigned lines = 0;
  for (unsigned i = 0; i < pieces.count; ++i) {
    const PhysAddr last = pieces.piece[i].pa + (pieces.piece[i].bytes - 1U);
    for (PhysAddr line = pieces.piece[i].pa.align_down(kLineBytes); line <= last; line += kLineBytes, ++lines) {
      const HitLevel hit = pieces.piece[i].cacheable ? cache.read_line(line, reason_of(type), clock)
                                                     : cache.access_uncached(line, reason_of(type), clock);
      if (lines == 0 || hit > record.data_hit) record.data_hit = hit;
      ++stats_.data_hits[type.kind()][hit];
    }
  }
  if (lines > 1) ++stats_.line_crossings;
  record.stage[Stage::kData] += clock.now() - begin;
}

void LoadStoreUnit::retire(const AccessRecord& record) {
  ++stats_.accesses[kind_of(record.access)];
  if (record.page_fault_error_code) ++stats_.faults;
  Cycles sum{0};
  for (const Stage s : kAllOf<Stage>) {
    stats_.stage[s] += record.stage[s];
    sum += record.stage[s];
  }
  MMUSIM_INVARIANT(sum == record.end - record.begin, fmt::format("stages of access {} add up to {} of {} cycles",
                                                                 record.id, sum, record.end - record.begin));
  if (observers_.wants(kAccessNotices)) observers_.access(record);
}

LoadStoreUnitStats LoadStoreUnit::stats() const {
  LoadStoreUnitStats all = stats_;
  all.tlb_lookups = first_level_.stats().lookups;
  all.tlb_misses = first_level_.stats().misses;
  all.tlb_merged = first_level_.stats().merged;
  return all;
}

}  // namespace mmusim
