// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace mmusim {

struct WatchdogLimits {
  /// Host seconds a running simulation may take without reaching a later cycle; 0: for ever.
  unsigned silent_seconds = 0;
  /// Bytes of host memory this process may hold.
  uint64_t memory = std::numeric_limits<uint64_t>::max();
};

/// A simulation that the watchdog looks at.
class Watched {
 public:
  virtual ~Watched() = default;
  /// Returns true while simulated time should pass.
  virtual bool running() const = 0;
  /// Returns the furthest cycle that was reached. Callable from signal handlers.
  virtual uint64_t reached_cycle() const = 0;
  /// Describes what each requester waits for, one line each.
  virtual std::string wait_report() const = 0;
};

/// Looks at a simulation (or only at the host's memory) once a second, from a timer's signal on the thread that made
/// it, so that a running simulation pays nothing for it.
///
/// A simulation that runs without reaching a later cycle for `silent_seconds` stops the program with a report of what
/// each requester waits for; so does a program that uses the processor for that time, and ten seconds at least, without
/// asking interrupt_requested() once, whatever it is at: no record, no access and no store of the kernel is finished. A
/// process that holds more than `memory` is told to stop as an interrupt would (sim/host/interrupts.h), with exit code
/// 3. A simulation in which nothing is pending although something is under way needs no watchdog: Machine::finish() finds
/// it. One watchdog at a time.
class Watchdog {
 public:
  /// `watched` may be nullptr: then only memory is watched. Throws EnvironmentError if the host gives no timer.
  Watchdog(const Watched* watched, const WatchdogLimits& limits);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// While one of these lives, the simulation waits for something outside (a pipe), which is no standstill.
  class Pause {
   public:
    Pause();
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
  };
};

}  // namespace mmusim
