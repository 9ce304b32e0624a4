// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/functional_machine.h"
#include "sim/machine/simulation.h"
#include "sim/machine/target.h"

namespace mmusim {

/// A core of a machine with time.
class TimedTarget final : public Target {
 public:
  /// The first core, for the whole machine: what removes or changes translations reaches all cores, as the kernel's
  /// flushes do, and all cores are counted.
  TimedTarget(Simulation& simulation, Machine& machine)
      : TimedTarget(simulation, machine, /*number=*/0, {0, machine.cores()}) {}
  /// Core `number` alone. It has no stats(): those of a part of a machine that runs mean little.
  TimedTarget(Simulation& simulation, Machine& machine, unsigned number)
      : TimedTarget(simulation, machine, number, {number, number + 1}) {}

  PhysMem& memory() override { return machine_.memory(); }
  const ControlState& control() const override { return machine_.control(number_); }
  void set_control(const ControlState& control) override;
  void set_mapper(DemandMapper* mapper) override { machine_.set_mapper(number_, mapper); }
  void run(const std::function<void()>& body) override;
  void execute(std::span<const MemAccess> accesses) override { core_.execute(accesses); }
  std::optional<AccessResult> execute_one(const MemAccess& access) override;
  void invalidate(const Invalidation& operation) override;
  bool write_cr3(uint64_t value) override;
  void enter_guest(unsigned guest) override { machine_.enter_guest(guest, charge_); }
  void charge(Charge charge) override { charge_ = charge; }
  void drain() override { core_.drain(); }
  void observe(Observer& observer) override { machine_.observe(observer); }
  void entry_changed(VirtAddr va, uint64_t bytes) override;
  CycleTime now() const override { return whole() ? machine_.now() : core_.now(); }
  uint64_t accesses_begun() const override { return core_.accesses_begun(); }
  MachineTotals totals() const override { return whole() ? machine_.totals() : machine_.totals(number_); }
  StatNode stats() const override { return whole() ? machine_.stats() : StatNode(); }
  uint64_t faults() const override { return core_.access_stats().faults; }
  CounterNames counter_names() const override { return machine_.platform().counter_names; }
  double core_ghz() const override { return 1000.0 / machine_.platform().period_ps; }

 private:
  struct CoreRange {
    unsigned begin, end;
  };
  TimedTarget(Simulation& simulation, Machine& machine, unsigned number, CoreRange reached)
      : simulation_(simulation), machine_(machine), number_(number), reached_(reached), core_(machine.core(number)) {}
  bool whole() const { return reached_.end - reached_.begin == machine_.cores(); }

  Simulation& simulation_;
  Machine& machine_;
  const unsigned number_;
  const CoreRange reached_;  // by flushes and changes of control registers
  Core& core_;
  Charge charge_ = Charge::kCycles;
};

/// A machine without time: the same counts as the timed one with an in-order core. Observers hear of translations and
/// of what the program does; there are no records of accesses and walks.
class FunctionalTarget final : public Target {
 public:
  explicit FunctionalTarget(FunctionalMachine& machine) : machine_(machine) {}

  PhysMem& memory() override { return machine_.memory(); }
  const ControlState& control() const override { return machine_.control(); }
  void set_control(const ControlState& control) override;
  void set_mapper(DemandMapper* mapper) override { machine_.set_mapper(mapper); }
  void run(const std::function<void()>& body) override { body(); }
  void execute(std::span<const MemAccess> accesses) override;
  std::optional<AccessResult> execute_one(const MemAccess& access) override;
  void invalidate(const Invalidation& operation) override;
  bool write_cr3(uint64_t value) override;
  void enter_guest(unsigned guest) override { machine_.enter_guest(guest); }
  void charge(Charge charge) override { charge_ = charge; }
  void drain() override;
  void observe(Observer& observer) override;
  void entry_changed(VirtAddr va, uint64_t bytes) override;
  CycleTime now() const override { return CycleTime(0); }
  uint64_t accesses_begun() const override { return machine_.accesses_begun(); }
  MachineTotals totals() const override { return machine_.totals(); }
  StatNode stats() const override;
  uint64_t faults() const override { return machine_.faults(); }
  CounterNames counter_names() const override { return machine_.counter_names(); }
  double core_ghz() const override { return 0; }

 private:
  bool timed() const { return charge_ == Charge::kCycles; }

  FunctionalMachine& machine_;
  ObserverList observers_;
  Charge charge_ = Charge::kCycles;
};

/// Memory without a processor: accesses are left out, or may not be asked for.
class UntimedTarget final : public Target {
 public:
  enum class Accesses : uint8_t { kLeftOut, kRefused };
  UntimedTarget(PhysMem& memory, Accesses accesses) : memory_(memory), accesses_(accesses) {}

  PhysMem& memory() override { return memory_; }
  const ControlState& control() const override { return control_; }
  void set_control(const ControlState& control) override { control_ = control; }
  void set_mapper(DemandMapper*) override {}
  bool can_execute() const override;
  void run(const std::function<void()>& body) override { body(); }
  void execute(std::span<const MemAccess>) override {}
  std::optional<AccessResult> execute_one(const MemAccess&) override { return std::nullopt; }
  void invalidate(const Invalidation&) override {}
  bool write_cr3(uint64_t) override { return true; }
  void enter_guest(unsigned) override {}
  void charge(Charge) override {}
  void drain() override {}
  void observe(Observer&) override {}
  void entry_changed(VirtAddr, uint64_t) override {}
  CycleTime now() const override { return CycleTime(0); }
  uint64_t accesses_begun() const override { return 0; }
  MachineTotals totals() const override { return {}; }
  StatNode stats() const override { return {}; }
  uint64_t faults() const override { return 0; }
  CounterNames counter_names() const override { return CounterNames::kGeneric; }
  double core_ghz() const override { return 0; }

 private:
  PhysMem& memory_;
  ControlState control_;
  Accesses accesses_;
};

}  // namespace mmusim
