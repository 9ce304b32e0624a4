// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "mm/user_flush.h"
#include "models/base/format.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "sim/scenario/switched_memory.h"
#include "tests/support/table_builder.h"

namespace mmusim::test {

inline constexpr VirtAddr kVa{0xffffea0000000000};
inline constexpr uint64_t kPages = 64;

/// Hears flushes and interrupts with the cycle of the core that reports them.
struct Heard final : mm::Observer {
  explicit Heard(Machine& m) : machine(m) {}
  uint32_t mask() const override { return mm::kFlushes | mm::kInterrupts; }
  void flush(const mm::FlushEvent& e) override {
    text += fmt::format("flush {} of round {} at {}\n", e.cpu, e.round, machine.core(e.cpu).now().count);
    ++flushes;
  }
  void ipi(const mm::IpiEvent& e) override {
    const mm::CallDelivery& d = e.delivery;
    text += fmt::format("ipi {} to {}: {} {} {} {}\n", d.from, e.to, d.sent, d.arrival, d.handled,
                        machine.core(e.to).now().count);
    last = d;
    ++ipis;
  }
  Machine& machine;
  std::string text;
  mm::CallDelivery last;
  unsigned flushes = 0, ipis = 0;
};

/// A machine of so many textbook cores with kPages pages mapped at kVa, and the kernel's flush code on it.
struct Rig {
  explicit Rig(unsigned cores, LookAhead look_ahead = LookAhead::kPending, const mm::KernelConfig& kernel = {},
               CoreModel model = CoreModel::kBlocking)
      : Rig(platform_of(cores, model), look_ahead, kernel) {}
  explicit Rig(const PlatformConfig& platform, LookAhead look_ahead = LookAhead::kPending,
               const mm::KernelConfig& kernel = {})
      : config(kernel),
        machine("machine", platform, {look_ahead}),
        tables(machine.memory(), 4),
        memory(machine, mm::Layout(config, 0), /*pge=*/true),
        heard(machine),
        tlb(config, mm::effective_profile(config), memory, &heard),
        user(config, mm::effective_profile(config), memory, tlb) {
    for (uint64_t i = 0; i < kPages; ++i) {
      tables.map(kVa + i * kPageBytes, PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
    }
    memory.load_cr3(tables.root());
  }
  static PlatformConfig platform_of(unsigned cores, CoreModel model) {
    PlatformConfig platform = load_platform("textbook");
    platform.cores = cores;
    platform.model = model;
    return platform;
  }
  PhysAddr entry_of(uint64_t page) { return tables.entry(kVa + page * kPageBytes, 1); }
  /// Runs `body` on the first cores; the others idle.
  void run(unsigned cores, const std::function<void(Core&, unsigned)>& body) {
    memory.use_cores(cores);
    SimulatedCpus& cpus = memory.simulated_cpus();
    std::vector<CallProgram> programs;
    for (unsigned i = 0; i < machine.cores(); ++i) {
      programs.emplace_back([&, i](Core& core) {
        if (i >= cores) return cpus.stay_idle();
        body(core, i);
        cpus.leave();
      });
    }
    std::vector<Program*> pointers;
    for (CallProgram& program : programs) pointers.push_back(&program);
    simulation.run(machine, pointers);
    memory.use(Timing::kUntimed);
  }

  Simulation simulation;
  mm::KernelConfig config;
  Machine machine;
  TableBuilder tables;
  SwitchedMemory memory;
  Heard heard;
  mm::TlbFlush tlb;
  mm::UserFlush user;
};

}  // namespace mmusim::test
