// SPDX-License-Identifier: MIT
#include "models/fabric/fibers.h"

#include <algorithm>
#include <utility>

#include <boost/context/protected_fixedsize_stack.hpp>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace mmusim {

namespace {

constexpr size_t kThreadStackBytes = 128 * 1024;

/// Tells valgrind of a stack: it takes a switch to memory near the stack in use for growth of that.
void announce_stack([[maybe_unused]] const char* low, [[maybe_unused]] const char* high) {
#ifdef VALGRIND_STACK_REGISTER
  (void)VALGRIND_STACK_REGISTER(low, high);
#endif
}

struct FiberStack : boost::context::protected_fixedsize_stack {
  using Protected = boost::context::protected_fixedsize_stack;
  explicit FiberStack(size_t bytes) : Protected(bytes) {}
  boost::context::stack_context allocate() {
    const boost::context::stack_context stack = Protected::allocate();
    const char* const high = static_cast<const char*>(stack.sp);
    announce_stack(high - stack.size, high);
    return stack;
  }
};

}  // namespace

FiberGroup::FiberGroup(const char* name, const ClockDomain& domain, LookAhead look_ahead)
    : look_ahead_(look_ahead), agenda_(domain.agenda()), fibers_(kEnd + 1) {
  const auto run = [this] {
    const char* const high = static_cast<const char*>(__builtin_frame_address(0));
    announce_stack(high - kThreadStackBytes / 2, high);  // SystemC does not say where it begins
    wake_up();
    pause(kThread);
  };
  sc_core::sc_spawn_options options;
  options.set_stack_size(kThreadStackBytes);
  sc_core::sc_spawn(run, name, &options);
}

FiberGroup::~FiberGroup() { end(); }

void FiberGroup::end() {
  if (std::exchange(ending_, true)) return;
  for (unsigned fiber = kEnd + 1; fiber < fibers_.size(); ++fiber) {
    if (fibers_[fiber].context) hand_over(kThread, fiber);
  }
}

void FiberGroup::join(LocalClock& clock, size_t stack_bytes, unsigned owner, std::function<void()> body) {
  const auto number = static_cast<unsigned>(fibers_.size());
  clock.fibers_ = this;
  clock.fiber_ = number;
  fibers_.emplace_back().owner = owner;
  fibers_[number].context =
      boost::context::fiber(std::allocator_arg, FiberStack(stack_bytes),
                            [this, number, body = std::move(body)](boost::context::fiber&& starter) {
                              fibers_[last_].context = std::move(starter);
                              try {
                                body();
                              } catch (const FiberEnds&) {  // all is over
                              } catch (...) {
                                if (!failure_) failure_ = std::current_exception();
                              }
                              turn_ = kNobody;
                              last_ = number;
                              return std::move(fibers_[kThread].context);
                            });
  const unsigned turn = std::exchange(turn_, kThread);  // it comes back here when it rests
  hand_over(kThread, number);
  turn_ = turn;
}

bool FiberGroup::rest(LocalClock& clock, Signal& signal) {
  fibers_[clock.fiber_].resting = true;
  clock.wait_for(signal);
  fibers_[clock.fiber_].resting = false;
  return !ending_;
}

bool FiberGroup::rest(LocalClock& clock) {
  fibers_[clock.fiber_].resting = true;
  pause(clock.fiber_);
  fibers_[clock.fiber_].resting = false;
  return !ending_;
}

void FiberGroup::begin(LocalClock& clock) { resume_at(clock.fiber_, std::max(kernel_now(), clock.moment())); }

void FiberGroup::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void FiberGroup::resume_at(unsigned number, Moment moment) {
  Fiber& fiber = fibers_[number];
  if (moment >= fiber.due) return;
  if (fiber.due != kNever) {
    unsigned* link = &first_;
    while (*link != number) link = &fibers_[*link].next;
    *link = fiber.next;
  }
  fiber.due = moment;
  // perf: most come before most others, so a list is cheaper than a heap
  unsigned* link = &first_;
  while (fibers_[*link].due <= moment) link = &fibers_[*link].next;
  fiber.next = *link;
  *link = number;
  if (asleep_) agenda_.notify_at(wake_, moment);  // replaces a later one
}

void FiberGroup::pause(unsigned fiber) {
  if (turn_ == fiber) turn_ = kNobody;  // else join() runs it
  while (turn_ != fiber) {
    if (turn_ == kNobody && find_next()) continue;
    if (turn_ != kNobody) {
      hand_over(fiber, turn_);
    } else if (fiber != kThread) {
      hand_over(fiber, kThread);
    } else {
      sleep();
    }
    if (ending_) {
      if (fibers_[fiber].resting) return;
      throw FiberEnds();
    }
  }
}

/// Gives the turn to the fiber whose moment comes first, after the alarm's work if that comes before. Returns false if
/// nobody knows when to resume, or if something in the kernel may come before.
bool FiberGroup::find_next() {
  for (;;) {
    const Moment at = next_moment();
    if (at > kernel_ && (look_ahead_ == LookAhead::kNone || !agenda_.still_nothing_until(at))) return false;
    const unsigned number = first_;
    Fiber& fiber = fibers_[number];
    first_ = fiber.next;
    fiber.due = kNever;
    present_ = std::max(at, kernel_);
    if (number != kAlarm) {
      turn_ = number;
      return true;
    }
    resume_at(kAlarm, alarm_->work_(at));
  }
}

/// Runs `to` on its own stack until somebody hands over to `from`, which is the caller.
void FiberGroup::hand_over(unsigned from, unsigned to) {
  last_ = from;
  boost::context::fiber suspended = std::move(fibers_[to].context).resume();
  fibers_[last_].context = std::move(suspended);
}

/// Waits for the kernel, until the first moment that is due, or for an earlier resume_at(). If none is, it lets the kernel
/// reach what the fibers have reached: whoever starts something afterwards starts it there.
void FiberGroup::sleep() {
  if (next_moment() != kNever) {
    agenda_.notify_at(wake_, next_moment());
  } else if (present_ > kernel_) {
    agenda_.notify_at(wake_, present_);
  }
  asleep_ = true;
  sc_core::wait(wake_);
  asleep_ = false;
  wake_up();
}

void FiberGroup::wake_up() {
  kernel_ = present_ = kernel_now();
  agenda_.look();
}

}  // namespace mmusim
