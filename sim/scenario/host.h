// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "mm/direct_memory.h"
#include "mm/kernel_memory.h"
#include "mm/layout.h"
#include "mm/observer.h"
#include "models/base/phys_mem.h"
#include "models/base/stats.h"
#include "sim/events/events.h"
#include "sim/report/summary.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Thrown through running kernel code and workloads when SIGINT or SIGTERM came.
struct Interrupted {};

/// Whether something takes simulated time.
enum class Timing : uint8_t { kTimed, kUntimed };

/// How much of a workload runs: the first `warmup` accesses fill the structures only, then at most `accesses`.
struct RunLimits {
  uint64_t warmup = 0;
  std::optional<uint64_t> accesses;
};

/// What a host calls while accesses run.
struct RunHooks {
  std::function<void()> measured;  ///< the warm-up is over, counting begins
  std::function<void()> sample;    ///< now and then, for courses over time
};

/// Where the phases of a scenario run: memory, the kernel's way to it, the clock, and what counts.
class ScenarioHost {
 public:
  virtual ~ScenarioHost() = default;

  virtual PhysMem& memory() = 0;
  /// The kernel's memory port; lives as long as the host.
  virtual mm::KernelMemory& kernel_memory() = 0;
  /// Runs kernel code. Timed, its accesses go through the simulated core.
  virtual void run_kernel(Timing timing, const std::function<void()>& code) = 0;
  /// Cores that kernel code may use at the same time; 1 without time.
  virtual unsigned cores() const { return 1; }
  /// Runs code(0), code(1), ... code(cores - 1) at the same time, each on the core of that number, timed.
  virtual void run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) = 0;
  /// Runs a stream of accesses.
  virtual void run_workload(Workload& workload, const RunLimits& limits, const RunHooks& hooks) = 0;
  /// Makes recorded accesses again.
  virtual void replay(const ReplayPhase& replay, const RunHooks& hooks) = 0;

  /// The moment and core of what runs now.
  virtual EventStamp stamp() const = 0;
  /// What the machine counted so far.
  virtual MachineTotals totals() const = 0;
  virtual StatNode counters() const = 0;
  /// Whose names the processor's counters have.
  virtual CounterNames counter_names() const = 0;
  virtual double core_ghz() const = 0;
  /// The kernel stored to a paging-structure entry, after the fact: for hosts that check translations.
  virtual void entry_written(const mm::EntryWrite&) {}
  /// Who gets the records of walks, and of accesses if `accesses`.
  virtual void set_sink(RecordSink* sink, bool accesses) = 0;
};

/// The kernel's addresses on the machine of a scenario.
mm::Layout layout_of(const Scenario& scenario);

}  // namespace mmusim
