// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <systemc>

#include "models/fabric/clock.h"

namespace mmusim {

/// Work that a module does by itself, at moments that requesters and the work itself set.
///
/// If who sets it is a fiber of the machine (fibers.h), the group does the work between two of its fibers; else a process of
/// the simulation kernel does. The moments are the same.
class Alarm {
 public:
  /// Does what is due at the moment that it is given; returns the next moment for which it sets itself, kNever: none.
  using Work = std::function<Moment(Moment present)>;

  /// To be made by a module, of which the process becomes a child with that name. `domain` lives as long as this.
  Alarm(const char* name, const ClockDomain& domain, Work work);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Has the work done at `moment` (kNever: not), unless it is done earlier anyway. `by` is the clock of the requester
  /// that runs; `moment` does not come before its present().
  void set(Moment moment, const LocalClock& by);

 private:
  friend class FiberGroup;

  const ClockDomain* domain_;
  Work work_;
  sc_core::sc_event due_;  // of the process
};

}  // namespace mmusim
