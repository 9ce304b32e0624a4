// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/machine.h"
#include "sim/scenario/host.h"
#include "sim/scenario/switched_memory.h"

namespace mmusim {

/// The scenario's platform, read and checked against its kernel and memory map: levels, 1 GiB pages, address bits, DRAM
/// size. Throws InputError with pointers into the scenario.
PlatformConfig scenario_platform(const Scenario& scenario);

/// A host that is a simulated machine: kernel code and workloads run on its first core. One for each process.
class MachineHost final : public ScenarioHost {
 public:
  MachineHost(const Scenario& scenario, const PlatformConfig& platform, MachineOptions options = {});

  Machine& machine() { return machine_; }

  PhysMem& memory() override { return machine_.memory(); }
  mm::KernelMemory& kernel_memory() override { return kernel_memory_; }
  void run_kernel(Timing timing, const std::function<void()>& code) override;
  unsigned cores() const override { return machine_.cores(); }
  void run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) override;
  void run_workload(Workload& workload, const RunLimits& limits, const RunHooks& hooks) override;
  void replay(const ReplayPhase& replay, const RunHooks& hooks) override;
  EventStamp stamp() const override;
  MachineTotals totals() const override { return machine_.totals(); }
  StatNode counters() const override { return machine_.stats(); }
  CounterNames counter_names() const override { return machine_.platform().counter_names; }
  double core_ghz() const override { return 1000.0 / machine_.platform().period_ps; }
  void entry_written(const mm::EntryWrite& write) override;
  void set_sink(RecordSink* sink, bool accesses) override { machine_.set_sink(sink, accesses); }
  /// Who hears what the run asks of the machine (nullptr: nobody).
  void set_activity(ActivitySink* activity) { machine_.set_activity(activity); }

 private:
  Machine machine_;
  SwitchedMemory kernel_memory_;
};

}  // namespace mmusim
