// SPDX-License-Identifier: MIT
#include "sim/scenario/simulated_memory.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kTouchedPages = 256;

/// Runs of up to nine stores into structures all over kTouchedPages pages; `at_once`: by store_fields(), else store by store.
/// Returns what is left of the machine: its counters, its time and its memory.
std::string stores(const PlatformConfig& platform, unsigned structure_bytes, bool at_once) {
  Simulation simulation;
  Machine machine("machine", platform);
  TableBuilder tables(machine.memory(), 4);
  for (uint64_t i = 0; i < kTouchedPages; ++i) {
    tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
  }
  uint64_t cycle = 0;
  CallProgram program([&](Core& core) {
    SimulatedMemory memory(machine, 0, mm::Layout(mm::KernelConfig{}, 0), /*pge=*/true);
    memory.attach(tables.root());
    for (uint64_t i = 0; i < 4000; ++i) {
      const VirtAddr base(i % 3 == 0 ? i * 7919 % kTouchedPages * kPageBytes : i * structure_bytes);
      std::vector<mm::FieldStore> run;
      for (unsigned n = 0; n <= i % 9; ++n) {
        const unsigned bytes = n % 4 == 3 ? 4 : 8;
        const auto offset = static_cast<unsigned>((i + n * 40) % structure_bytes / bytes * bytes);
        run.push_back({offset, bytes, i * n + 1, n % 3 == 2 ? std::optional(mm::RmwOp::kAdd) : std::nullopt});
      }
      if (at_once) {
        memory.store_fields(base, run);
      } else {
        memory.KernelMemory::store_fields(base, run);
      }
      if (i % 100 == 0) memory.invalidate(mm::TlbInstruction::kInvlpg, base);
    }
    core.drain();
    cycle = core.now().count;
  });
  simulation.run(machine, program);
  std::string left = fmt::format("cycle {}\n{}\n", cycle, to_json(machine.stats()).dump(1));
  for (uint64_t at = 0; at < kTouchedPages * kPageBytes; at += sizeof(uint64_t)) {
    left += fmt::format("{:x} ", machine.memory().load64(PhysAddr(kGiB + at)));
  }
  return left;
}

TEST(SimulatedMemory, ARunOfStoresIsTheStoresOneByOne) {
  for (const char* name : {"textbook", "milan", "skylake-sp"}) {
    for (const CoreModel model : {CoreModel::kBlocking, CoreModel::kWindow}) {
      PlatformConfig platform = load_platform(name);
      platform.model = model;
      for (const unsigned structure_bytes : {64U, 80U}) {
        const std::string run = in_child([&] { return stores(platform, structure_bytes, /*at_once=*/true); });
        const std::string single = in_child([&] { return stores(platform, structure_bytes, /*at_once=*/false); });
        EXPECT_NE(run.find("\"write_accesses\": 19"), std::string::npos);  // 4000 runs of 1 to 9 stores
        EXPECT_TRUE(run == single) << name << ' ' << structure_bytes;
      }
    }
  }
}

}  // namespace
}  // namespace mmusim
