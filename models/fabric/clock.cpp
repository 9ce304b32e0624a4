// SPDX-License-Identifier: MIT
#include "models/fabric/clock.h"

#include <algorithm>

namespace mmusim {

ClockDomain::ClockDomain(unsigned period_ps, unsigned requesters)
    : period_fs_(period_ps * kFsPerPs), half_fs_(period_fs_ / 2), requesters_(requesters), waits_(requesters) {
  MMUSIM_INVARIANT(period_ps % 2 == 0 && requesters != 0 && requesters < half_fs_ / 16,
                   "even period with room for all requesters");
  static bool set = false;
  if (!set) sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  set = true;
}

namespace {

/// True if no process can act at or before `moment`.
bool nothing_pending_until(const sc_core::sc_time& moment) {
  const sc_core::sc_simcontext* context = sc_core::sc_get_curr_simcontext();
  if (sc_core::sc_pending_activity_at_current_time(context)) return false;
  return sc_core::sc_time_to_pending_activity(context) > moment - sc_core::sc_time_stamp();
}

}  // namespace

void LocalClock::sync_slow() {
  const sc_core::sc_time target = domain_->moment(now_, requester_, round_);
  if (target <= sc_core::sc_time_stamp()) return;
  if (look_ahead_ == LookAhead::kPending && nothing_pending_until(target)) return;
  sc_core::wait(target - sc_core::sc_time_stamp());
}

void LocalClock::notify(Signal& signal) const {
  signal.notify(std::max(domain_->moment(now_, requester_, round_), sc_core::sc_time_stamp()));
}

void Signal::notify(const sc_core::sc_time& moment) {
  for (LocalClock* clock : waiting_) clock->wake(moment);
  waiting_.clear();
  if (next_ <= sc_core::sc_time_stamp() || moment < next_) next_ = moment;
}

/// Has this requester, which waits, act after who acts at `moment`.
void LocalClock::wake(const sc_core::sc_time& moment) {
  sc_core::sc_time at = moment;
  const CycleTime cycle = domain_->cycle_of(moment);
  if (cycle >= now_) {
    now_ = cycle;
    round_ = domain_->round_of(moment) + 1;
    at = domain_->moment(now_, requester_, round_);
  }
  woken_->notify(at - sc_core::sc_time_stamp());
}

void LocalClock::wait_for(Signal& signal) {
  if (signal.next_ > sc_core::sc_time_stamp()) {
    wake(signal.next_);
  } else {
    signal.waiting_.push_back(this);
  }
  sc_core::wait(*woken_);
}

void LocalClock::wait_for_own(sc_core::sc_event& event, const WaitReason& reason) {
  domain_->waits().begin(requester_, reason, now_);
  sc_core::wait(event);
  domain_->waits().end(requester_);
  advance_to(domain_->cycle_of(sc_core::sc_time_stamp()));
}

bool LocalClock::nothing_pending_before(CycleTime cycle) const {
  if (look_ahead_ == LookAhead::kAlone) return true;
  if (look_ahead_ == LookAhead::kNone) return false;
  const sc_core::sc_time target = domain_->moment(cycle, requester_);
  return target <= sc_core::sc_time_stamp() || nothing_pending_until(target);
}

}  // namespace mmusim
