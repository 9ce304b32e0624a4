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

/// Thrown inside a suspended fiber to unwind it at shutdown. Handlers rethrow it.
struct FiberEnds {};

/// Several requesters that share one thread of the simulation kernel: a core and the slots of its window. Each is a fiber
/// with a stack of its own. A fiber that suspends itself hands over to the one with the earliest wake-up, which costs some
/// 100 instructions instead of SystemC's 1,200. The group waits in SystemC only when another process is due first: the
/// run-ahead rule, for all of them together. What happens, and in which order, is as if each fiber were a thread of the
/// simulation kernel.
///
/// Fiber 0 is the thread itself, on its own stack. Only it waits in SystemC.
class FiberGroup {
 public:
  static constexpr unsigned kThread = 0;

  /// `clock` belongs to the thread; it and those of join() live as long as this, and do not move.
  explicit FiberGroup(LocalClock& clock);
  ~FiberGroup();
  FiberGroup(const FiberGroup&) = delete;
  FiberGroup& operator=(const FiberGroup&) = delete;

  /// Adds a fiber with a clock and a stack of so many bytes, and runs `body` up to its first rest(). It ends when
  /// rest() says so, or by an exception, which the thread throws from where it waits.
  void join(LocalClock& clock, size_t stack_bytes, std::function<void()> body);
  /// Waits for `signal`, in a fiber with nothing under way. Returns false when the fiber is to end.
  bool rest(LocalClock& clock, Signal& signal);

  // For LocalClock and Alarm.
  Moment present() const { return present_; }
  /// Returns true if neither another fiber, nor the alarm, nor the kernel can act at or before `moment`.
  bool nothing_pending_until(Moment moment) const { return next_moment() > moment && agenda_.nothing_until(moment); }
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
  static constexpr unsigned kAlarm = 1, kEnd = 2;  // have a fiber's place; the end of the list is never due
  static constexpr unsigned kNobody = ~0U;

  struct Fiber {
    boost::context::fiber context;  // where it resumes
    Moment due = kNever;            // when it resumes; kNever: it runs, or waits to be woken
    unsigned next = kEnd;           // who comes after it, while it is due
    bool resting = false;
  };

  Moment next_moment() const { return fibers_[first_].due; }
  bool find_next();
  void hand_over(unsigned from, unsigned to);
  void sleep();

  const LookAhead look_ahead_;
  KernelAgenda& agenda_;
  std::vector<Fiber> fibers_;
  unsigned first_ = kEnd;    // of those that are due, in the order of their moments
  unsigned turn_ = kThread;  // who is to run; kNobody: not yet known
  unsigned last_ = kThread;  // who handed over to the fiber that runs
  Alarm* alarm_ = nullptr;   // nullptr: never set
  Moment present_ = 0;       // when the running fiber resumed
  bool asleep_ = false;      // the thread waits for the kernel
  bool ending_ = false;
  std::exception_ptr failure_;  // what ended the fiber that ran last
  sc_core::sc_event wake_;
};

}  // namespace mmusim
