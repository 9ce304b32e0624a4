// SPDX-License-Identifier: MIT
#pragma once

#include <systemc>

#include "models/base/errors.h"
#include "models/base/types.h"

namespace mmusim {

/// The clock that all cores of a machine share: how long a cycle is, and how a cycle of one requester becomes a
/// moment of the simulation. Requesters of the same cycle act in the order of their number: requester r acts r
/// picoseconds after the edge. So no two requesters ever act at the same moment, and what a run computes does not
/// depend on the order in which the simulation kernel happens to run processes.
class ClockDomain {
 public:
  /// `period_ps` is an even number of picoseconds; `requesters` numbers 0..requesters-1 must fit below it.
  ClockDomain(unsigned period_ps, unsigned requesters) : period_ps_(period_ps) {
    MMUSIM_INVARIANT(period_ps % 2 == 0 && requesters < period_ps, "even period that holds all requesters");
  }

  unsigned period_ps() const { return period_ps_; }
  sc_core::sc_time moment(CycleTime cycle, unsigned requester) const {
    return sc_core::sc_time::from_value(cycle.count * period_ps_ + requester);
  }
  /// The first cycle that begins at or after `ps` picoseconds.
  CycleTime first_cycle_at(uint64_t ps) const { return CycleTime((ps + period_ps_ - 1) / period_ps_); }
  uint64_t ps(CycleTime cycle) const { return cycle.count * period_ps_; }
  Cycles cycles_for_ns(double ns) const { return Cycles(static_cast<uint64_t>(ns * 1000.0 / period_ps_ + 0.5)); }

 private:
  unsigned period_ps_;
};

/// How far requesters may run ahead of the simulation.
enum class LookAhead : uint8_t {
  kNone,     ///< every synchronisation waits: lock-step, for tests
  kPending,  ///< wait only if another process has something pending before
  kAlone,    ///< this requester is the only process of the simulation: never wait
};

/// The time of one requester (a core, a load/store slot). It may be ahead of the simulation's: advance() is an
/// addition. Before the requester touches what another one can see it calls sync(), which waits only if another process
/// has anything pending before (design.md section 3, run-ahead rule).
class LocalClock {
 public:
  LocalClock(const ClockDomain& domain, unsigned requester, LookAhead look_ahead)
      : domain_(&domain), requester_(requester), look_ahead_(look_ahead) {}

  CycleTime now() const { return now_; }
  unsigned requester() const { return requester_; }
  bool alone() const { return look_ahead_ == LookAhead::kAlone; }
  const ClockDomain& domain() const { return *domain_; }

  void advance(Cycles cycles) { now_ += cycles; }
  /// Moves forward to `t` if that lies ahead.
  void advance_to(CycleTime t) {
    if (t > now_) now_ = t;
  }
  /// Makes the simulation's time reach the local one, as far as anybody could tell the difference.
  void sync() {
    if (look_ahead_ != LookAhead::kAlone) sync_slow();
  }
  /// Wakes the processes that wait for `event` at this clock's moment. Call after sync().
  void notify(sc_core::sc_event& event) const;
  /// Waits for `event`; the local time becomes the moment of the wake-up, if that is later.
  void wait_for(sc_core::sc_event& event);
  /// True if the simulation has nothing to do before `cycle` but this requester.
  bool nothing_pending_before(CycleTime cycle) const;

 private:
  void sync_slow();

  const ClockDomain* domain_;
  unsigned requester_;
  LookAhead look_ahead_;
  CycleTime now_;
};

}  // namespace mmusim
