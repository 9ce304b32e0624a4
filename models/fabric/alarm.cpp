// SPDX-License-Identifier: MIT
#include "models/fabric/alarm.h"

#include <utility>

#include "models/fabric/fibers.h"

namespace mmusim {

Alarm::Alarm(const char* name, const ClockDomain& domain, Work work) : domain_(&domain), work_(std::move(work)) {
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.set_sensitivity(&due_);
  options.dont_initialize();
  const auto ring = [this] {
    if (const Moment next = work_(kernel_now()); next != kNever) domain_->agenda().notify_at(due_, next);
  };
  sc_core::sc_spawn(ring, name, &options);
}

void Alarm::set(Moment moment, const LocalClock& by) {
  if (moment == kNever) return;
  if (by.fibers_ != nullptr) {
    by.fibers_->set(*this, moment);
  } else {
    domain_->agenda().notify_at(due_, moment);
  }
}

}  // namespace mmusim
