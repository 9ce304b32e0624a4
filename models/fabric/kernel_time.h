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
    const sc_core::sc_simcontext* const kernel = sc_core::sc_get_curr_simcontext();
    if (const uint64_t step = sc_core::sc_delta_count(); step != step_) {
      step_ = step;
      next_ = kernel_now() + sc_core::sc_time_to_pending_activity(kernel).value();
    }
    return next_ > moment;
  }
  /// Notifies `event` at `moment`, which is not in the past, unless it comes earlier anyway.
  void notify_at(sc_core::sc_event& event, Moment moment) {
    next_ = std::min(next_, moment);
    event.notify(sc_core::sc_time::from_value(moment - kernel_now()));
  }
  /// Counts the groups of fibers of the machine (fibers.h).
  void add_group() { ++groups_; }
  void remove_group() { --groups_; }
  bool one_group() const { return groups_ == 1; }

 private:
  unsigned groups_ = 0;
  uint64_t step_ = ~uint64_t{0};
  Moment next_ = 0;
};

}  // namespace mmusim
