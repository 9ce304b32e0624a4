// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "models/base/stats.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/machine.h"

namespace mmusim {

/// A machine that recorded accesses can be made again on: the timed one, or the functional one.
class ReplayMachine {
 public:
  virtual ~ReplayMachine() = default;

  virtual PhysMem& memory() = 0;
  virtual const ControlState& control() const = 0;
  /// Control registers, without removing anything from the TLBs.
  virtual void set_control(const ControlState& control) = 0;
  virtual void set_mapper(DemandMapper* mapper) = 0;
  /// Who checks translations and wants to know of changed entries; nullptr: nobody.
  virtual ShadowWalk* shadow() = 0;

  /// Runs `body`; the functions from here to drain() may be called from it only. Throws what it throws.
  virtual void run(const std::function<void()>& body) = 0;
  virtual void execute(std::span<const MemAccess> accesses) = 0;
  /// Runs one access. Returns how it ended if the core waits for each access anyway; a core that does not has only
  /// begun it.
  virtual std::optional<AccessResult> execute_one(const MemAccess& access) = 0;
  virtual void invalidate(const Invalidation& operation) = 0;
  /// MOV to CR3, with what it removes. Returns false where it raises #GP(0) and changes nothing.
  virtual bool write_cr3(uint64_t value) = 0;
  /// Whether these two take time, and are counted, from here on.
  virtual void charge(Charge charge) = 0;
  /// Waits until everything under way is done.
  virtual void drain() = 0;

  virtual MachineTotals totals() const = 0;
  virtual StatNode counters() const = 0;
  /// Whose names the processor's counters have.
  virtual CounterNames counter_names() const = 0;
  /// Accesses that raised an exception.
  virtual uint64_t faults() const = 0;
  /// Core clock; 0 where there is no time.
  virtual double core_ghz() const = 0;
};

/// The first core of a timed machine. What removes or changes translations reaches all cores, as the kernel's flushes
/// do.
class TimedReplayMachine final : public ReplayMachine {
 public:
  explicit TimedReplayMachine(Machine& machine) : machine_(machine), core_(machine.core(0)) {}

  PhysMem& memory() override { return machine_.memory(); }
  const ControlState& control() const override { return machine_.control(0); }
  void set_control(const ControlState& control) override {
    for (unsigned core = 0; core < machine_.cores(); ++core) machine_.set_control(core, control);
  }
  void set_mapper(DemandMapper* mapper) override { machine_.set_mapper(0, mapper); }
  ShadowWalk* shadow() override { return machine_.shadow(); }
  void run(const std::function<void()>& body) override;
  void execute(std::span<const MemAccess> accesses) override { core_.execute(accesses); }
  std::optional<AccessResult> execute_one(const MemAccess& access) override;
  void invalidate(const Invalidation& operation) override {
    for (unsigned core = 0; core < machine_.cores(); ++core) machine_.invalidate(core, operation, charge_);
  }
  bool write_cr3(uint64_t value) override {
    bool loaded = true;
    for (unsigned core = 0; core < machine_.cores(); ++core) loaded &= machine_.write_cr3(core, value, charge_);
    return loaded;
  }
  void charge(Charge charge) override { charge_ = charge; }
  void drain() override { core_.drain(); }
  MachineTotals totals() const override { return machine_.totals(); }
  StatNode counters() const override { return machine_.stats(); }
  CounterNames counter_names() const override { return machine_.platform().counter_names; }
  uint64_t faults() const override { return core_.lsu().stats().faults; }
  double core_ghz() const override { return 1000.0 / machine_.platform().period_ps; }

 private:
  Machine& machine_;
  Core& core_;
  Charge charge_ = Charge::kCycles;
};

/// The functional machine: the same counts as the timed one with an in-order core, without time.
class FunctionalReplayMachine final : public ReplayMachine {
 public:
  explicit FunctionalReplayMachine(FunctionalMachine& machine) : machine_(machine) {}

  PhysMem& memory() override { return machine_.memory(); }
  const ControlState& control() const override { return machine_.control(); }
  void set_control(const ControlState& control) override { machine_.set_control(control); }
  void set_mapper(DemandMapper* mapper) override { machine_.set_mapper(mapper); }
  ShadowWalk* shadow() override { return machine_.shadow(); }
  void run(const std::function<void()>& body) override { body(); }
  void execute(std::span<const MemAccess> accesses) override { machine_.execute(accesses); }
  std::optional<AccessResult> execute_one(const MemAccess& access) override { return machine_.access(access); }
  void invalidate(const Invalidation& operation) override { machine_.invalidate(operation); }
  bool write_cr3(uint64_t value) override { return machine_.write_cr3(value); }
  void charge(Charge) override {}
  void drain() override {}
  MachineTotals totals() const override { return machine_.totals(); }
  StatNode counters() const override;
  CounterNames counter_names() const override { return machine_.counter_names(); }
  uint64_t faults() const override { return machine_.faults(); }
  double core_ghz() const override { return 0; }

 private:
  FunctionalMachine& machine_;
};

}  // namespace mmusim
