// SPDX-License-Identifier: MIT
#pragma once

#include <systemc>

#include "models/base/errors.h"
#include "models/base/types.h"

namespace mmusim {

/// The clock that all cores of a machine share: how long a cycle is, and how a cycle of one requester becomes a
/// moment of the simulation.
///
/// Requesters of the same cycle act in the order of their number, each at a moment of its own after the edge. Who was
/// waiting for another one acts after it, in the second half of the same cycle, again in the order of numbers; who
/// waited for such a one, in the round after that. So no two requesters ever act at the same moment, and what a run
/// computes does not depend on the order in which the simulation kernel happens to run processes.
class ClockDomain {
 public:
  /// `period_ps` is an even number of picoseconds; requesters are numbered 0..requesters-1.
  ClockDomain(unsigned period_ps, unsigned requesters);

  unsigned period_ps() const { return static_cast<unsigned>(period_fs_ / kFsPerPs); }
  /// `round`: 0 for who acts by itself, 1 for who waited for one of round 0, and so on.
  sc_core::sc_time moment(CycleTime cycle, unsigned requester, unsigned round = 0) const {
    const uint64_t offset = round == 0 ? requester : half_fs_ + uint64_t{round - 1} * requesters_ + requester;
    MMUSIM_INVARIANT(offset < period_fs_, "rounds of a cycle fit into it");
    return sc_core::sc_time::from_value(cycle.count * period_fs_ + offset);
  }
  CycleTime cycle_of(const sc_core::sc_time& moment) const { return CycleTime(moment.value() / period_fs_); }
  unsigned round_of(const sc_core::sc_time& moment) const {
    const uint64_t offset = moment.value() % period_fs_;
    return offset < half_fs_ ? 0 : static_cast<unsigned>((offset - half_fs_) / requesters_) + 1;
  }

  /// The first cycle that begins at or after `ps` picoseconds.
  CycleTime first_cycle_at(uint64_t ps) const { return CycleTime((ps * kFsPerPs + period_fs_ - 1) / period_fs_); }
  uint64_t ps(CycleTime cycle) const { return cycle.count * (period_fs_ / kFsPerPs); }
  /// Whole picoseconds of a moment.
  static uint64_t ps_of(const sc_core::sc_time& moment) { return moment.value() / kFsPerPs; }

 private:
  static constexpr uint64_t kFsPerPs = 1000;  // the simulation counts femtoseconds: room for moments within a cycle

  uint64_t period_fs_;
  uint64_t half_fs_;
  uint64_t requesters_;
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

  void advance(Cycles cycles) {
    now_ += cycles;
    if (cycles.count != 0) round_ = 0;
  }
  /// Moves forward to `t` if that lies ahead.
  void advance_to(CycleTime t) {
    if (t <= now_) return;
    now_ = t;
    round_ = 0;
  }
  /// Makes the simulation's time reach the local one, as far as anybody could tell the difference.
  void sync() {
    if (look_ahead_ != LookAhead::kAlone) sync_slow();
  }
  /// Wakes the processes that wait for `event` at this clock's moment. Call after sync().
  void notify(sc_core::sc_event& event) const;
  /// Waits for `event`, which another requester notifies; goes on in the same cycle, in the round after that one's, or
  /// at the local time if that is later. May return early: check again what was waited for.
  void wait_for(sc_core::sc_event& event);
  /// Waits for `event`, which is notified at exactly moment(t, requester()) for some t not before now().
  void wait_for_own(sc_core::sc_event& event);
  /// True if the simulation has nothing to do before `cycle` but this requester.
  bool nothing_pending_before(CycleTime cycle) const;

 private:
  void sync_slow();

  const ClockDomain* domain_;
  unsigned requester_;
  LookAhead look_ahead_;
  CycleTime now_;
  unsigned round_ = 0;
};

}  // namespace mmusim
