// SPDX-License-Identifier: MIT
// Several guests on one core: what stays in TLBs, structure caches and nested structures when another guest runs, and what
// each operation removes of whose. nested-paging 10 and 11.
#include <gtest/gtest.h>

#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/random_accesses.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr VirtAddr kVa(kGiB);
constexpr unsigned kSharedPages = 64;
constexpr uint64_t kGlobal = 0x100;

VirtualizationConfig guests(unsigned number, bool tags = true, VirtualizationMode mode = VirtualizationMode::kEpt) {
  VirtualizationConfig c;
  c.mode = mode;
  c.guests = number;
  c.tags = tags;
  return c;
}

/// Guests of one layout: kSharedPages pages from kVa on, the last of them global, and one 2 MiB page after them. What differs
/// is the host memory behind them.
template <class AMachine, class SetCr3>
void build_guests(AMachine& machine, std::vector<std::unique_ptr<TableBuilder>>& tables, SetCr3&& set_cr3) {
  for (unsigned guest = 0; guest < machine.guests()->count(); ++guest) {
    machine.enter_guest(guest);
    TableBuilder& own = *tables.emplace_back(std::make_unique<TableBuilder>(machine.memory(), 4));
    for (unsigned i = 0; i < kSharedPages; ++i) {
      own.map(kVa + i * kPageBytes, PhysAddr(256 * kMiB + i * kPageBytes), PageSize::k4K,
              i + 1 == kSharedPages ? 0x67 | kGlobal : 0x67);
    }
    own.map(kVa + 2 * kMiB, PhysAddr(512 * kMiB), PageSize::k2M);
    set_cr3(own.root().raw());
  }
  machine.enter_guest(0);
}

class SharedCore : public testing::Test {
 protected:
  explicit SharedCore(const VirtualizationConfig& config = guests(3))
      : machine(load_platform("textbook"), false, config) {
    build_guests(machine, tables, [this](uint64_t cr3) { machine.write_cr3(cr3); });
  }
  /// Walks that one read in that guest takes: 0 or 1.
  uint64_t walks(unsigned guest, VirtAddr va = kVa) {
    machine.enter_guest(guest);
    const uint64_t before = machine.totals().walks;
    EXPECT_FALSE(machine.access({va}).fault);
    return machine.totals().walks - before;
  }
  /// Nested walks of a read of a page that has not been read, after one that fills the structures.
  uint64_t nested_walks(unsigned guest, VirtAddr va) {
    machine.enter_guest(guest);
    const uint64_t before = machine.totals().nested_walks;
    EXPECT_FALSE(machine.access({va}).fault);
    return machine.totals().nested_walks - before;
  }
  void warm(VirtAddr va = kVa) {
    for (unsigned guest = 0; guest < machine.guests()->count(); ++guest) walks(guest, va);
  }
  uint16_t vpid(unsigned guest) { return (*machine.guests())[guest].tag.vpid; }

  FunctionalMachine machine;
  std::vector<std::unique_ptr<TableBuilder>> tables;
};

TEST_F(SharedCore, N66EachGuestHasItsOwnTranslationOfOneAddress) {
  PhysAddr where[3];
  for (unsigned guest = 0; guest < 3; ++guest) {
    machine.enter_guest(guest);
    where[guest] = machine.access({kVa}).pa;
  }
  EXPECT_NE(where[0], where[1]);
  EXPECT_NE(where[1], where[2]);
  for (unsigned guest = 0; guest < 3; ++guest) {
    machine.enter_guest(guest);
    EXPECT_EQ(machine.access({kVa}).pa, where[guest]) << "out of the TLB";
    EXPECT_EQ(walks(guest), 0U);
  }
}

TEST_F(SharedCore, N72EntryAndExitWithTagsRemoveNothing) {
  warm();
  for (unsigned guest = 0; guest < 3; ++guest) EXPECT_EQ(walks(guest), 0U);
}

TEST_F(SharedCore, N70GlobalTranslationsDoNotReachOtherGuests) {
  const VirtAddr global = kVa + (kSharedPages - 1) * kPageBytes;
  EXPECT_EQ(walks(0, global), 1U);
  EXPECT_EQ(walks(1, global), 1U);
  machine.write_cr3(tables[1]->root().raw());
  EXPECT_EQ(walks(1, global), 0U) << "MOV CR3 keeps them";
  EXPECT_EQ(walks(0, global), 0U);
}

TEST_F(SharedCore, N72GuestOperationsKeepOtherGuests) {
  warm();
  machine.enter_guest(1);
  machine.invalidate(on_invlpg(machine.control(), kVa));
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(walks(1), 1U);
  EXPECT_EQ(walks(2), 0U);
  machine.enter_guest(2);
  machine.write_cr3(tables[2]->root().raw());
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(walks(1), 0U);
  EXPECT_EQ(walks(2), 1U);
}

TEST_F(SharedCore, N92InvlpgRemovesEveryFragmentOfTheGuestsOwnPage) {
  const VirtAddr large = kVa + 2 * kMiB;  // over 4 KiB pages of the host
  for (unsigned i = 0; i < 4; ++i) warm(large + i * kPageBytes);
  machine.enter_guest(1);
  machine.invalidate(on_invlpg(machine.control(), large + 300 * kPageBytes));
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_EQ(walks(0, large + i * kPageBytes), 0U);
    EXPECT_EQ(walks(1, large + i * kPageBytes), 1U);
  }
}

TEST_F(SharedCore, N72InvvpidRemovesOneVpidAndNoGuestPhysicalMapping) {
  warm();
  machine.invalidate(on_invvpid(vpid(1), /*keep_globals=*/false));
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(nested_walks(1, kVa), 0U) << "a walk, with every nested translation at hand";
  EXPECT_EQ(walks(2), 0U);
  machine.invalidate(on_invvpid_address(vpid(2), kVa));
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(walks(1), 0U);
  EXPECT_EQ(walks(2), 1U);
  machine.invalidate(on_invvpid(/*keep_globals=*/false));  // type 2
  for (unsigned guest = 0; guest < 3; ++guest) EXPECT_EQ(walks(guest), 1U);
}

TEST_F(SharedCore, N72InveptRemovesBothKindsOfOneEp4ta) {
  warm();
  const uint64_t eptp = (*machine.guests())[1].host.control().registers().root;
  machine.invalidate(on_invept(eptp));
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(walks(2), 0U);
  EXPECT_EQ(nested_walks(1, kVa), 5U) << "four tables and the page";
  EXPECT_EQ(nested_walks(0, kVa + kPageBytes), 1U) << "the page: the tables of other guests stayed";
}

TEST_F(SharedCore, N74StaleCombinedEntriesOfOneGuestLiveUntilItsInvept) {
  warm();
  machine.enter_guest(1);
  const PhysAddr before = machine.access({kVa}).pa;
  const NestedControl& nested = machine.host_tables()->control();
  const GuestPhysAddr gpa(256 * kMiB);
  PhysAddr table = nested.root();
  for (unsigned level = 4; level > 1; --level)
    table = entry_address(machine.physical_memory().load64(nested.entry_pa(table, gpa, level)));
  const PhysAddr leaf = nested.entry_pa(table, gpa, 1);
  machine.physical_memory().store64(leaf, machine.physical_memory().load64(leaf) + kPageBytes);
  machine.invalidate(on_invept((*machine.guests())[0].host.control().registers().root));
  EXPECT_EQ(machine.access({kVa}).pa, before) << "another guest's INVEPT";
  machine.invalidate(on_invvpid(vpid(1), /*keep_globals=*/false));
  EXPECT_EQ(machine.access({kVa}).pa, before) << "the nested TLB is stale too";
  machine.invalidate(on_invept(nested.registers().root));
  EXPECT_EQ(machine.access({kVa}).pa, before + kPageBytes);
}

TEST_F(SharedCore, TagsOutlastTheirNumbers) {
  warm();
  ControlRegisters r = machine.control().registers();
  r.cr4 |= kCr4Pcide;
  machine.set_control(ControlState(r, machine.control().traits()));
  for (uint64_t pcid = 0; pcid < 4096; ++pcid) machine.write_cr3(tables[2]->root().raw() | pcid | kCr3NoInvalidate);
  EXPECT_EQ(walks(2), 1U);
  EXPECT_EQ(walks(0), 1U) << "more tags than there are numbers empty the core";
  EXPECT_EQ(walks(0), 0U);
}

class UntaggedCore : public SharedCore {
 protected:
  UntaggedCore() : SharedCore(guests(2, /*tags=*/false)) {}
};

TEST_F(UntaggedCore, N72EntryWithoutVpidRemovesCombinedMappingsOnly) {
  walks(0);
  walks(1);
  EXPECT_EQ(nested_walks(0, kVa), 0U) << "guest-physical mappings stay, by EP4TA";
  EXPECT_EQ(walks(1), 1U);
  EXPECT_EQ(walks(1), 0U);
}

class AmdCore : public SharedCore {
 protected:
  AmdCore() : SharedCore(guests(2, /*tags=*/true, VirtualizationMode::kNpt)) {}
};

TEST_F(AmdCore, N77N78FlushOfAnAsidTakesItsNestedTranslationsToo) {
  warm();
  machine.invalidate(on_tlb_control(3, vpid(0)).value());
  EXPECT_EQ(walks(1), 0U);
  EXPECT_EQ(nested_walks(0, kVa), 5U);
  machine.invalidate(on_invvpid_address(vpid(1), kVa));  // INVLPGA
  EXPECT_EQ(walks(0), 0U);
  EXPECT_EQ(nested_walks(1, kVa), 0U);
}

TEST(SharedCores, GuestsThatDoNotFitAreRefused) {
  VirtualizationConfig c = guests(64);
  c.host_offset = memory_end(load_platform("textbook")) - 64 * kMiB;
  EXPECT_THROW(FunctionalMachine(load_platform("textbook"), false, c), InputError);
}

/// Two guests in slices, with and without tags: both machines count the same, and the checker finds nothing wrong.
template <class AMachine, class Run, class SetCr3>
void run_slices(AMachine& machine, Run&& run, SetCr3&& set_cr3) {
  std::vector<std::unique_ptr<TableBuilder>> tables;
  build_guests(machine, tables, set_cr3);
  const std::vector<MemAccess> accesses = random_accesses(4000, kSharedPages * kPageBytes);
  for (size_t at = 0; at < accesses.size(); at += 100) {
    machine.enter_guest(static_cast<unsigned>(at / 100 % machine.guests()->count()));
    for (MemAccess access : std::span(accesses).subspan(at, 100)) {
      access.va = VirtAddr(kVa.raw() + access.va.raw() % ((kSharedPages - 1) * kPageBytes));
      run(access);
    }
  }
}

class SlicesOnBothMachines : public testing::TestWithParam<bool> {};

TEST_P(SlicesOnBothMachines, CountTheSame) {
  const PlatformConfig platform = load_platform("textbook");
  const VirtualizationConfig config = guests(3, /*tags=*/GetParam());
  FunctionalMachine functional(platform, /*paranoid=*/true, config);
  run_slices(
      functional,
      [&](const MemAccess& a) {
        functional.execute({&a, 1});
      },
      [&](uint64_t cr3) { functional.write_cr3(cr3); });
  EXPECT_NE(functional.checker()->translations_checked(), 0U);

  MachineOptions options;
  options.paranoid = true;
  options.virtualization = config;
  Simulation simulation;
  Machine machine("machine", platform, options);
  CallProgram program([&](Core& core) {
    run_slices(
        machine,
        [&](const MemAccess& a) {
          core.execute({&a, 1});
          core.drain();
        },
        [&](uint64_t cr3) { machine.write_cr3(0, cr3); });
  });
  simulation.run(machine, program);
  const MachineTotals f = functional.totals(), t = machine.totals();
  EXPECT_EQ(f.walks, t.walks);
  EXPECT_EQ(f.entry_reads, t.entry_reads);
  EXPECT_EQ(f.host_entry_reads, t.host_entry_reads);
  EXPECT_EQ(f.exits, t.exits);
  EXPECT_EQ(t.exits, 42U) << "39 changes in 40 slices, and three while the tables were built";
  EXPECT_GE(t.cycles, t.exits * config.exit_cycles.count);
}

INSTANTIATE_TEST_SUITE_P(Tags, SlicesOnBothMachines, testing::Bool());

}  // namespace
}  // namespace mmusim
