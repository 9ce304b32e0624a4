// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <systemc>
#include <vector>

#include <boost/context/fiber.hpp>

#include "models/fabric/clock.h"

namespace mmusim {

/// Thrown inside a suspended fiber to unwind it at shutdown. Handlers rethrow it.
struct FiberEnds {};

/// Several requesters that share one thread of the simulation kernel: a core and the slots of its window. Each is a fiber
/// with a stack of its own. The fiber with the earliest wake-up runs next. A switch costs about 230 instructions instead
/// of SystemC's 1,200. The group waits in SystemC only when another process is due first: the run-ahead rule, for all of
/// them together. What happens, and in which order, is as if each fiber were a thread of the simulation kernel.
///
/// Fiber 0 is the thread itself, on its own stack; while it waits, the others run.
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

  // For LocalClock.
  Moment present() const { return present_; }
  /// Returns true if neither another fiber nor the kernel can act at or before `moment`.
  bool nothing_pending_until(Moment moment) const;
  /// Suspends `fiber`, the one that runs, until the moment of its resume_at(), which may be called before or after.
  /// Throws FiberEnds if the group ends meanwhile.
  void pause(unsigned fiber);
  /// Resumes `fiber` at `moment`, unless it resumes earlier anyway.
  void resume_at(unsigned fiber, Moment moment);

 private:
  struct Fiber {
    boost::context::fiber context;  // where it resumes
    bool resting = false;
  };

  bool reach(Moment moment);
  unsigned take_earliest();
  void run_others();

  const LookAhead look_ahead_;
  KernelAgenda& agenda_;
  std::vector<Moment> due_;   // when each fiber resumes; kNever: it runs, or waits to be woken
  Moment earliest_ = kNever;  // of these
  std::vector<Fiber> fibers_;
  boost::context::fiber thread_;  // where the thread resumes when the running fiber stops
  Moment present_ = 0;            // when the running fiber resumed
  bool asleep_ = false;           // the thread waits for the kernel
  bool ending_ = false;
  std::exception_ptr failure_;  // what ended the fiber that ran last
  sc_core::sc_event wake_;
};

}  // namespace mmusim
