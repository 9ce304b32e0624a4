// SPDX-License-Identifier: MIT
#include "models/fabric/clock.h"

#include <algorithm>
#include <limits>

#include "models/base/format.h"
#include "models/fabric/fibers.h"

namespace mmusim {

ClockDomain::ClockDomain(unsigned period_ps, unsigned requesters)
    : period_ps_(period_ps),
      by_period_(period_ps),
      period_fs_(period_ps * kFsPerPs),
      last_cycle_(std::numeric_limits<int64_t>::max() / (period_ps * kFsPerPs)),
      half_fs_(period_fs_ / 2),
      requesters_(requesters),
      waits_(requesters) {
  MMUSIM_INVARIANT(period_ps % 2 == 0 && requesters != 0 && requesters < half_fs_ / 16,
                   "even period with room for all requesters");
  check_resolution();
}

void ClockDomain::check_resolution() {
  if (const double resolution = sc_core::sc_get_time_resolution().to_seconds(); resolution > 1.5e-15) {
    throw InputError(fmt::format(
        "the time resolution of the simulation is {} s, expected 1e-15 s: call sc_set_time_resolution(1, SC_FS) "
        "before the first sc_time is made",
        resolution));
  }
}

void ClockDomain::end_of_time() const {
  throw JobError(
      fmt::format("simulated time is beyond cycle {}: a simulation counts femtoseconds in 64 bits, which is {} hours; "
                  "expected less work, or shorter latencies",
                  last_cycle_, last_cycle_.count * period_ps_ / (uint64_t{3600} * 1'000'000'000'000)));
}

Moment LocalClock::present() const {
  return std::max(reached_, fibers_ == nullptr ? kernel_now() : fibers_->present());
}

bool LocalClock::nothing_pending_until(Moment moment) const {
  return fibers_ == nullptr ? domain_->agenda().nothing_until(moment) : fibers_->nothing_pending_until(moment);
}

void LocalClock::sync_slow() {
  const Moment target = reached_ = moment();
  if (fibers_ == nullptr) [[unlikely]]
    return reach_in_kernel(target);
  if (target <= fibers_->present()) return;
  if (look_ahead_ == LookAhead::kPending && fibers_->nothing_pending_until(target)) return;
  fibers_->resume_at(fiber_, target);
  fibers_->pause(fiber_);
}

/// sync() of a requester that is a thread of the simulation kernel.
void LocalClock::reach_in_kernel(Moment target) const {
  if (target <= kernel_now()) return;
  if (look_ahead_ == LookAhead::kPending && domain_->agenda().nothing_until(target)) return;
  sc_core::wait(sc_core::sc_time::from_value(target - kernel_now()));
}

void Signal::wake_all(Moment moment) {
  for (LocalClock* clock : waiting_) clock->wake(moment);
  waiting_.clear();
}

/// Makes this requester, which waits, act after the one that acts at `moment`.
void LocalClock::wake(Moment moment) {
  if (moment >= limit_) return;  // it resumes at the limit
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
  if (fibers_ == nullptr) {
    domain_->agenda().notify_at(*woken_, moment);
  } else {
    fibers_->resume_at(fiber_, moment);
  }
}

void LocalClock::wait_for(Signal& signal) {
  // A notification before the moment that this requester has reached is past, however far the kernel's own time is behind.
  if (signal.next_ > std::max(present(), moment())) {
    wake(signal.next_);
  } else {
    signal.waiting_.push_back(this);
  }
  pause();
}

bool LocalClock::wait_until(CycleTime limit, Signal& signal, const WaitReason& reason) {
  const Moment last = domain_->moment(limit, requester_);
  const bool passed = last <= present();
  if (passed || (look_ahead_ != LookAhead::kNone && nothing_pending_until(last))) {
    if (!passed) reached_ = last;
    advance_to(limit);
    return false;
  }
  domain_->waits().begin(requester_, reason, now_);
  limit_ = last;
  resume_at(last);
  if (signal.next_ > present()) {
    wake(signal.next_);
  } else {
    signal.waiting_.push_back(this);
  }
  pause();
  limit_ = kNever;
  domain_->waits().end(requester_);
  if (present() < last) return true;
  signal.leave(this);
  advance_to(limit);
  return false;
}

void LocalClock::wait_for_own(const WaitReason& reason) {
  domain_->waits().begin(requester_, reason, now_);
  pause();
  domain_->waits().end(requester_);
  advance_to(domain_->cycle_of(present()));
}

void LocalClock::pause() {
  if (fibers_ == nullptr) {
    sc_core::wait(*woken_);
  } else {
    fibers_->pause(fiber_);
  }
}

bool LocalClock::nothing_pending_before(CycleTime cycle) const {
  if (look_ahead_ == LookAhead::kAlone) return true;
  if (look_ahead_ == LookAhead::kNone) return false;
  const Moment target = domain_->moment(cycle, requester_);
  return target <= present() || nothing_pending_until(target);
}

}  // namespace mmusim
