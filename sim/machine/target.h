// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "models/base/access.h"
#include "models/base/phys_mem.h"
#include "models/base/stats.h"
#include "models/core/load_store_unit.h"
#include "models/fabric/observer.h"
#include "sim/machine/charge.h"
#include "sim/machine/perf_counters.h"
#include "sim/machine/totals.h"

namespace mmusim {

/// Interface that a run drives: one core that makes accesses, and what it counts. sim/machine/targets.h has a target with
/// time, one without, and one that has memory only.
class Target {
 public:
  virtual ~Target() = default;

  virtual PhysMem& memory() = 0;
  virtual const ControlState& control() const = 0;
  /// Sets the control registers, without removing anything from the TLBs.
  virtual void set_control(const ControlState& control) = 0;
  /// Sets what builds mappings on first touch; nullptr: tables are what they are.
  virtual void set_mapper(DemandMapper* mapper) = 0;
  /// Returns false if accesses mean nothing here and are to be left out. Throws InputError if they may not be asked for.
  virtual bool can_execute() const { return true; }

  /// Runs `body`; the functions from here to drain() may be called from it only. Throws what it throws.
  virtual void run(const std::function<void()>& body) = 0;
  /// Makes accesses in program order.
  virtual void execute(std::span<const MemAccess> accesses) = 0;
  /// Makes one access. Returns how it ended if the core waits for each access anyway; a core that does not has only
  /// begun it.
  virtual std::optional<AccessResult> execute_one(const MemAccess& access) = 0;
  /// Carries out a TLB invalidation.
  virtual void invalidate(const Invalidation& operation) = 0;
  /// Carries out a MOV to CR3, with what it removes. Returns false where it raises #GP(0) and changes nothing.
  virtual bool write_cr3(uint64_t value) = 0;
  /// VM exit of the guest that runs and VM entry of another one, with its control registers and what it calls physical
  /// memory. Call with nothing under way, on a machine of several guests only.
  virtual void enter_guest(unsigned guest) = 0;
  /// Sets whether these three take time, and are counted, from here on.
  virtual void charge(Charge charge) = 0;
  /// Waits until everything under way is done.
  virtual void drain() = 0;

  /// Adds an observer, which outlives the target's use. Call only while nothing runs.
  virtual void observe(Observer& observer) = 0;
  /// Reports to the checker, if there is one, that software stored to an entry that was present before: it maps
  /// [va, va + bytes), or, `bytes` 0, anything.
  virtual void entry_changed(VirtAddr va, uint64_t bytes) = 0;

  /// The latest cycle that any core has reached; 0 where there is no time.
  virtual CycleTime now() const = 0;
  /// Accesses that the core has begun so far.
  virtual uint64_t accesses_begun() const = 0;
  /// Returns what was counted so far.
  virtual MachineTotals totals() const = 0;
  virtual StatNode stats() const = 0;
  /// Accesses of the core that raised an exception.
  virtual uint64_t faults() const = 0;
  /// Vendor or generation whose counter names to use.
  virtual CounterNames counter_names() const = 0;
  /// Core clock in GHz; 0 where there is no time.
  virtual double core_ghz() const = 0;
};

}  // namespace mmusim
