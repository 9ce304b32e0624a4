// SPDX-License-Identifier: MIT
#include "models/fabric/clock.h"

#include <algorithm>

#include "models/fabric/fibers.h"

namespace mmusim {

ClockDomain::ClockDomain(unsigned period_ps, unsigned requesters)
    : period_ps_(period_ps),
      by_period_(period_ps),
      period_fs_(period_ps * kFsPerPs),
      half_fs_(period_fs_ / 2),
      requesters_(requesters),
      waits_(requesters) {
  MMUSIM_INVARIANT(period_ps % 2 == 0 && requesters != 0 && requesters < half_fs_ / 16,
                   "even period with room for all requesters");
  static bool set = false;
  if (!set) sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  set = true;
}

Moment LocalClock::present() const {
  const Moment kernel = kernel_now();
  return strands_ == nullptr ? kernel : std::max(kernel, strands_->present());
}

bool LocalClock::nothing_pending_until(Moment moment) const {
  return strands_ == nullptr ? KernelAgenda::nothing_until(moment) : strands_->nothing_pending_until(moment);
}

void LocalClock::sync_slow() {
  const Moment target = moment();
  if (target <= present()) return;
  if (look_ahead_ == LookAhead::kPending && nothing_pending_until(target)) return;
  if (strands_ == nullptr) {
    sc_core::wait(sc_core::sc_time::from_value(target - kernel_now()));
  } else {
    strands_->resume_at(strand_, target);
    strands_->pause(strand_);
  }
}

void LocalClock::notify(Signal& signal) const {
  const Moment now = present();
  signal.notify(std::max(moment(), now), now);
}

void Signal::wake_all(Moment moment) {
  for (LocalClock* clock : waiting_) clock->wake(moment);
  waiting_.clear();
}

/// Has this requester, which waits, act after who acts at `moment`.
void LocalClock::wake(Moment moment) {
  Moment at = moment;
  const CycleTime cycle = domain_->cycle_of(moment);
  if (cycle >= now_) {
    now_ = cycle;
    round_ = domain_->round_of(moment, cycle) + 1;
    at = this->moment();
  }
  resume_at(at);
}

void LocalClock::resume_at(Moment moment) {
  if (strands_ == nullptr) {
    KernelAgenda::notify_at(*woken_, moment);
  } else {
    strands_->resume_at(strand_, moment);
  }
}

void LocalClock::wait_for(Signal& signal) {
  if (signal.next_ > present()) {
    wake(signal.next_);
  } else {
    signal.waiting_.push_back(this);
  }
  pause();
}

void LocalClock::wait_for_own(const WaitReason& reason) {
  domain_->waits().begin(requester_, reason, now_);
  pause();
  domain_->waits().end(requester_);
  advance_to(domain_->cycle_of(present()));
}

void LocalClock::pause() {
  if (strands_ == nullptr) {
    sc_core::wait(*woken_);
  } else {
    strands_->pause(strand_);
  }
}

bool LocalClock::nothing_pending_before(CycleTime cycle) const {
  if (look_ahead_ == LookAhead::kAlone) return true;
  if (look_ahead_ == LookAhead::kNone) return false;
  const Moment target = domain_->moment(cycle, requester_);
  return target <= present() || nothing_pending_until(target);
}

}  // namespace mmusim
