// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/measure/curve.h"
#include "sim/measure/host_clock.h"

namespace mmusim {

/// Counts of what a chase does in the TLBs.
class EventCounters {
 public:
  virtual ~EventCounters() = default;
  /// Begins to count, from 0.
  virtual void start() = 0;
  /// Ends counting; returns what happened since start() for each of `steps` steps.
  virtual Events stop(uint64_t steps) = 0;
  /// Returns why something is not counted, a sentence; empty: all is.
  virtual std::string problem() const = 0;
};

/// Performance counters of the processor that this thread runs on, of code in user space only.
///
/// Walks are the kernel's generic event dTLB-load-misses: DTLB_LOAD_MISSES.WALK_COMPLETED of Intel processors from Skylake on,
/// misses of the second-level TLB on AMD's from Zen on. Misses of the first level are dTLB-loads on AMD's; on the Intel
/// processors that are known here, DTLB_LOAD_MISSES.STLB_HIT and walks together.
///
/// Sources  Linux, arch/x86/events/intel/core.c and arch/x86/events/amd/core.c (cache event tables); Intel's event lists
class PerfEventCounters final : public EventCounters {
 public:
  explicit PerfEventCounters(const HostProcessor& processor);
  ~PerfEventCounters() override;
  PerfEventCounters(const PerfEventCounters&) = delete;
  PerfEventCounters& operator=(const PerfEventCounters&) = delete;

  void start() override;
  Events stop(uint64_t steps) override;
  std::string problem() const override { return problem_; }

 private:
  /// One counter of the kernel's.
  struct Counter {
    int file = -1;                                 ///< descriptor; -1: not counted
    uint64_t value = 0, enabled = 0, running = 0;  ///< at start(); the times in ns
  };
  static bool read_counter(Counter& counter);
  static std::optional<double> count_since(const Counter& before);

  Counter walks_;
  Counter misses_;          ///< of the first level, or only those that the second level answers
  bool add_walks_ = false;  ///< misses_ leaves out what took a walk
  std::string problem_;
};

}  // namespace mmusim
