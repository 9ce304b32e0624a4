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

/// The clock that all cores of a machine share: the length of a cycle, and the moment of the simulation at which each
/// requester acts in a cycle.
///
/// Requesters of the same cycle act in the order of their numbers, each at a moment of its own after the edge. A
/// requester that another one woke acts after it, in the second half of the same cycle, again in the order of numbers; one
/// that such a requester woke acts in the round after that. So no two requesters ever act at the same moment, and results
/// do not depend on the order in which the simulation kernel runs processes.
class ClockDomain {
 public:
  /// `period_ps` is an even number of picoseconds; requesters are numbered 0..requesters-1. Calls check_resolution().
  ClockDomain(unsigned period_ps, unsigned requesters);

  unsigned period_ps() const { return period_ps_; }
  /// Returns when a requester acts in a cycle. `round`: 0 if the requester was not waiting; n + 1 if a requester of round
  /// n woke it.
  Moment moment(CycleTime cycle, unsigned requester, unsigned round = 0) const {
    check_time(cycle);
    const Moment edge = cycle.count * period_fs_;
    if (round == 0) [[likely]]
      return edge + requester;
    const uint64_t offset = half_fs_ + uint64_t{round - 1} * requesters_ + requester;
    MMUSIM_INVARIANT(offset < period_fs_, "rounds of a cycle fit into it");
    return edge + offset;
  }
  /// Returns the last cycle that a simulation may reach: moments are 64-bit numbers of femtoseconds, and the upper half of
  /// them is left free, so that sums of moments do not overflow.
  CycleTime last_cycle() const { return last_cycle_; }
  /// Throws JobError if `cycle` is after last_cycle().
  void check_time(CycleTime cycle) const {
    if (cycle > last_cycle_) [[unlikely]]
      end_of_time();
  }
  CycleTime cycle_of(Moment moment) const { return CycleTime(moment / period_fs_); }
  /// Returns the first cycle that begins at or after `moment`.
  CycleTime first_cycle_from(Moment moment) const { return CycleTime((moment + period_fs_ - 1) / period_fs_); }
  /// Returns the round of a moment in `cycle`, which is the moment's.
  unsigned round_of(Moment moment, CycleTime cycle) const {
    const uint64_t offset = moment - cycle.count * period_fs_;
    return offset < half_fs_ ? 0 : static_cast<unsigned>((offset - half_fs_) / requesters_) + 1;
  }

  /// Returns the first cycle that begins at or after `ps` picoseconds.
  CycleTime first_cycle_at(uint64_t ps) const { return CycleTime(by_period_.divide(ps + period_ps_ - 1)); }
  uint64_t ps(CycleTime cycle) const { return cycle.count * period_ps_; }
  /// Throws InputError if the time resolution of the simulation is not 1 fs. The owner of the simulation sets it before
  /// any sc_time is made (sim/machine/simulation.h, or the sc_main of a virtual platform).
  static void check_resolution();
  /// Returns the whole picoseconds of a moment.
  static uint64_t ps_of(Moment moment) { return moment / kFsPerPs; }
  /// Returns the board of blocked requesters. It is no part of the clock's state, so clocks write to it through a constant
  /// domain.
  WaitBoard& waits() const { return waits_; }
  /// Returns when the simulation's next event is due, as the machine of this clock knows it; no part of the clock's state
  /// either.
  KernelAgenda& agenda() const { return agenda_; }

 private:
  static constexpr uint64_t kFsPerPs = 1000;  // the simulation counts femtoseconds: room for moments within a cycle

  [[noreturn]] void end_of_time() const;

  unsigned period_ps_;
  Reciprocal by_period_;
  uint64_t period_fs_;
  CycleTime last_cycle_;
  uint64_t half_fs_;
  uint64_t requesters_;
  mutable WaitBoard waits_;
  mutable KernelAgenda agenda_;
};

/// The distance by which requesters may run ahead of the simulation.
enum class LookAhead : uint8_t {
  kNone,     ///< every synchronisation waits: lock-step, for tests
  kPending,  ///< wait only if another process has something pending before
  kAlone,    ///< this requester is the only process of the simulation: never wait
};

class LocalClock;
class FiberGroup;

/// An event that requesters wait for: a place comes free, a line arrives. A waiter is woken once, at the moment at which it
/// acts, which costs one switch of threads.
class Signal {
 public:
  /// Wakes all waiters at `moment` (not before `present`, the caller's moment), including requesters that start to wait
  /// before then.
  void notify(Moment moment, Moment present) {
    if (!waiting_.empty()) wake_all(moment);
    if (next_ <= present || moment < next_) next_ = moment;
  }

 private:
  friend class LocalClock;
  void wake_all(Moment moment);
  void leave(const LocalClock* clock) { std::erase(waiting_, clock); }

  Moment next_ = 0;  // when it is notified next; in the past: not yet known
  std::vector<LocalClock*> waiting_;
};

/// The time of one requester (a core, a load/store slot). It may be ahead of the simulation's: advance() is an
/// addition. Before the requester touches what another one can see it calls sync(), which waits only if another
/// requester has work pending before: the run-ahead rule of docs/architecture.md.
///
/// A requester is a thread of the simulation kernel, or a fiber of one (fibers.h).
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
  /// Returns the moment up to which everything that others did counts for this requester: when it last resumed or
  /// synchronised, whether it had to wait for that or not. So it does not depend on how far requesters run ahead.
  Moment present() const;

  void advance(Cycles cycles) {
    now_ += cycles;
    if (cycles.count != 0) round_ = 0;
  }
  /// Moves the time forward to `t` if that lies ahead.
  void advance_to(CycleTime t) {
    if (t <= now_) return;
    now_ = t;
    round_ = 0;
  }
  /// Advances simulation time to local time. The wait is skipped if no other process has work pending before then.
  void sync() {
    if (look_ahead_ != LookAhead::kAlone && moment() > reached_) sync_slow();
  }
  /// Wakes the requesters that wait for one of the signals at this clock's moment. Call after sync().
  template <class... Signals>
  void notify(Signals&... signals) const {
    const Moment now = present();
    const Moment at = std::max(moment(), now);
    (signals.notify(at, now), ...);
  }
  /// Waits for `signal`, which another requester notifies, and resumes in the same cycle, in the round after the
  /// notifier's. If the local time is later than that, it stays what it is. Callers check their condition again.
  void wait_for(Signal& signal);
  /// As wait_for(Signal&), and lists `reason` on the wait board meanwhile (for deadlock reports).
  void wait_for(Signal& signal, const WaitReason& reason) {
    domain_->waits().begin(requester_, reason, now_);
    wait_for(signal);
    domain_->waits().end(requester_);
  }
  /// As wait_for(signal, reason), but at most until cycle `limit`, which is not before now(). Returns true if the signal
  /// came; the local time is at most `limit` then. perf: returns at once if nothing else is pending before `limit`.
  bool wait_until(CycleTime limit, Signal& signal, const WaitReason& reason);
  /// Waits until another process calls resume_at(). Then the local time is that moment's cycle, if it is not later
  /// already.
  void wait_for_own(const WaitReason& reason);
  /// Resumes this requester, which waits, at `moment`. For wait_for_own() that is exactly moment(t, requester()) for some t
  /// not before now().
  void resume_at(Moment moment);
  /// Returns true if no other process of the simulation has work pending before `cycle`.
  bool nothing_pending_before(CycleTime cycle) const;

 private:
  friend class Signal;
  friend class FiberGroup;
  friend class Alarm;
  void sync_slow();
  void reach_in_kernel(Moment target) const;
  void wake(Moment moment);
  void pause();
  bool nothing_pending_until(Moment moment) const;
  Moment moment() const { return domain_->moment(now_, requester_, round_); }

  const ClockDomain* domain_;
  unsigned requester_;
  LookAhead look_ahead_;
  CycleTime now_;
  unsigned round_ = 0;
  Moment reached_ = 0;                        // of the last synchronisation
  Moment limit_ = kNever;                     // when a wait_until() ends at the latest
  std::shared_ptr<sc_core::sc_event> woken_;  // this requester's own
  FiberGroup* fibers_ = nullptr;              // the group this requester is a fiber of, if it is one
  unsigned fiber_ = 0;
};

}  // namespace mmusim
