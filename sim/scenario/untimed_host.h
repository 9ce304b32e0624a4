// SPDX-License-Identifier: MIT
#pragma once

#include "mm/direct_memory.h"
#include "sim/machine/targets.h"
#include "sim/scenario/host.h"

namespace mmusim {

/// A host without time and without a processor: kernel code works straight on memory.
class UntimedHost final : public ScenarioHost {
 public:
  /// `workloads`: whether workloads and replays are left out or refused.
  UntimedHost(const Scenario& scenario, PhysMem& memory, UntimedTarget::Accesses workloads)
      : target_(memory, workloads), kernel_memory_(memory, layout_of(scenario)) {}

  /// The root table that the kernel loaded.
  PhysAddr root() const { return kernel_memory_.root(); }

  Target& target() override { return target_; }
  mm::KernelMemory& kernel_memory() override { return kernel_memory_; }
  void run_kernel(Timing, const std::function<void()>& code) override { code(); }
  EventStamp stamp() const override { return stamp_of(target_); }
  void run_kernel_on(unsigned, const std::function<void(unsigned)>& code) override { code(0); }

 private:
  UntimedTarget target_;
  mm::UntimedMemory kernel_memory_;
};

}  // namespace mmusim
