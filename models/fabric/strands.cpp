// SPDX-License-Identifier: MIT
#include "models/fabric/strands.h"

#include <algorithm>

#include <boost/context/protected_fixedsize_stack.hpp>

namespace mmusim {

Strands::Strands(LocalClock& clock) : look_ahead_(clock.look_ahead()), strands_(1) {
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
  return std::none_of(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.moment <= moment; }) &&
         KernelAgenda::nothing_until(moment);
}

void Strands::resume_at(unsigned strand, Moment moment) {
  pending_.push_back({moment, strand});
  if (asleep_) KernelAgenda::notify_at(wake_, moment);  // replaces a later one
}

void Strands::pause(unsigned strand) {
  if (strand == kThread) return run_others();
  thread_ = std::move(thread_).resume();
  if (ending_ && !strands_[strand].resting) throw StrandEnds();
}

/// Runs the strands, each at its moment, until that of the thread itself has come.
void Strands::run_others() {
  for (;;) {
    size_t first = 0;
    for (size_t i = 1; i < pending_.size(); ++i) {
      if (pending_[i].moment < pending_[first].moment) first = i;
    }
    if (!reach(pending_.empty() ? kNever : pending_[first].moment)) continue;
    const auto [moment, strand] = pending_[first];
    pending_[first] = pending_.back();
    pending_.pop_back();
    present_ = moment;
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
