// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <systemc>
#include <vector>

#include <boost/context/fiber.hpp>

#include "models/fabric/clock.h"

namespace mmusim {

/// Unwinds a strand that is in the middle of something when all ends: to be thrown on.
struct StrandEnds {};

/// Several requesters that share one thread of the simulation kernel: a core and the slots of its window. Each is a
/// strand with a stack of its own. The one whose moment comes first goes on; changing from one to another takes some
/// instructions, where the kernel needs a thousand to change threads. The kernel is asked only whether anything else
/// happens before, and then waited for: the run-ahead rule, for all of them together. What happens, and in which order,
/// is as if each were a thread of its own.
///
/// Strand 0 is the thread itself, on its own stack; while it waits, the others run.
class Strands {
 public:
  static constexpr unsigned kThread = 0;

  /// `clock` belongs to the thread; it and those of join() live as long as this, and do not move.
  explicit Strands(LocalClock& clock);
  ~Strands();
  Strands(const Strands&) = delete;
  Strands& operator=(const Strands&) = delete;

  /// Adds a strand with a clock and a stack of so many bytes, and runs `body` up to its first rest(). It ends when
  /// rest() says so.
  void join(LocalClock& clock, size_t stack_bytes, std::function<void()> body);
  /// For a strand with nothing under way: waits for `signal`. False: it is time to end.
  bool rest(LocalClock& clock, Signal& signal);

  // For LocalClock.
  Moment present() const { return present_; }
  /// Nothing, neither another strand nor the kernel, can act at or before `moment`.
  bool nothing_pending_until(Moment moment) const;
  /// Stops strand `strand`, the one that runs, until the moment of its resume_at(), which may come before or after.
  /// Throws StrandEnds where all ends meanwhile.
  void pause(unsigned strand);
  void resume_at(unsigned strand, Moment moment);

 private:
  struct Strand {
    boost::context::fiber fiber;  // where it goes on
    bool resting = false;
  };

  bool reach(Moment moment);
  unsigned take_earliest();
  void run_others();

  const LookAhead look_ahead_;
  std::vector<Moment> due_;   // when each strand goes on; kNever: it runs, or waits for somebody
  Moment earliest_ = kNever;  // of these
  std::vector<Strand> strands_;
  boost::context::fiber thread_;  // where the thread goes on when the strand that runs stops
  Moment present_ = 0;            // when the strand that runs went on
  bool asleep_ = false;           // the thread waits for the kernel
  bool ending_ = false;
  sc_core::sc_event wake_;
};

}  // namespace mmusim
