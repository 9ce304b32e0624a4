// SPDX-License-Identifier: MIT
#include "models/core/load_store_unit.h"

namespace mmusim {

LoadStoreUnit::LoadStoreUnit(const sc_core::sc_module_name& name, const LoadStoreUnitConfig& config,
                             CoreContext& context, const ObserverList& observers)
    : sc_module(name), config_(config), context_(&context), observers_(observers), first_level_(config.tlbs) {}

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

PageAnswer LoadStoreUnit::translate_page(VirtAddr va, const MemAccess& access, LocalClock& clock,
                                         AccessRecord& record) {
  const AccessType type = access_type_of(access);
  const auto second = [&](bool in_first_level) -> PageAnswer {
    const TranslateRequest request{va, type, cause_of(type.kind()), record.id, in_first_level};
    const TranslateReply reply = second_level->translate(request, clock, record.stage);
    record.tlb_miss |= !in_first_level;
    record.stlb_miss |= !reply.second_level_hit;
    return {reply.translation, reply.fault, reply.coalescible, false, reply.second_level_hit, {}};
  };
  const PageAnswer answer = first_level_.translate(va, type, context_->control, second);
  if (observers_.wants(kTranslationNotices)) {
    const PhysAddr pa = answer.fault ? PhysAddr() : answer.translation.address(context_->control.linear(va));
    observers_.translated(
        {context_->core, context_->control, va, type, pa, &answer.translation, answer.fault, record.id, clock.now()});
  }
  return answer;
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
  return all;
}

}  // namespace mmusim
