// SPDX-License-Identifier: MIT
#include "models/fabric/clock.h"

namespace mmusim {

namespace {

/// True if no process can act at or before `moment`.
bool nothing_pending_until(const sc_core::sc_time& moment) {
  const sc_core::sc_simcontext* context = sc_core::sc_get_curr_simcontext();
  if (sc_core::sc_pending_activity_at_current_time(context)) return false;
  return sc_core::sc_time_to_pending_activity(context) > moment - sc_core::sc_time_stamp();
}

}  // namespace

void LocalClock::sync_slow() {
  const sc_core::sc_time target = domain_->moment(now_, requester_);
  if (target <= sc_core::sc_time_stamp()) return;
  if (look_ahead_ == LookAhead::kPending && nothing_pending_until(target)) return;
  sc_core::wait(target - sc_core::sc_time_stamp());
}

void LocalClock::notify(sc_core::sc_event& event) const {
  const sc_core::sc_time target = domain_->moment(now_, requester_);
  if (target <= sc_core::sc_time_stamp()) {
    event.notify();
  } else {
    event.notify(target - sc_core::sc_time_stamp());
  }
}

void LocalClock::wait_for(sc_core::sc_event& event) {
  sc_core::wait(event);
  advance_to(CycleTime(sc_core::sc_time_stamp().value() / domain_->period_ps()));
}

bool LocalClock::nothing_pending_before(CycleTime cycle) const {
  if (look_ahead_ == LookAhead::kAlone) return true;
  if (look_ahead_ == LookAhead::kNone) return false;
  const sc_core::sc_time target = domain_->moment(cycle, requester_);
  return target <= sc_core::sc_time_stamp() || nothing_pending_until(target);
}

}  // namespace mmusim
