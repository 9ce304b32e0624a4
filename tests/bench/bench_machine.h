// SPDX-License-Identifier: MIT
#pragma once

// The machines that the benchmarks run: the textbook platform with 1 GiB mapped in 4 KiB pages from address 0.
#include "sim/machine/functional_machine.h"
#include "sim/machine/simulation.h"
#include "tests/bench/patterns.h"
#include "tests/support/table_builder.h"

namespace mmusim {

inline constexpr uint64_t kMapped = kGiB;

inline PhysAddr build_tables(PhysMem& memory) {
  TableBuilder tables(memory, 4);
  for (uint64_t at = 0; at < kMapped; at += kPageBytes) tables.map(VirtAddr(at), PhysAddr(kGiB + at), PageSize::k4K);
  return tables.root();
}

inline std::unique_ptr<FunctionalMachine> make_functional_machine() {
  auto machine = std::make_unique<FunctionalMachine>(load_platform("textbook"));
  machine->write_cr3(build_tables(machine->memory()).raw());
  return machine;
}

/// The same in a guest: EPT, 4 KiB pages of the host.
inline std::unique_ptr<FunctionalMachine> make_guest_machine() {
  VirtualizationConfig guest;
  guest.mode = VirtualizationMode::kEpt;
  auto machine = std::make_unique<FunctionalMachine>(load_platform("textbook"), /*paranoid=*/false, guest);
  machine->write_cr3(build_tables(machine->memory()).raw());
  return machine;
}

/// Returns the simulation of this process.
inline Simulation& simulation() {
  static Simulation the;
  return the;
}

/// The window core has ten misses outstanding and four walkers.
inline std::unique_ptr<Machine> make_timed_machine(CoreModel model, unsigned cores = 1) {
  simulation();  // sets the time resolution
  PlatformConfig platform = load_platform("textbook");
  platform.model = model;
  platform.cores = cores;
  platform.window.outstanding = 10;
  platform.walker.walkers = model == CoreModel::kWindow ? 4 : 1;
  auto machine = std::make_unique<Machine>("machine", platform);
  const PhysAddr root = build_tables(machine->memory());
  for (unsigned core = 0; core < cores; ++core) machine->write_cr3(core, root.raw());
  return machine;
}

}  // namespace mmusim
