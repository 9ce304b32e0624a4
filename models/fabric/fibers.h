// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <systemc>
#include <vector>

#include <boost/context/fiber.hpp>

#include "models/fabric/alarm.h"
#include "models/fabric/clock.h"

namespace mmusim {

/// Stack of a fiber that makes accesses, but runs no program.
inline constexpr size_t kFiberStackBytes = 64 * 1024;

/// Thrown inside a suspended fiber to unwind it at shutdown. Handlers rethrow it.
struct FiberEnds {};

/// The requesters of one machine, which share one thread of the simulation kernel: cores, the slots of their windows,
/// prefetches. Each is a fiber with a stack of its own. A fiber that suspends itself hands over to the one with the
/// earliest wake-up, which costs some 170 instructions instead of SystemC's 1,200. The group waits in SystemC only when
/// a process of somebody else is due first: the run-ahead rule, for all of them together. What happens, and in which
/// order, is as if each fiber were a thread of the simulation kernel.
class FiberGroup {
 public:
  static constexpr unsigned kNobody = ~0U;

  /// To be made by a module, of which the thread becomes a child with that name. `domain` lives as long as this.
  FiberGroup(const char* name, const ClockDomain& domain, LookAhead look_ahead);
  /// As end().
  ~FiberGroup();
  FiberGroup(const FiberGroup&) = delete;
  FiberGroup& operator=(const FiberGroup&) = delete;

  /// Adds a fiber with a clock, which does not move, and a stack of so many bytes, and runs `body` up to its first
  /// rest(). It ends when rest() says so, or by an exception, which rethrow() throws. `owner`: the core that it works
  /// for, or kNobody. To be called while no fiber runs.
  void join(LocalClock& clock, size_t stack_bytes, unsigned owner, std::function<void()> body);
  /// Waits for `signal`, in a fiber with nothing under way. Returns false when the fiber is to end.
  bool rest(LocalClock& clock, Signal& signal);
  /// As rest(clock, signal), for begin().
  bool rest(LocalClock& clock);
  /// Resumes a fiber that rests without a signal, at its own time, or now if that is past: then in the order of the calls.
  void begin(LocalClock& clock);
  /// Returns the owner of the fiber that runs, kNobody while none does.
  unsigned running_owner() const { return turn_ == kNobody ? kNobody : fibers_[turn_].owner; }
  /// Throws what has ended a fiber, if something has.
  void rethrow();
  /// Unwinds all fibers. What they stand on must still be there.
  void end();

  // For LocalClock and Alarm.
  /// Returns when the running fiber resumed; it is not before the kernel's time.
  Moment present() const { return present_; }
  /// Returns true if neither another fiber, nor the alarm, nor the kernel can act at or before `moment`.
  bool nothing_pending_until(Moment moment) const {
    return next_moment() > moment && agenda_.still_nothing_until(moment);
  }
  /// Suspends `fiber`, the one that runs, until the moment of its resume_at(), which may be called before or after.
  /// Throws FiberEnds if the group ends meanwhile.
  void pause(unsigned fiber);
  /// Resumes that fiber at `moment`, unless it resumes earlier anyway.
  void resume_at(unsigned number, Moment moment);
  /// Does the work of `alarm`, the only one of the machine, at `moment`, unless it is done earlier anyway.
  void set(Alarm& alarm, Moment moment) {
    alarm_ = &alarm;
    resume_at(kAlarm, moment);
  }

 private:
  // They have a fiber's place: the thread itself, on its own stack, which alone waits in SystemC; the alarm; the end of the
  // list, which is never due.
  static constexpr unsigned kThread = 0, kAlarm = 1, kEnd = 2;

  struct Fiber {
    boost::context::fiber context;  // where it resumes
    Moment due = kNever;            // when it resumes; kNever: it runs, or waits to be woken
    unsigned next = kEnd;           // who comes after it, while it is due
    unsigned owner = kNobody;
    bool resting = false;
  };

  Moment next_moment() const { return fibers_[first_].due; }
  bool find_next();
  void hand_over(unsigned from, unsigned to);
  void sleep();
  void wake_up();

  const LookAhead look_ahead_;
  KernelAgenda& agenda_;
  std::vector<Fiber> fibers_;
  unsigned first_ = kEnd;    // of those that are due, in the order of their moments
  unsigned turn_ = kThread;  // who is to run; kNobody: not yet known
  unsigned last_ = kThread;  // who handed over to the fiber that runs
  Alarm* alarm_ = nullptr;   // nullptr: never set
  Moment kernel_ = 0;        // the kernel's time, which stands while fibers run
  Moment present_ = 0;
  bool asleep_ = false;  // the thread waits for the kernel
  bool ending_ = false;
  std::exception_ptr failure_;  // what ended the first fiber that ended
  sc_core::sc_event wake_;
};

}  // namespace mmusim
