// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <systemc>

namespace mmusim {

/// A moment of the simulation in femtoseconds, as a plain number: moments are compared and added in inner loops.
using Moment = uint64_t;
inline constexpr Moment kNever = ~Moment{0};

/// Returns the time of the simulation kernel.
inline Moment kernel_now() { return sc_core::sc_get_curr_simcontext()->time_stamp().value(); }

/// Caches when SystemC's next event is due, refreshed once per delta cycle. Within a delta cycle the cached time is a lower
/// bound, because models notify events only through notify_at(), and a process that waits for a time without an event
/// hands over to processes of the same delta cycle, which count as due now, or to a later one.
class KernelAgenda {
 public:
  /// Returns true if no other process of the kernel can act at or before `moment`, which is later than kernel_now().
  bool nothing_until(Moment moment) {
    if (const uint64_t step = sc_core::sc_delta_count(); step != step_) look();
    return still_nothing_until(moment);
  }
  /// As nothing_until(), for a process that has called look() since it resumed. perf: asks nothing of SystemC.
  bool still_nothing_until(Moment moment) const { return next_ > moment; }
  /// Asks SystemC again.
  void look() {
    step_ = sc_core::sc_delta_count();
    next_ = kernel_now() + sc_core::sc_time_to_pending_activity(sc_core::sc_get_curr_simcontext()).value();
  }
  /// Notifies `event` at `moment`, which is not in the past, unless it comes earlier anyway.
  void notify_at(sc_core::sc_event& event, Moment moment) {
    next_ = std::min(next_, moment);
    event.notify(sc_core::sc_time::from_value(moment - kernel_now()));
  }

 private:
  uint64_t step_ = ~uint64_t{0};
  Moment next_ = 0;
};

}  // namespace mmusim
