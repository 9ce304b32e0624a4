// SPDX-License-Identifier: MIT
#include "sim/machine/functional_machine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/base/config_files.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/random_accesses.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

/// Maps 64 MiB: 4 KiB pages, some 2 MiB pages, and a 1 GiB page.
void map_some(TableBuilder& tables) {
  for (uint64_t i = 0; i < 8192; ++i)
    tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
  for (uint64_t i = 16; i < 32; ++i)
    tables.map(VirtAddr(i * 2 * kMiB), PhysAddr(2 * kGiB + i * 2 * kMiB), PageSize::k2M);
  tables.map(VirtAddr(kGiB), PhysAddr(4 * kGiB), PageSize::k1G);
}

std::vector<MemAccess> accesses() { return random_accesses(200000, 32 * kMiB); }

class OnEveryPlatform : public testing::TestWithParam<std::string> {};

TEST_P(OnEveryPlatform, FunctionalCountsAreTheTimedOnes) {
  PlatformConfig platform = load_platform(GetParam());
  platform.model = CoreModel::kBlocking;
  platform.cores = 1;
  FunctionalMachine functional(platform);
  TableBuilder functional_tables(functional.memory(), 4);
  map_some(functional_tables);
  functional.write_cr3(functional_tables.root().raw());
  functional.execute(accesses());

  Simulation simulation;
  Machine machine("machine", platform);
  TableBuilder tables(machine.memory(), 4);
  map_some(tables);
  machine.write_cr3(0, tables.root().raw());
  CallProgram program([](Core& core) { core.execute(accesses()); });
  simulation.run(machine, program);

  const MachineTotals f = functional.totals(), t = machine.totals();
  EXPECT_EQ(f.accesses, t.accesses);
  EXPECT_EQ(f.lookups, t.lookups);
  EXPECT_EQ(f.l1_dtlb_misses, t.l1_dtlb_misses);
  EXPECT_EQ(f.stlb_misses, t.stlb_misses);
  EXPECT_EQ(f.walks, t.walks);
  EXPECT_EQ(f.entry_reads, t.entry_reads);
  EXPECT_EQ(f.flushes, t.flushes);
  for (const AccessKind k : kAllOf<AccessKind>) {
    const TranslationCounts& a = f.translation[k];
    const TranslationCounts& b = t.translation[k];
    EXPECT_EQ(a.accesses, b.accesses);
    EXPECT_EQ(a.second_level_hits, b.second_level_hits);
    EXPECT_EQ(a.second_level_misses, b.second_level_misses);
    EXPECT_EQ(a.walks.started, b.walks.started);
    EXPECT_EQ(a.walks.completed, b.walks.completed);
  }
  EXPECT_GT(f.walks, 1000u);
  EXPECT_GT(f.lookups, f.accesses);  // some cross pages
}

INSTANTIATE_TEST_SUITE_P(Shipped, OnEveryPlatform, testing::ValuesIn(config_names("platforms")), [](const auto& param) {
  std::string name = param.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace mmusim
