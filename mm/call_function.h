// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "mm/config.h"
#include "mm/kernel_memory.h"
#include "mm/observer.h"
#include "mm/profile.h"

namespace mmusim::mm {

/// Work that every CPU does in one round of function calls.
class CpuWork {
 public:
  virtual ~CpuWork() = default;
  /// True if it points to data that the sender has written.
  virtual bool has_data() const = 0;
  /// Runs on `cpu`, which is the calling one, with its interrupts off.
  virtual void run(unsigned cpu) = 0;
};

/// Writes of the interrupt command register that interrupts to `targets` take [S-13]. `all_but_self`: they are all the
/// CPUs online but the sender, so that a shorthand does it.
unsigned icr_writes(ApicDriver driver, bool has_flat_driver, std::span<const unsigned> targets, bool all_but_self,
                    unsigned online);

/// Function calls across CPUs: smp_call_function_many_cond and what its interrupts run [kernel/smp.c; S-8 to S-15].
class CallFunctions final : public CallFunctionHandler {
 public:
  CallFunctions(const KernelConfig& config, const Profile& profile, KernelMemory& memory, Observer* observer);
  ~CallFunctions() override;
  CallFunctions(const CallFunctions&) = delete;
  CallFunctions& operator=(const CallFunctions&) = delete;

  /// on_each_cpu(work, wait): runs `work` on every CPU online and returns when all have done it. From 5.13 on the calling
  /// CPU does its own while the interrupts are under way, before that after all the others [S-9].
  void on_each_cpu(CpuWork& work) {
    on_cpus(work, [](unsigned) { return true; });
  }
  /// on_each_cpu_cond_mask: the same for the CPUs online that are `wanted`, which is asked in order, the calling CPU last.
  void on_cpus(CpuWork& work, const std::function<bool(unsigned cpu)>& wanted);

  /// __flush_smp_call_function_queue on `cpu`, which is the calling one [S-15].
  void call_function_interrupt(unsigned cpu, const CallDelivery& delivery) override;

 private:
  struct Round {
    CpuWork* work;
    unsigned sender;
    std::vector<char> locked;  // by target: its call-function data is in use
  };

  void interrupt(Cpus& cpus, unsigned self, const std::vector<unsigned>& targets);

  const ApicDriver apic_;
  const bool has_flat_driver_;
  const bool overlapped_;
  KernelMemory& memory_;
  Observer* observer_;                       // nullptr where nobody wants interrupts
  std::vector<std::vector<Round*>> queues_;  // call_single_queue, by CPU
};

}  // namespace mmusim::mm
