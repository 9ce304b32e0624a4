// SPDX-License-Identifier: MIT
#include "models/tlb/second_level_tlb.h"

#include <algorithm>

namespace mmusim {

SecondLevelTlb::SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config,
                               CoreContext& context)
    : sc_module(name),
      context_(&context),
      first_touch_(config.first_touch),
      limited_(config.limited()),
      state_(config),
      ports_(config.data.lookups_per_cycle),
      registers_(config.data.miss_registers),
      prefetcher_(make_tlb_prefetcher(config.prefetcher)) {}

TranslateReply SecondLevelTlb::translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) {
  const ControlState& control = context_->control;
  TlbLevel& tlb = state_.level(request.type.kind());
  const bool meets_nobody = context_->meets_nobody(clock);
  const bool limited = limited_ && !meets_nobody && &tlb == &state_.data();
  if (limited) wait_for_port(clock, stage);
  const Cycles penalty = tlb.config().hit_penalty;
  clock.advance(penalty);
  stage[Stage::kStlb] += penalty;
  if (!meets_nobody) clock.sync();
  const TlbQuery query(request.va, control.space());
  const SecondLevelState::Lookup found = state_.lookup(query, request.type, request.in_first_level, control);
  if (found.place)
    return {found.translation, std::nullopt, found.place.kind == EntryKind::k16K, /*second_level_hit=*/true};
  if (state_.has_third() && !found.upgrade) {
    clock.advance(state_.third_penalty());
    stage[Stage::kStlb] += state_.third_penalty();
    if (!meets_nobody) clock.sync();
    if (const auto hit = state_.find_in_third(query, request.type, control))
      return {hit->translation, std::nullopt, hit->coalescible, /*second_level_hit=*/false};
  }
  if (limited && registers_ != 0) return miss_with_register(request, query, found, clock, stage);
  return miss(request, query, found, /*waited=*/false, clock, stage);
}

/// Answers a request by a walk, its own or one that another request has asked for. `waited`: since the lookup that found
/// `found`, so that the page may have come.
TranslateReply SecondLevelTlb::miss(const TranslateRequest& request, const TlbQuery& query,
                                    const SecondLevelState::Lookup& found, bool waited, LocalClock& clock,
                                    StageCycles& stage) {
  const ControlState& control = context_->control;
  TlbLevel& tlb = state_.level(request.type.kind());
  if (context_->mapper != nullptr) {
    clock.sync();  // all cores map pages of one memory
    if (context_->mapper->ensure_mapped(request.va)) map_first_touch(clock, stage);
  }
  TranslateRequest asked = request;
  asked.asked = clock.now();
  for (;;) {
    if (waited) {
      const auto brought = tlb.probe(request.va, control.space());
      if (brought && serves(control, brought->translation, request.type)) {
        walker->leave(clock);
        state_.count_merged(request.type.kind(), found.upgrade);
        return {brought->translation, std::nullopt, brought->kind == EntryKind::k16K, /*second_level_hit=*/false};
      }
    }
    const WalkerIf::Reply reply = walker->walk(asked, clock, stage);
    waited = !reply.walked;
    if (waited) continue;
    if (reply.outcome.fault) {
      state_.invalidate(on_page_fault(control, request.va));
    } else {
      const bool absent = !found.upgrade && tlb.fills() == found.fills;
      state_.fill(query, request.type.kind(), reply.outcome, found.upgrade, absent);
      if (prefetch_clock_ && !request.type.is_fetch()) ask_prefetches(request, reply.outcome.translation.size(), clock);
    }
    return {reply.outcome.translation, reply.outcome.fault, reply.outcome.coalescible, /*second_level_hit=*/false};
  }
}

/// As miss(), by a miss register of the TLB, once one is free.
TranslateReply SecondLevelTlb::miss_with_register(const TranslateRequest& request, const TlbQuery& query,
                                                  const SecondLevelState::Lookup& found, LocalClock& clock,
                                                  StageCycles& stage) {
  const CycleTime asked = clock.now();
  const bool waits = busy_registers_ == registers_;
  while (busy_registers_ == registers_) {
    clock.wait_for(register_freed_, {name(), "a free miss register", request.va.raw(), {}});
    clock.sync();
  }
  ++busy_registers_;
  stage[Stage::kWalkQueue] += clock.now() - asked;
  state_.extended_stats().waited_for_register += clock.now() - asked;
  const TranslateReply reply = miss(request, query, found, waits, clock, stage);
  --busy_registers_;
  clock.notify(register_freed_);
  return reply;
}

void SecondLevelTlb::wait_for_port(LocalClock& clock, StageCycles& stage) {
  clock.sync();
  const CycleTime asked = clock.now();
  clock.advance_to(ports_.reserve(asked));
  stage[Stage::kStlb] += clock.now() - asked;
  state_.extended_stats().waited_for_port += clock.now() - asked;
}

/// Lets the kernel map a page that is touched for the first time, after those it maps already.
void SecondLevelTlb::map_first_touch(LocalClock& clock, StageCycles& stage) {
  if (first_touch_.count == 0) return;
  const CycleTime asked = clock.now();
  clock.advance_to(std::max(asked, context_->kernel_until) + first_touch_);
  context_->kernel_until = clock.now();
  stage[Stage::kStall] += clock.now() - asked;
  ++state_.extended_stats().first_touches;
  state_.extended_stats().first_touch += clock.now() - asked;
  clock.sync();
}

void SecondLevelTlb::enable_prefetch(const LocalClock& clock, CorePrefetches& owner, FiberGroup& fibers) {
  prefetch_clock_ = std::make_unique<LocalClock>(clock);
  prefetches_ = &owner;
  fibers.join(*prefetch_clock_, kFiberStackBytes, FiberGroup::kNobody, [this, &fibers] { run_prefetches(fibers); });
}

/// Asks for what the prefetcher wants after a miss of a page of that size, in place of what waits.
void SecondLevelTlb::ask_prefetches(const TranslateRequest& request, PageSize size, LocalClock& clock) {
  if (context_->nested != nullptr) return;
  const unsigned shift = shift_of(kind_of(size));
  wanted_.clear();
  prefetcher_->missed(request.va.raw() >> shift, wanted_);
  if (wanted_.empty()) return;
  clock.sync();
  ExtendedTlbStats& stats = state_.extended_stats();
  for (; !waiting_.empty(); waiting_.pop_front()) {
    ++stats.prefetches_dropped;
    prefetches_->end(clock);
  }
  const AccessType type(AccessKind::kRead, request.type.privilege());
  for (const uint64_t page : wanted_) {
    ++stats.prefetches_asked;
    prefetches_->begin();
    waiting_.push_back({VirtAddr(page << shift), type, clock.now()});
  }
  clock.notify(prefetch_asked_);
}

void SecondLevelTlb::run_prefetches(FiberGroup& fibers) {
  LocalClock& clock = *prefetch_clock_;
  ExtendedTlbStats& stats = state_.extended_stats();
  while (fibers.rest(clock, prefetch_asked_)) {
    while (!waiting_.empty()) {
      const Prefetch wanted = waiting_.front();
      waiting_.pop_front();
      clock.advance_to(wanted.asked);
      clock.sync();
      ++(prefetch(wanted, clock) ? stats.prefetches_kept : stats.prefetches_dropped);
      clock.sync();
      prefetches_->end(clock);
    }
  }
}

/// Walks a page and keeps its translation; false if it is there already or must not be walked.
bool SecondLevelTlb::prefetch(const Prefetch& wanted, LocalClock& clock) {
  const ControlState& control = context_->control;
  TlbLevel& tlb = state_.data();
  const TlbQuery query(wanted.va, control.space());
  if (tlb.find(query) || !can_prefetch(control, wanted.va, wanted.type, PhysMemEntries{*context_->memory}))
    return false;
  const TranslateRequest request{wanted.va,  wanted.type, WalkCause::kPrefetch, 0, /*in_first_level=*/false,
                                 clock.now()};
  StageCycles of_nobody{};
  for (;;) {
    const WalkerIf::Reply reply = walker->walk(request, clock, of_nobody);
    if (tlb.find(query)) {  // an access has brought it meanwhile
      if (!reply.walked) walker->leave(clock);
      return false;
    }
    if (!reply.walked) continue;
    if (reply.outcome.fault) return false;
    state_.keep_prefetched(tlb, query, reply.outcome.translation);
    return true;
  }
}

}  // namespace mmusim
