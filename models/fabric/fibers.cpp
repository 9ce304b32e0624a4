// SPDX-License-Identifier: MIT
#include "models/fabric/fibers.h"

#include <algorithm>

#include <boost/context/protected_fixedsize_stack.hpp>

namespace mmusim {

Strands::Strands(LocalClock& clock) : look_ahead_(clock.look_ahead()), due_(1, kNever), strands_(1) {
  clock.strands_ = this;
  clock.strand_ = kThread;
}

Strands::~Strands() {
  ending_ = true;
  for (Strand& strand : strands_) {
    if (strand.fiber) strand.fiber = std::move(strand.fiber).resume();
  }
}

void Strands::join(LocalClock& clock, size_t stack_bytes, std::function<void()> body) {
  clock.strands_ = this;
  clock.strand_ = static_cast<unsigned>(strands_.size());
  due_.push_back(kNever);
  Strand& strand = strands_.emplace_back();
  strand.fiber = boost::context::fiber(std::allocator_arg, boost::context::protected_fixedsize_stack(stack_bytes),
                                       [this, body = std::move(body)](boost::context::fiber&& thread) {
                                         thread_ = std::move(thread);
                                         try {
                                           body();
                                         } catch (const StrandEnds&) {  // all is over
                                         }
                                         return std::move(thread_);
                                       });
  strand.fiber = std::move(strand.fiber).resume();
}

bool Strands::rest(LocalClock& clock, Signal& signal) {
  strands_[clock.strand_].resting = true;
  clock.wait_for(signal);
  strands_[clock.strand_].resting = false;
  return !ending_;
}

bool Strands::nothing_pending_until(Moment moment) const {
  return earliest_ > moment && KernelAgenda::nothing_until(moment);
}

void Strands::resume_at(unsigned strand, Moment moment) {
  MMUSIM_INVARIANT(due_[strand] == kNever, "a strand goes on once");
  due_[strand] = moment;
  earliest_ = std::min(earliest_, moment);
  if (asleep_) KernelAgenda::notify_at(wake_, moment);  // replaces a later one
}

void Strands::pause(unsigned strand) {
  if (strand == kThread) return run_others();
  thread_ = std::move(thread_).resume();
  if (ending_ && !strands_[strand].resting) throw StrandEnds();
}

/// The strand whose moment comes first. No two have the same. Without branches, which the host could not foresee.
unsigned Strands::take_earliest() {
  unsigned first = 0;
  for (unsigned i = 1; i < due_.size(); ++i) first = due_[i] == earliest_ ? i : first;
  due_[first] = kNever;
  earliest_ = kNever;
  for (const Moment moment : due_) earliest_ = std::min(earliest_, moment);
  return first;
}

/// Runs the strands, each at its moment, until that of the thread itself has come.
void Strands::run_others() {
  for (;;) {
    if (!reach(earliest_)) continue;
    present_ = earliest_;
    const unsigned strand = take_earliest();
    if (strand == kThread) return;
    strands_[strand].fiber = std::move(strands_[strand].fiber).resume();
  }
}

/// True if nothing in the kernel comes before `moment`. Else waits for it, or for an earlier resume_at().
bool Strands::reach(Moment moment) {
  if (moment <= kernel_now()) return true;
  if (moment != kNever) {
    if (look_ahead_ == LookAhead::kPending && KernelAgenda::nothing_until(moment)) return true;
    KernelAgenda::notify_at(wake_, moment);
  }
  asleep_ = true;
  present_ = 0;
  sc_core::wait(wake_);
  asleep_ = false;
  return false;
}

}  // namespace mmusim
