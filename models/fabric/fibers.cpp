// SPDX-License-Identifier: MIT
#include "models/fabric/fibers.h"

#include <algorithm>
#include <utility>

#include <boost/context/protected_fixedsize_stack.hpp>

namespace mmusim {

FiberGroup::FiberGroup(LocalClock& clock)
    : look_ahead_(clock.look_ahead()), agenda_(clock.domain().agenda()), due_(1, kNever), fibers_(1) {
  clock.fibers_ = this;
  clock.fiber_ = kThread;
}

FiberGroup::~FiberGroup() {
  ending_ = true;
  for (Fiber& fiber : fibers_) {
    if (fiber.context) fiber.context = std::move(fiber.context).resume();
  }
}

void FiberGroup::join(LocalClock& clock, size_t stack_bytes, std::function<void()> body) {
  clock.fibers_ = this;
  clock.fiber_ = static_cast<unsigned>(fibers_.size());
  due_.push_back(kNever);
  Fiber& fiber = fibers_.emplace_back();
  fiber.context = boost::context::fiber(std::allocator_arg, boost::context::protected_fixedsize_stack(stack_bytes),
                                        [this, body = std::move(body)](boost::context::fiber&& thread) {
                                          thread_ = std::move(thread);
                                          try {
                                            body();
                                          } catch (const FiberEnds&) {  // all is over
                                          } catch (...) {
                                            failure_ = std::current_exception();
                                          }
                                          return std::move(thread_);
                                        });
  fiber.context = std::move(fiber.context).resume();
}

bool FiberGroup::rest(LocalClock& clock, Signal& signal) {
  fibers_[clock.fiber_].resting = true;
  clock.wait_for(signal);
  fibers_[clock.fiber_].resting = false;
  return !ending_;
}

bool FiberGroup::nothing_pending_until(Moment moment) const {
  return earliest_ > moment && agenda_.nothing_until(moment);
}

void FiberGroup::resume_at(unsigned fiber, Moment moment) {
  due_[fiber] = std::min(due_[fiber], moment);
  earliest_ = std::min(earliest_, moment);
  if (asleep_) agenda_.notify_at(wake_, moment);  // replaces a later one
}

void FiberGroup::pause(unsigned fiber) {
  if (fiber == kThread) return run_others();
  thread_ = std::move(thread_).resume();
  if (ending_ && !fibers_[fiber].resting) throw FiberEnds();
}

/// Returns the fiber whose moment comes first, which is due no more. No two moments are equal.
/// perf: without branches, which the host could not predict
unsigned FiberGroup::take_earliest() {
  unsigned first = 0;
  for (unsigned i = 1; i < due_.size(); ++i) first = due_[i] == earliest_ ? i : first;
  due_[first] = kNever;
  earliest_ = kNever;
  for (const Moment moment : due_) earliest_ = std::min(earliest_, moment);
  return first;
}

/// Runs the fibers, each at its moment, until that of the thread itself has come.
void FiberGroup::run_others() {
  for (;;) {
    if (!reach(earliest_)) continue;
    present_ = earliest_;
    const unsigned fiber = take_earliest();
    if (fiber == kThread) return;
    fibers_[fiber].context = std::move(fibers_[fiber].context).resume();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

/// Returns true if nothing in the kernel comes before `moment`. Else waits for it, or for an earlier resume_at().
bool FiberGroup::reach(Moment moment) {
  if (moment <= kernel_now()) return true;
  if (moment != kNever) {
    if (look_ahead_ == LookAhead::kPending && agenda_.nothing_until(moment)) return true;
    agenda_.notify_at(wake_, moment);
  }
  asleep_ = true;
  present_ = 0;
  sc_core::wait(wake_);
  asleep_ = false;
  return false;
}

}  // namespace mmusim
