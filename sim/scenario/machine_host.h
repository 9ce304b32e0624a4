// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/targets.h"
#include "sim/scenario/host.h"
#include "sim/scenario/switched_memory.h"

namespace mmusim {

/// The scenario's platform, read and checked against its kernel and memory map: levels, 1 GiB pages, address bits, DRAM
/// size. Throws InputError with pointers into the scenario.
PlatformConfig scenario_platform(const Scenario& scenario);

/// A host that is a simulated machine: kernel code and workloads run on its first core.
class MachineHost final : public ScenarioHost {
 public:
  MachineHost(Simulation& simulation, const Scenario& scenario, const PlatformConfig& platform,
              MachineOptions options = {});

  Machine& machine() { return machine_; }

  Target& target() override { return target_; }
  mm::KernelMemory& kernel_memory() override { return kernel_memory_; }
  void run_kernel(Timing timing, const std::function<void()>& code) override;
  unsigned cores() const override { return machine_.cores(); }
  EventStamp stamp() const override;
  std::vector<MachineTotals> totals_by_core() const override;
  void run_beside(const std::function<void()>& code, const std::vector<AccessFeed>& feeds) override;
  const SimulatedCpus* simulated_cpus() const override { return &kernel_memory_.simulated_cpus(); }
  void clear_interrupt_costs() override { kernel_memory_.simulated_cpus().clear_costs(); }
  void run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) override;

 private:
  void run_all(std::vector<std::function<void(Core&)>> bodies);

  Simulation& simulation_;
  Machine machine_;
  TimedTarget target_{simulation_, machine_};
  SwitchedMemory kernel_memory_;
};

}  // namespace mmusim
