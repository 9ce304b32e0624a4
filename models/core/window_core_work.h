// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>

#include "models/core/window_core.h"

// Work of the core's own thread while it waits, for the source files of WindowCore.

namespace mmusim {

inline bool WindowCore::fetches_now() {
  return front_end_.active() && !front_end_.busy && front_end_.next_fetch <= clock_.now() &&
         front_end_.next_to_fetch() != nullptr;
}

/// Returns true if the core has something to do by itself in the cycle that it has reached.
inline bool WindowCore::acts_now() { return (!ready_.empty() && ready_.top().at <= clock_.now()) || fetches_now(); }

/// Returns the next cycle in which the core has something to do by itself.
inline CycleTime WindowCore::next_own_action() {
  CycleTime next = ready_.empty() ? kNoLimit : ready_.top().at;
  if (front_end_.active() && !front_end_.busy && front_end_.next_to_fetch() != nullptr)
    next = std::min(next, front_end_.next_fetch);
  return next;
}

/// Performs what the core has to do by itself (accesses that become ready, fetches) in the order of time, until cycle
/// `limit` is reached or `done()` holds. `done()` may change only by what happens here, in a slot, or in the front end.
template <class Condition>
void WindowCore::work_until(CycleTime limit, Condition&& done) {
  // perf: nothing to do but to let the time pass, in which slots and DRAM act for themselves
  if constexpr (std::is_same_v<std::remove_cvref_t<Condition>, Never>) {
    if (ready_.empty() && unready_ == 0 && !front_end_.active()) return clock_.advance_to(limit);
    if (limit <= clock_.now() && !failure_ && !acts_now()) return;  // not even that
  }
  for (;;) {
    throw_failure();
    if (done()) return;
    const CycleTime next = std::min(limit, next_own_action());
    if (next > clock_.now()) {
      listens_ = true;
      if (next == kNoLimit) {
        clock_.wait_for(completed_, {name(), "an access to be done", 0, {}});
      } else if (busy_ != 0 || front_end_.busy) {
        clock_.wait_until(next, completed_, {name(), "an access to be done", 0, {}});
      } else {
        clock_.advance_to(next);
      }
      listens_ = false;
      if (clock_.now() < next) continue;
    }
    if (!ready_.empty() && ready_.top().at <= clock_.now()) {
      const uint64_t number = ready_.top().number;
      ready_.pop();
      start(in_flight(number));
    } else if (fetches_now()) {
      fetch_next();
    } else if (clock_.now() >= limit) {
      return;
    }
  }
}

}  // namespace mmusim
