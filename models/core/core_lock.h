// SPDX-License-Identifier: MIT
#pragma once

#include <deque>

#include "models/fabric/clock.h"

namespace mmusim {

/// A lock that programs on the cores of one machine contend for (Core::acquire), with a place to wait inside it.
///
/// Timing   taking a free lock and giving it back cost nothing; a core that waits goes on in the cycle in which the one before
///          it gives the lock back. First come, first served, as the kernel's queued spin locks; of one cycle the core
///          with the lower number comes first.
/// Omits    the accesses to the word of the lock itself.
class CoreLock {
 private:
  friend class Core;
  std::deque<unsigned> queue_;  // requesters; the first one holds the lock
  Signal moved_;                // another one holds it now
  Signal woken_;                // Core::wake
  uint64_t wakes_ = 0;          // calls of it
};

}  // namespace mmusim
