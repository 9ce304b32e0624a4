// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "models/base/errors.h"
#include "models/base/reciprocal.h"
#include "models/base/types.h"
#include "models/fabric/kernel_time.h"
#include "models/fabric/wait_board.h"

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

  unsigned period_ps() const { return period_ps_; }
  /// `round`: 0 for who acts by itself, 1 for who waited for one of round 0, and so on.
  Moment moment(CycleTime cycle, unsigned requester, unsigned round = 0) const {
    const uint64_t offset = round == 0 ? requester : half_fs_ + uint64_t{round - 1} * requesters_ + requester;
    MMUSIM_INVARIANT(offset < period_fs_, "rounds of a cycle fit into it");
    return cycle.count * period_fs_ + offset;
  }
  CycleTime cycle_of(Moment moment) const { return CycleTime(moment / period_fs_); }
  /// `cycle`: that of the moment.
  unsigned round_of(Moment moment, CycleTime cycle) const {
    const uint64_t offset = moment - cycle.count * period_fs_;
    return offset < half_fs_ ? 0 : static_cast<unsigned>((offset - half_fs_) / requesters_) + 1;
  }

  /// The first cycle that begins at or after `ps` picoseconds.
  CycleTime first_cycle_at(uint64_t ps) const { return CycleTime(by_period_.divide(ps + period_ps_ - 1)); }
  uint64_t ps(CycleTime cycle) const { return cycle.count * period_ps_; }
  /// Whole picoseconds of a moment.
  static uint64_t ps_of(Moment moment) { return moment / kFsPerPs; }
  /// Who waits for what; no part of the clock's state, so that clocks write to it through a constant domain.
  WaitBoard& waits() const { return waits_; }

 private:
  static constexpr uint64_t kFsPerPs = 1000;  // the simulation counts femtoseconds: room for moments within a cycle

  unsigned period_ps_;
  Reciprocal by_period_;
  uint64_t period_fs_;
  uint64_t half_fs_;
  uint64_t requesters_;
  mutable WaitBoard waits_;
};

/// How far requesters may run ahead of the simulation.
enum class LookAhead : uint8_t {
  kNone,     ///< every synchronisation waits: lock-step, for tests
  kPending,  ///< wait only if another process has something pending before
  kAlone,    ///< this requester is the only process of the simulation: never wait
};

class LocalClock;
class Strands;

/// What requesters wait for: a place that comes free, a line that arrives. Who waits is woken once, at the moment at
/// which it acts, so that it costs one switch of threads.
class Signal {
 public:
  /// Wakes all that wait, as of `moment`, which is not before `present`, the moment of who calls. Who begins to wait
  /// before that moment is woken too.
  void notify(Moment moment, Moment present) {
    if (!waiting_.empty()) wake_all(moment);
    if (next_ <= present || moment < next_) next_ = moment;
  }

 private:
  friend class LocalClock;
  void wake_all(Moment moment);

  Moment next_ = 0;  // when it is notified next; in the past: not yet known
  std::vector<LocalClock*> waiting_;
};

/// The time of one requester (a core, a load/store slot). It may be ahead of the simulation's: advance() is an
/// addition. Before the requester touches what another one can see it calls sync(), which waits only if another
/// requester has anything pending before: the run-ahead rule of docs/architecture.md.
///
/// A requester is a thread of the simulation kernel, or a strand of one (strands.h).
class LocalClock {
 public:
  LocalClock(const ClockDomain& domain, unsigned requester, LookAhead look_ahead)
      : domain_(&domain),
        requester_(requester),
        look_ahead_(look_ahead),
        woken_(std::make_shared<sc_core::sc_event>()) {}

  CycleTime now() const { return now_; }
  unsigned requester() const { return requester_; }
  LookAhead look_ahead() const { return look_ahead_; }
  bool alone() const { return look_ahead_ == LookAhead::kAlone; }
  const ClockDomain& domain() const { return *domain_; }
  /// The moment at which this requester last went on: the kernel's, or its strand's.
  Moment present() const;

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
  /// Wakes the requesters that wait for `signal` at this clock's moment. Call after sync().
  void notify(Signal& signal) const;
  /// Waits for `signal`, which another requester notifies; goes on in the same cycle, in the round after that one's.
  /// Returns early where the local time is later than that. Check again what was waited for.
  void wait_for(Signal& signal);
  /// The same, for who is in the middle of something: the reason stands on the board meanwhile.
  void wait_for(Signal& signal, const WaitReason& reason) {
    domain_->waits().begin(requester_, reason, now_);
    wait_for(signal);
    domain_->waits().end(requester_);
  }
  /// Waits until somebody calls resume_at(). Then the local time is that moment's cycle, if it is not later already.
  void wait_for_own(const WaitReason& reason);
  /// Has this requester, which waits, go on at `moment`: for wait_for_own(), exactly moment(t, requester()) for some t
  /// not before now().
  void resume_at(Moment moment);
  /// True if the simulation has nothing to do before `cycle` but this requester.
  bool nothing_pending_before(CycleTime cycle) const;

 private:
  friend class Signal;
  friend class Strands;
  void sync_slow();
  void wake(Moment moment);
  void pause();
  bool nothing_pending_until(Moment moment) const;
  Moment moment() const { return domain_->moment(now_, requester_, round_); }

  const ClockDomain* domain_;
  unsigned requester_;
  LookAhead look_ahead_;
  CycleTime now_;
  unsigned round_ = 0;
  std::shared_ptr<sc_core::sc_event> woken_;  // this requester's own
  Strands* strands_ = nullptr;                // whose strand it is, if it is one
  unsigned strand_ = 0;
};

}  // namespace mmusim
