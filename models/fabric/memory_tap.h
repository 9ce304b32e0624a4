// SPDX-License-Identifier: MIT
#pragma once

#include "models/fabric/ports.h"

namespace mmusim {

/// Interface for what hears of the requests below the last-level cache.
class MemoryListener {
 public:
  virtual ~MemoryListener() = default;
  /// A line is asked for or written back in cycle `at`. Requesters run ahead of others, so that a call may be of a
  /// cycle before that of the call before it, by less than the time of one access.
  virtual void requested(PhysAddr line, bool write, CycleTime at) = 0;
};

/// Tells a listener of each request on its way to `memory`. Takes no time.
class MemoryTap final : public sc_core::sc_module, public MemoryIf {
 public:
  MemoryTap(const sc_core::sc_module_name& name, MemoryIf& memory, MemoryListener& listener)
      : sc_module(name), memory_(memory), listener_(listener) {}

  HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) override {
    listener_.requested(line, /*write=*/false, clock.now());
    return memory_.read_line(line, reason, clock);
  }
  void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override {
    if (eviction != Eviction::kClean) listener_.requested(line, /*write=*/true, clock.now());
    memory_.evict_line(line, eviction, clock);
  }
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override {
    listener_.requested(line, /*write=*/reason == RequestReason::kStore, clock.now());
    return memory_.access_uncached(line, reason, clock);
  }

 private:
  MemoryIf& memory_;
  MemoryListener& listener_;
};

}  // namespace mmusim
