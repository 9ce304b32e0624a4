// SPDX-License-Identifier: MIT
#pragma once

#include "models/fabric/ports.h"

namespace mmusim {

/// Memory below the caches that never answers: nobody notifies what its requesters wait for, or, `busy`, the
/// simulation goes on for ever without its time going on.
class StuckMemory : public sc_core::sc_module, public MemoryIf {
 public:
  StuckMemory(const sc_core::sc_module_name& name, bool busy) : sc_module(name), busy_(busy) {}

  HitLevel read_line(PhysAddr line, RequestReason, LocalClock& clock) override {
    clock.sync();
    while (busy_) sc_core::wait(sc_core::SC_ZERO_TIME);
    clock.wait_for(answer_, {name(), "an answer that never comes", line.raw(), {}});
    return HitLevel::kDram;
  }
  void evict_line(PhysAddr, Eviction, LocalClock&) override {}
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override {
    return read_line(line, reason, clock);
  }

 private:
  bool busy_;
  Signal answer_;
};

}  // namespace mmusim
