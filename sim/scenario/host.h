// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "mm/kernel_memory.h"
#include "mm/layout.h"
#include "mm/observer.h"
#include "sim/events/events.h"
#include "sim/machine/target.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Thrown through running kernel code when SIGINT or SIGTERM came.
struct Interrupted {};

/// Says if something takes simulated time.
enum class Timing : uint8_t { kTimed, kUntimed };

class SimulatedCpus;

/// Replaces the contents of a vector by the next accesses of an endless program.
using AccessFeed = std::function<void(std::vector<MemAccess>& batch)>;

/// Interface to where the phases of a scenario run: a target for accesses, and the kernel's way to its memory.
class ScenarioHost {
 public:
  virtual ~ScenarioHost() = default;

  virtual Target& target() = 0;
  /// The kernel's memory port; lives as long as the host.
  virtual mm::KernelMemory& kernel_memory() = 0;
  /// Runs kernel code. Timed, its accesses go through the simulated core.
  virtual void run_kernel(Timing timing, const std::function<void()>& code) = 0;
  /// Cores that kernel code may use at the same time; 1 without time.
  virtual unsigned cores() const { return 1; }
  /// Runs code(0), code(1), ... code(cores - 1) at the same time, each on the core of that number, timed.
  virtual void run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) = 0;
  /// Runs kernel code timed on the first core, while the cores behind it make accesses, each those of its feed, until
  /// the kernel code is done. Without several cores only the kernel code runs.
  virtual void run_beside(const std::function<void()>& code, const std::vector<AccessFeed>& feeds) {
    (void)feeds;
    run_kernel(Timing::kTimed, code);
  }
  /// Returns what interrupts between cores cost; nullptr where there is no time.
  virtual const SimulatedCpus* simulated_cpus() const { return nullptr; }
  virtual void clear_interrupt_costs() {}
  /// Returns what each core has counted so far; empty where there is one.
  virtual std::vector<MachineTotals> totals_by_core() const { return {}; }
  /// Returns the moment of what runs now, on its own core.
  virtual EventStamp stamp() const = 0;
};

/// Returns the moment of what runs on the first core of `target`.
inline EventStamp stamp_of(const Target& target) { return {target.now(), 0, target.accesses_begun()}; }

/// The kernel's addresses on the machine of a scenario.
mm::Layout layout_of(const Scenario& scenario);

}  // namespace mmusim
