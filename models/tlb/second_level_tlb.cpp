// SPDX-License-Identifier: MIT
#include "models/tlb/second_level_tlb.h"

namespace mmusim {

namespace {
constexpr uint64_t kDataSeed = 0x51ed270b0f6d6e35;
constexpr uint64_t kInstructionSeed = 0x2545f4914f6cdd1d;
}  // namespace

SecondLevelState::SecondLevelState(const SecondLevelTlbConfig& config) : data_(config.data, kDataSeed) {
  if (config.instruction) instruction_.emplace(*config.instruction, kInstructionSeed);
}

unsigned SecondLevelState::invalidate(const Invalidation& operation) {
  return data_.invalidate(operation) + (instruction_ ? instruction_->invalidate(operation) : 0);
}

void SecondLevelState::fill_next(TlbLevel& tlb, const TlbQuery& query, const Translation& next_page) {
  const TlbQuery next(query.va + kPageBytes, query.space);
  if (tlb.find(next)) return;
  tlb.fill(next, next_page, /*coalescible=*/false, /*absent=*/true);
  ++stats_.prefetched;
}

SecondLevelTlb::SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config,
                               CoreContext& context)
    : sc_module(name), context_(&context), state_(config) {}

TranslateReply SecondLevelTlb::translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) {
  const ControlState& control = context_->control;
  TlbLevel& tlb = state_.level(request.type.kind());
  clock.advance(tlb.config().hit_penalty);
  stage[Stage::kStlb] += tlb.config().hit_penalty;
  clock.sync();
  const TlbQuery query(request.va, control.space());
  const SecondLevelState::Lookup found = state_.lookup(query, request.type, request.in_first_level, control);
  if (found.place)
    return {found.translation, std::nullopt, found.place.kind == EntryKind::k16K, /*second_level_hit=*/true};
  if (context_->mapper != nullptr) context_->mapper->ensure_mapped(request.va);
  TranslateRequest asked = request;
  asked.asked = clock.now();
  for (;;) {
    const WalkerIf::Reply reply = walker->walk(asked, clock, stage);
    if (!reply.walked) {  // the page may have come while the request waited
      const auto brought = tlb.probe(request.va, control.space());
      if (!brought || !serves(control, brought->translation, request.type)) continue;
      walker->leave(clock);
      state_.count_merged(request.type.kind(), found.upgrade);
      return {brought->translation, std::nullopt, brought->kind == EntryKind::k16K, /*second_level_hit=*/false};
    }
    if (reply.outcome.fault) {
      state_.invalidate(on_page_fault(control, request.va));
    } else {
      const bool absent = !found.upgrade && tlb.fills() == found.fills;
      state_.fill(query, request.type.kind(), reply.outcome, found.upgrade, absent);
    }
    return {reply.outcome.translation, reply.outcome.fault, reply.outcome.coalescible, /*second_level_hit=*/false};
  }
}

}  // namespace mmusim
