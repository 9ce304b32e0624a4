// SPDX-License-Identifier: MIT
// Guests on the functional and the timed machine: counts, equality of both, and what each operation removes.
#include <gtest/gtest.h>

#include "models/base/config_files.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/random_accesses.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr VirtAddr kVa(kGiB);  // in every size of page
constexpr PhysAddr kGpa(4 * kGiB);

VirtualizationConfig guest_over(PageSize pages, unsigned levels = 4,
                                VirtualizationMode mode = VirtualizationMode::kEpt) {
  VirtualizationConfig c;
  c.mode = mode;
  c.host_levels = levels;
  c.pages[0].pages = pages;
  return c;
}

PlatformConfig textbook() { return load_platform("textbook"); }

PlatformConfig without_structures() {
  PlatformConfig p = textbook();
  p.walker.structure_caches = {};
  p.walker.nested = {};
  return p;
}

/// A functional machine with one guest page of each kind mapped.
struct Guest {
  Guest(const PlatformConfig& platform, const VirtualizationConfig& virtualization, PageSize page, unsigned levels = 4)
      : machine(platform, /*paranoid=*/false, virtualization), tables(machine.memory(), levels) {
    const unsigned pages = page == PageSize::k1G ? 1 : 8;
    for (unsigned i = 0; i < pages; ++i) tables.map(kVa + i * bytes_of(page), kGpa + i * bytes_of(page), page);
    ControlRegisters registers = machine.control().registers();
    registers.cr4 |= levels == 5 ? kCr4La57 : 0;
    machine.set_control(ControlState(registers, machine.control().traits()));
    EXPECT_TRUE(machine.write_cr3(tables.root().raw()));
  }
  AccessResult read(VirtAddr va) { return machine.access({va}); }
  /// Entries of both dimensions that one read takes.
  uint64_t references(VirtAddr va) {
    const uint64_t before = total();
    EXPECT_FALSE(read(va).fault);
    return total() - before;
  }
  uint64_t total() const { return machine.totals().entry_reads + machine.totals().host_entry_reads; }

  FunctionalMachine machine;
  TableBuilder tables;
};

TEST(NestedMachine, N84N85ColdWalksTakeTheClosedForms) {
  for (const auto mode : {VirtualizationMode::kEpt, VirtualizationMode::kNpt}) {
    for (const unsigned guest_levels : {4U, 5U}) {
      for (const unsigned host_levels : {4U, 5U}) {
        for (const PageSize guest : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
          for (const PageSize host : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
            const auto entries = [](unsigned levels, PageSize size) {
              return levels - (size == PageSize::k4K ? 0U : size == PageSize::k2M ? 1U : 2U);
            };
            Guest g(without_structures(), guest_over(host, host_levels, mode), guest, guest_levels);
            const uint64_t expected = (entries(guest_levels, guest) + 1) * (entries(host_levels, host) + 1) - 1;
            EXPECT_EQ(g.references(kVa), expected);
            EXPECT_EQ(g.read(kVa).pa, kGpa + 4 * kGiB);
          }
        }
      }
    }
  }
}

TEST(NestedMachine, N87N88WarmStructuresLeaveTheRemainder) {
  PlatformConfig guest_caches = textbook();
  guest_caches.walker.nested = {};
  Guest combined(guest_caches, guest_over(PageSize::k4K), PageSize::k4K);
  EXPECT_EQ(combined.references(kVa), 24U);
  EXPECT_EQ(combined.references(kVa + kPageBytes), 5U);  // PDE: 1 + 4

  PlatformConfig nested_caches = textbook();
  nested_caches.walker.nested.tlb_4k = nested_caches.walker.nested.tlb_2m = nested_caches.walker.nested.tlb_1g = {};
  Guest structures(nested_caches, guest_over(PageSize::k4K), PageSize::k4K);
  structures.references(kVa);
  EXPECT_EQ(structures.references(kVa + kPageBytes), 2U);  // PDE and nested PDE

  Guest over_2m(textbook(), guest_over(PageSize::k2M), PageSize::k4K);
  over_2m.references(kVa);
  EXPECT_EQ(over_2m.references(kVa + kPageBytes), 1U);  // PDE, and a nested TLB hit for the data
}

TEST(NestedMachine, N90TheSmallerPageIsKept) {
  Guest over_4k(textbook(), guest_over(PageSize::k4K), PageSize::k2M);
  over_4k.read(kVa);
  EXPECT_NE(over_4k.references(kVa + kPageBytes), 0U);
  Guest over_1g(textbook(), guest_over(PageSize::k1G), PageSize::k2M);
  over_1g.read(kVa);
  EXPECT_EQ(over_1g.references(kVa + kPageBytes), 0U);
}

TEST(NestedMachine, N92InvlpgRemovesEveryFragmentOfTheGuestPage) {
  Guest g(textbook(), guest_over(PageSize::k4K), PageSize::k2M);
  for (unsigned i = 0; i < 4; ++i) g.read(kVa + i * kPageBytes);
  g.read(kVa + 2 * kMiB);
  const uint64_t walks = g.machine.totals().walks;
  g.machine.invalidate(on_invlpg(g.machine.control(), kVa + 100 * kPageBytes));
  for (unsigned i = 0; i < 4; ++i) g.read(kVa + i * kPageBytes);
  EXPECT_EQ(g.machine.totals().walks, walks + 4);
  g.read(kVa + 2 * kMiB);  // another guest page
  EXPECT_EQ(g.machine.totals().walks, walks + 4);
}

TEST(NestedMachine, N72N76OnlyTheHypervisorRemovesGuestPhysicalMappings) {
  Guest g(textbook(), guest_over(PageSize::k4K), PageSize::k4K);
  g.read(kVa);
  const auto nested_walks = [&] { return g.machine.totals().nested_walks; };
  const uint64_t cold = nested_walks();
  g.machine.invalidate(on_invlpg(g.machine.control(), kVa));
  g.read(kVa);
  EXPECT_TRUE(g.machine.write_cr3(g.tables.root().raw()));
  g.read(kVa);
  g.machine.invalidate(on_invvpid(/*keep_globals=*/false));
  g.read(kVa);
  EXPECT_EQ(nested_walks(), cold);
  g.machine.invalidate(on_invept());
  g.read(kVa);
  EXPECT_EQ(nested_walks(), 2 * cold);
}

TEST(NestedMachine, N72N80OneAddressGoesInEveryPcid) {
  Guest g(textbook(), guest_over(PageSize::k2M), PageSize::k4K);
  g.read(kVa);
  g.read(kVa + kPageBytes);
  const uint64_t walks = g.machine.totals().walks;
  g.machine.invalidate(on_invvpid_address(1, kVa));
  g.read(kVa + kPageBytes);
  EXPECT_EQ(g.machine.totals().walks, walks);
  g.read(kVa);
  EXPECT_EQ(g.machine.totals().walks, walks + 1);
}

TEST(NestedMachine, N74StaleCombinedEntriesLiveUntilInvept) {
  Guest g(textbook(), guest_over(PageSize::k4K), PageSize::k4K);
  const PhysAddr before = g.read(kVa).pa;
  const NestedControl& nested = g.machine.host_tables()->control();
  PhysAddr table = nested.root();
  for (unsigned level = 4; level > 1; --level) {
    table = entry_address(g.machine.physical_memory().load64(nested.entry_pa(table, GuestPhysAddr(kGpa.raw()), level)));
  }
  const PhysAddr leaf = nested.entry_pa(table, GuestPhysAddr(kGpa.raw()), 1);
  const uint64_t entry = g.machine.physical_memory().load64(leaf);
  g.machine.physical_memory().store64(leaf, entry + 16 * kGiB);
  EXPECT_EQ(g.read(kVa).pa, before);
  g.machine.invalidate(on_invlpg(g.machine.control(), kVa));  // the guest cannot help: the nested TLB is stale too
  EXPECT_EQ(g.read(kVa).pa, before);
  g.machine.invalidate(on_invept());
  EXPECT_EQ(g.read(kVa).pa, before + 16 * kGiB);
}

TEST(NestedMachine, N95OnDemandEachHostPageIsOneExit) {
  VirtualizationConfig c = guest_over(PageSize::k4K);
  c.on_demand = true;
  Guest g(textbook(), c, PageSize::k4K);
  EXPECT_FALSE(g.read(kVa).fault);
  EXPECT_EQ(g.machine.totals().exits, 5U);  // four tables and the data
  EXPECT_FALSE(g.read(kVa + kPageBytes).fault);
  EXPECT_EQ(g.machine.totals().exits, 6U);
}

void map_guest(TableBuilder& tables) {
  for (uint64_t i = 0; i < 4096; ++i) {
    tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K, i % 7 == 0 ? 0x7 : 0x67);
  }
  for (uint64_t i = 16; i < 32; ++i)
    tables.map(VirtAddr(i * 2 * kMiB), PhysAddr(2 * kGiB + i * 2 * kMiB), PageSize::k2M);
  tables.map(VirtAddr(kGiB), PhysAddr(4 * kGiB), PageSize::k1G);
}

std::vector<MemAccess> guest_accesses() { return random_accesses(20000, 16 * kMiB); }

class GuestOnPlatform : public testing::TestWithParam<std::string> {};

TEST_P(GuestOnPlatform, FunctionalCountsAreTheTimedOnesAndBothAreThePureWalk) {
  PlatformConfig platform = load_platform(GetParam());
  platform.model = CoreModel::kBlocking;
  platform.cores = 1;
  VirtualizationConfig v;
  v.mode = platform.processor.vendor == Vendor::kAmd ? VirtualizationMode::kNpt : VirtualizationMode::kEpt;
  v.pages = {{32 * kMiB, PageSize::k2M}, {32 * kMiB, PageSize::k4K}};
  v.accessed_dirty = true;
  v.frames = HostFrameOrder::kRandom;
  FunctionalMachine functional(platform, /*paranoid=*/true, v);
  TableBuilder functional_tables(functional.memory(), 4);
  map_guest(functional_tables);
  functional.write_cr3(functional_tables.root().raw());
  functional.execute(guest_accesses());
  functional.invalidate(on_invlpg(functional.control(), VirtAddr(32 * kMiB)));
  functional.execute(guest_accesses());
  EXPECT_NE(functional.checker()->translations_checked(), 0U);

  MachineOptions options;
  options.paranoid = true;
  options.virtualization = v;
  Simulation simulation;
  Machine machine("machine", platform, options);
  TableBuilder tables(machine.memory(), 4);
  map_guest(tables);
  machine.write_cr3(0, tables.root().raw());
  CallProgram program([&](Core& core) {
    core.execute(guest_accesses());
    core.drain();
    machine.invalidate(0, on_invlpg(machine.control(0), VirtAddr(32 * kMiB)));
    core.execute(guest_accesses());
  });
  simulation.run(machine, program);
  const MachineTotals f = functional.totals(), t = machine.totals();
  EXPECT_EQ(f.walks, t.walks);
  EXPECT_EQ(f.stlb_misses, t.stlb_misses);
  EXPECT_EQ(f.entry_reads, t.entry_reads);
  EXPECT_EQ(f.nested_lookups, t.nested_lookups);
  EXPECT_EQ(f.nested_walks, t.nested_walks);
  EXPECT_EQ(f.host_entry_reads, t.host_entry_reads);
  EXPECT_NE(t.host_entry_reads, 0U);
}

INSTANTIATE_TEST_SUITE_P(Presets, GuestOnPlatform,
                         testing::Values("textbook", "skylake-sp", "cascade-lake", "icelake-sp", "sapphire-rapids",
                                         "rome", "milan", "genoa", "turin"));

}  // namespace
}  // namespace mmusim
