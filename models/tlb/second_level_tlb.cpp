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
  const TlbQuery next(query.va + kPageBytes, query.pcid);
  if (tlb.find(next)) return;
  tlb.fill(next, next_page, /*coalescible=*/false, /*absent=*/true);
  ++stats_.prefetched;
}

SecondLevelTlb::SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config,
                               CoreContext& context)
    : sc_module(name), context_(&context), state_(config) {}

TranslateReply SecondLevelTlb::translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) {
  clock.sync();
  const ControlState& control = context_->control;
  const Cycles penalty = state_.level(request.type.kind()).config().hit_penalty;
  const TlbQuery query(request.va, control.pcid());
  const SecondLevelState::Lookup found = state_.lookup(query, request.type, request.in_first_level, control);
  clock.advance(penalty);
  stage[Stage::kStlb] += penalty;
  if (found.place) {
    clock.sync();
    return {found.translation, std::nullopt, found.place.kind == EntryKind::k16K, /*second_level_hit=*/true};
  }
  if (context_->mapper != nullptr) context_->mapper->ensure_mapped(request.va);
  for (;;) {
    const WalkerIf::Reply reply = walker->walk(request, clock, stage);
    if (reply.merged) {  // the walk we waited for has filled; unless it faulted or was evicted, the answer is here
      const auto brought = state_.level(request.type.kind()).probe(request.va, control.pcid());
      if (!brought || !serves(control, brought->translation, request.type)) continue;
      return {brought->translation, std::nullopt, brought->kind == EntryKind::k16K, /*second_level_hit=*/false};
    }
    if (reply.outcome.fault) {
      state_.invalidate(on_page_fault(control, request.va));
    } else {
      const bool absent = !found.upgrade && state_.level(request.type.kind()).fills() == found.fills;
      state_.fill(query, request.type.kind(), reply.outcome, found.upgrade, absent);
    }
    return {reply.outcome.translation, reply.outcome.fault, reply.outcome.coalescible, /*second_level_hit=*/false};
  }
}

}  // namespace mmusim
