// SPDX-License-Identifier: MIT
#pragma once

#include "sim/scenario/host.h"

namespace mmusim {

/// What a host without a processor does with workloads.
enum class Workloads : uint8_t { kRefused, kSkipped };

/// A host without time and without a processor: kernel code works straight on memory.
class UntimedHost final : public ScenarioHost {
 public:
  UntimedHost(const Scenario& scenario, PhysMem& memory, Workloads workloads)
      : memory_(memory), kernel_memory_(memory, layout_of(scenario)), workloads_(workloads) {}

  /// The root table that the kernel loaded.
  PhysAddr root() const { return kernel_memory_.root(); }

  PhysMem& memory() override { return memory_; }
  mm::KernelMemory& kernel_memory() override { return kernel_memory_; }
  void run_kernel(Timing, const std::function<void()>& code) override { code(); }
  void run_kernel_on(unsigned, const std::function<void(unsigned)>& code) override { code(0); }
  /// Both throw InputError where workloads are refused.
  void run_workload(Workload& workload, const RunLimits& limits, const RunHooks& hooks) override;
  void replay(const ReplayPhase& replay, const RunHooks& hooks) override;
  EventStamp stamp() const override { return {}; }
  MachineTotals totals() const override { return {}; }
  StatNode counters() const override { return {}; }
  CounterNames counter_names() const override { return CounterNames::kGeneric; }
  double core_ghz() const override { return 0; }
  void set_sink(RecordSink*, bool) override {}

 private:
  void refuse() const;

  PhysMem& memory_;
  mm::UntimedMemory kernel_memory_;
  Workloads workloads_;
};

}  // namespace mmusim
