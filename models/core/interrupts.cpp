// SPDX-License-Identifier: MIT
#include "models/core/interrupts.h"

#include <algorithm>
#include <utility>

#include "models/base/errors.h"

namespace mmusim {

void InterruptUnit::post(CycleTime at, const LocalClock& by, std::function<void()> take) {
  insert({at, std::move(take), /*wakes=*/true}, by);
}

void InterruptUnit::post_silent(CycleTime at, const LocalClock& by, std::function<void()> take) {
  insert({at, std::move(take), /*wakes=*/false}, by);
}

/// Of one cycle, what was posted first comes first.
void InterruptUnit::insert(Arrival arrival, const LocalClock& by) {
  MMUSIM_INVARIANT(arrival.at >= by.now() + window_, "what is posted arrives a window later");
  check_at_ = std::min(check_at_, arrival.at);
  const auto later = [&](const Arrival& a) { return a.at > arrival.at; };
  arrivals_.insert(std::find_if(arrivals_.begin(), arrivals_.end(), later), std::move(arrival));
  by.notify(changed_);
}

/// Lets the simulation reach this core's time, so that all posts made before it are known.
void InterruptUnit::synchronise() {
  clock_.sync();
  look_again_at(clock_.now() + window_);
}

void InterruptUnit::look_again_at(CycleTime known_until) {
  check_at_ = arrivals_.empty() ? known_until : std::min(known_until, arrivals_.front().at);
}

void InterruptUnit::take_first() {
  const Arrival first = std::move(arrivals_.front());
  arrivals_.erase(arrivals_.begin());
  taking_ = true;
  first.take();
  taking_ = false;
}

void InterruptUnit::wait(const std::function<bool()>& done, const WaitReason& reason, Cycles wake_up) {
  bool slept = false;
  for (;;) {
    while (!taking_ && !arrivals_.empty() && arrivals_.front().at <= clock_.now()) {
      if (arrivals_.front().wakes && std::exchange(slept, false)) clock_.advance(wake_up);
      take_first();
    }
    if (done()) break;
    slept = true;
    if (taking_ || arrivals_.empty()) {
      clock_.wait_for(changed_, reason);
    } else {
      clock_.wait_until(arrivals_.front().at, changed_, reason);
    }
  }
  check_at_ = CycleTime(0);  // the next boundary synchronises
}

void InterruptUnit::wait_for(Signal& signal, const WaitReason& reason) {
  if (abandoned_) return clock_.wait_for(signal, reason);
  const CycleTime known = clock_.now() + window_;
  const bool arrives = !taking_ && !arrivals_.empty() && arrivals_.front().at <= known;
  clock_.wait_until(arrives ? arrivals_.front().at : known, signal, reason);
  while (!taking_ && !arrivals_.empty() && arrivals_.front().at <= clock_.now()) take_first();
}

}  // namespace mmusim
