// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "models/fabric/ports.h"

namespace mmusim {

/// Memory that answers every line after the same number of cycles, and writes down who asked for what when.
class FakeMemory : public sc_core::sc_module, public MemoryIf {
 public:
  struct Request {
    PhysAddr line;
    CycleTime at;
    bool operator==(const Request&) const = default;
  };

  FakeMemory(const sc_core::sc_module_name& name, Cycles latency) : sc_module(name), latency_(latency) {}

  HitLevel read_line(PhysAddr line, RequestReason, LocalClock& clock) override {
    clock.sync();
    reads.push_back({line, clock.now()});
    clock.advance(latency_);
    clock.sync();
    return HitLevel::kDram;
  }
  void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override {
    if (eviction == Eviction::kDirty) written.push_back({line, clock.now()});
  }
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override {
    read_line(line, reason, clock);
    return HitLevel::kUncached;
  }

  std::vector<Request> reads, written;

 private:
  Cycles latency_;
};

/// Threads that act at given cycles, each a requester of its own.
class Actors {
 public:
  explicit Actors(unsigned period_ps = 250) : domain(period_ps, 16) {}

  const ClockDomain domain;

  /// At cycle `at` requester number (1, 2, ... in order of the calls) runs `body` with its clock.
  void at(uint64_t cycle, std::function<void(LocalClock&)> body) {
    const unsigned requester = ++requesters_;
    sc_core::sc_spawn([this, cycle, requester, body] {
      LocalClock clock(domain, requester, LookAhead::kPending);
      clock.advance_to(CycleTime(cycle));
      clock.sync();
      body(clock);
    });
  }

 private:
  unsigned requesters_ = 0;
};

}  // namespace mmusim
