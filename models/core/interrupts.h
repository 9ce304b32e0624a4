// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/fabric/clock.h"

namespace mmusim {

/// The local interrupt controller of one core in a machine with several, as far as cores reach each other through it:
/// what arrives, and when the core takes it.
///
/// Timing   an arrival is taken at the first boundary between two accesses of the core's program whose cycle is not before
///          the arrival's; those of one cycle in the order in which they were posted. A core that waits takes it at once.
///          While one is taken no other is (interrupts are off), and the next boundary comes when it is done.
/// Window   posts arrive at least `window` cycles after they are made. So a core that has synchronised in cycle t has
///          heard of all that arrives before t + window, and runs that far without looking: exact, whether the simulation
///          looks ahead or not.
class InterruptUnit {
 public:
  /// `clock` is the core's, and outlives this.
  explicit InterruptUnit(LocalClock& clock) : clock_(clock) {}

  /// Sets the least number of cycles between a post and its arrival; at least 1.
  void window(Cycles cycles) { window_ = cycles; }

  /// Makes `take` run on this core at the first boundary from cycle `at` on. For the program of another core, whose clock
  /// is `by`, after its sync(); `at` is at least the window later.
  void post(CycleTime at, const LocalClock& by, std::function<void()> take);
  /// As post(), for an arrival that does not wake the core up: it takes no wake_up time of wait().
  void post_silent(CycleTime at, const LocalClock& by, std::function<void()> take);

  /// Returns true if something may have arrived at `now`: at_boundary() is due.
  bool due(CycleTime now) const { return now >= check_at_; }
  /// Returns the cycle from which on due() is true.
  CycleTime check_at() const { return check_at_; }
  /// Takes what has arrived. For the core's program, between two accesses; `before_first` runs before the first one is
  /// taken (the core waits for what is under way).
  template <class Fn>
  void at_boundary(Fn&& before_first) {
    if (taking_) return;
    synchronise();
    while (!arrivals_.empty() && arrivals_.front().at <= clock_.now()) {
      before_first();
      take_first();
      synchronise();
    }
  }

  /// Waits until `done()`, taking what arrives meanwhile; each time it has slept until an arrival, `wake_up` cycles pass
  /// before that is taken. Who makes `done()` true calls notify(), or posts.
  void wait(const std::function<bool()>& done, const WaitReason& reason, Cycles wake_up = Cycles(0));
  /// Waits for `signal` at most until the next arrival, which is taken, or for a window. Callers check their condition
  /// again.
  void wait_for(Signal& signal, const WaitReason& reason);
  /// After the program of some core has failed: wait_for() has no limit any more, so that a core which waits for the failed
  /// one stands still and the simulation ends.
  void abandon() { abandoned_ = true; }
  /// Wakes the core if it is in wait(): `by`, the clock of the core whose program calls, has called sync().
  void notify(const LocalClock& by) { by.notify(changed_); }

 private:
  struct Arrival {
    CycleTime at;
    std::function<void()> take;
    bool wakes;
  };
  void insert(Arrival arrival, const LocalClock& by);
  void synchronise();
  void take_first();
  void look_again_at(CycleTime known_until);

  LocalClock& clock_;
  Cycles window_{1};
  CycleTime check_at_{0};
  std::vector<Arrival> arrivals_;  // earliest first
  Signal changed_;                 // something arrives, or a condition changed
  bool taking_ = false;
  bool abandoned_ = false;
};

}  // namespace mmusim
