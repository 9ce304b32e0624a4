// SPDX-License-Identifier: MIT
#include "models/x86/walk.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

constexpr uint64_t kOpen = pte::kPresent | pte::kWritable | pte::kUser;

/// Tables at 0x10000 * level for `va`, down to a leaf at `leaf_level`; all entries open, A and D clear.
EntryMap tables_for(const ControlState& control, VirtAddr va, unsigned leaf_level) {
  EntryMap memory;
  PhysAddr table = control.root();
  for (unsigned level = control.mode() == PagingMode::kPae ? 2 : control.levels(); level >= leaf_level; --level) {
    const uint64_t leaf = 0x4000'0000 | (level > 1 ? pte::kPageSize : 0);
    const uint64_t target = level == leaf_level ? leaf : uint64_t{0x10000} * level;
    memory.entries[control.entry_pa(table, va, level).raw()] = target | kOpen;
    table = PhysAddr(uint64_t{0x10000} * level);
  }
  return memory;
}

ControlState control_for(PagingMode mode) {
  ControlRegisters registers = registers_for(mode, 0x1000);
  registers.pdpte.fill(0x2000 | pte::kPresent);
  ControlState control(registers, traits_with(40));
  return control;
}

Walk walk_all(const ControlState& control, Walk walk, EntryMap& memory) {
  while (!walk.done()) walk.feed(memory.load_entry(walk.entry_pa(), control.entry_bytes()));
  return walk;
}

using ColdCase = std::tuple<PagingMode, unsigned, unsigned>;  // mode, leaf level, reads

class ColdWalk : public ::testing::TestWithParam<ColdCase> {
 protected:
  ControlState control = control_for(std::get<0>(GetParam()));
  VirtAddr va = control.linear(VirtAddr(0xffffea0012345678));
  unsigned leaf = std::get<1>(GetParam());
  unsigned reads = std::get<2>(GetParam());
};

EntryMap pae_aware_tables(const ControlState& control, VirtAddr va, unsigned leaf) {
  EntryMap memory = tables_for(control, va, leaf);
  if (control.mode() != PagingMode::kPae) return memory;
  EntryMap moved;  // the PDE's table is the one the PDPTE register names
  for (const auto& [pa, entry] : memory.entries) {
    const bool top = pa >= 0x1000 && pa < 0x2000;
    moved.entries[top ? pa + 0x1000 : pa] = entry;
  }
  return moved;
}

TEST_P(ColdWalk, S8_ReadsExactlyTheEntriesOfItsLevels) {
  EntryMap memory = pae_aware_tables(control, va, leaf);
  const Walk walk = walk_all(control, Walk(control, va), memory);
  ASSERT_FALSE(walk.fault());
  EXPECT_EQ(memory.loads, reads);
  EXPECT_EQ(walk.level(), leaf);
  EXPECT_EQ(walk.translation().size(), control.rules(leaf).size);
  EXPECT_EQ(walk.translation().address(va).raw(),
            0x4000'0000U | (va.raw() & (bytes_of(walk.translation().size()) - 1)));
}

TEST_P(ColdWalk, S10_EachSuppliedLevelSavesItsReadsAndChangesNothingElse) {
  EntryMap memory = pae_aware_tables(control, va, leaf);
  const Walk cold = walk_all(control, Walk(control, va), memory);
  for (unsigned i = 0; i + 1 < reads; ++i) {
    const StructureEntry from = Walk::structure_entry(cold.steps()[i]);
    memory.loads = 0;
    const Walk warm = walk_all(control, Walk(control, va, from), memory);
    EXPECT_EQ(memory.loads, reads - (i + 1));
    EXPECT_EQ(warm.translation(), cold.translation());
    EXPECT_EQ(from.level(), cold.steps()[i].level);
  }
}

TEST_P(ColdWalk, S7_AWriteSetsAccessedEverywhereDirtyInTheLeafOnce) {
  EntryMap memory = pae_aware_tables(control, va, leaf);
  const EntryMap before = memory;
  const PageOutcome outcome = translate_page(control, va, kUserWrite, memory);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(memory.stores, reads);
  const uint64_t leaf_pa = walk_all(control, Walk(control, va), memory).steps().back().entry_pa.raw();
  for (const auto& [pa, entry] : before.entries) {
    EXPECT_EQ(memory[pa], entry | pte::kAccessed | (pa == leaf_pa ? pte::kDirty : 0));
  }
  translate_page(control, va, kUserWrite, memory);
  EXPECT_EQ(memory.stores, reads) << "set bits cause no store";
}

TEST_P(ColdWalk, S7_AFaultAtAnyLevelStoresNothing) {
  const EntryMap good = pae_aware_tables(control, va, leaf);
  for (const auto& [pa, entry] : good.entries) {
    EntryMap memory = good;
    memory.entries[pa] = entry & ~pte::kPresent;
    const PageOutcome outcome = translate_page(control, va, kUserWrite, memory);
    EXPECT_EQ(outcome.fault, FaultReason::kNotPresent);
    EXPECT_EQ(memory.stores, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(AllModes, ColdWalk,
                         ::testing::Values(ColdCase{PagingMode::k32Bit, 1, 2}, ColdCase{PagingMode::k32Bit, 2, 1},
                                           ColdCase{PagingMode::kPae, 1, 2}, ColdCase{PagingMode::kPae, 2, 1},
                                           ColdCase{PagingMode::k4Level, 1, 4}, ColdCase{PagingMode::k4Level, 2, 3},
                                           ColdCase{PagingMode::k4Level, 3, 2}, ColdCase{PagingMode::k5Level, 1, 5},
                                           ColdCase{PagingMode::k5Level, 2, 4}, ColdCase{PagingMode::k5Level, 3, 3}));

TEST(Walk, S1_WithoutPagingTheAddressIsPhysicalAndEverythingAllowed) {
  ControlRegisters registers = registers_for(PagingMode::kNone);
  registers.cr4 |= kCr4Smep | kCr4Smap;
  const ControlState control(registers, traits_with(40));
  EntryMap memory;
  for (const AccessType access : {kUserWrite, kSupervisorFetch, kImplicitWrite}) {
    const Outcome outcome = translate(control, VirtAddr(0x1'8000'1234), 4, access, memory);
    ASSERT_FALSE(outcome.fault);
    EXPECT_EQ(outcome.pa.raw(), 0x8000'1234U);
  }
  EXPECT_EQ(memory.loads, 0U);
}

TEST(Walk, S1_APaePdpteThatIsNotPresentFaultsWithoutAnyRead) {
  ControlRegisters registers = registers_for(PagingMode::kPae);
  const ControlState control(registers, traits_with(40));
  EntryMap memory;
  const PageOutcome outcome = translate_page(control, VirtAddr(0xc0000000), kSupervisorRead, memory);
  EXPECT_EQ(outcome.fault, FaultReason::kNotPresent);
  EXPECT_EQ(outcome.level, 3U);
  EXPECT_EQ(memory.loads, 0U);
}

TEST(Walk, S10_RightsAboveAStructureEntryAreTheCachedOnesAndNotReadAgain) {
  const ControlState control = control_for(PagingMode::k4Level);
  const VirtAddr va(0x12345678);
  EntryMap memory = tables_for(control, va, 1);
  const Walk cold = walk_all(control, Walk(control, va), memory);
  const StructureEntry same = Walk::structure_entry(cold.steps()[2]);
  // As if a level above had been read-only and XD when it was cached.
  const StructureEntry from(same.table(), same.level(), Rights(Rights::kUserBit), same.pat_index());
  const Walk warm = walk_all(control, Walk(control, va, from), memory);
  EXPECT_TRUE(warm.translation().rights().no_execute());
  EXPECT_FALSE(warm.translation().rights().writable());
}

TEST(Walk, S10_AStructureEntryMayBeCachedOnlyIfEveryEntryAboveWasAccessed) {
  const ControlState control = control_for(PagingMode::k4Level);
  const VirtAddr va(0x12345678);
  EntryMap memory = tables_for(control, va, 1);
  memory.entries[control.entry_pa(control.root(), va, 4).raw()] |= pte::kAccessed;
  const Walk walk = walk_all(control, Walk(control, va), memory);
  EXPECT_TRUE(walk.steps()[0].all_accessed());
  EXPECT_FALSE(walk.steps()[1].all_accessed());
  EXPECT_FALSE(walk.steps()[3].all_accessed());
}

TEST(Walk, S12_TheTypeOfATableComesFromTheEntryThatReferencesIt) {
  ControlRegisters registers = registers_for(PagingMode::k4Level, 0x1000 | pte::kWriteThrough);
  const ControlState control(registers, traits_with(40));
  const VirtAddr va(0x12345678);
  EntryMap memory = tables_for(control, va, 1);
  memory.entries[control.entry_pa(control.root(), va, 4).raw()] |= pte::kCacheDisable;
  Walk walk(control, va);
  EXPECT_EQ(walk.table_pat_index(), 1U);
  walk.feed(memory.load_entry(walk.entry_pa(), 8));
  EXPECT_EQ(walk.table_pat_index(), 2U);
  EXPECT_EQ(walk.structure_entry().pat_index(), 2U);
}

TEST(Walk, S12_PatBitIsBit7OfAPteAndBit12OfALargeLeaf) {
  const ControlState control = control_for(PagingMode::k4Level);
  const VirtAddr va(0x12345678);
  for (const unsigned leaf : {1U, 2U, 3U}) {
    EntryMap memory = tables_for(control, va, leaf);
    const PhysAddr pa = walk_all(control, Walk(control, va), memory).steps().back().entry_pa;
    memory.entries[pa.raw()] |= (leaf == 1 ? pte::kPatSmall : pte::kPatLarge) | pte::kWriteThrough;
    const Walk walk = walk_all(control, Walk(control, va), memory);
    EXPECT_EQ(walk.translation().pat_index(), 5U) << "leaf at level " << leaf;
    EXPECT_EQ(walk.translation().frame().raw(), 0x4000'0000U);
  }
}

TEST(Walk, S7_ATableThatMapsItselfKeepsAccessedAndDirtyTogether) {
  const ControlState control(registers_for(PagingMode::k4Level, 0x1000), traits_with(40));
  EntryMap memory;
  memory.entries[0x1000 + 511 * 8] = 0x1000 | kOpen;  // recursive slot: all four levels read the same entry
  const VirtAddr va(~uint64_t{0xfff});
  const PageOutcome outcome = translate_page(control, va, kUserWrite, memory);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.translation.frame().raw(), 0x1000U);
  EXPECT_EQ(memory[0x1000 + 511 * 8], 0x1000 | kOpen | pte::kAccessed | pte::kDirty);
}

TEST(Translate, S15_WrapsFromTheTopOfTheAddressSpaceToZero) {
  const ControlState control(registers_for(PagingMode::k4Level, 0x1000), traits_with(40));
  EntryMap memory = tables_for(control, VirtAddr(0), 1);
  for (const auto& [pa, entry] : tables_for(control, VirtAddr(~uint64_t{0}), 1).entries) memory.entries[pa] = entry;
  const Outcome outcome = translate(control, VirtAddr(~uint64_t{3}), 8, kUserRead, memory);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x4000'0ffcU);
  ASSERT_TRUE(outcome.pa2);
  EXPECT_EQ(outcome.pa2->raw(), 0x4000'0000U);
  EXPECT_EQ(outcome.entry_reads, 8U);
}

TEST(Translate, S15_ThirtyTwoBitAddressesWrapAt4Gib) {
  const ControlState control(registers_for(PagingMode::k32Bit, 0x1000), traits_with(40));
  EntryMap memory = tables_for(control, VirtAddr(0), 2);
  for (const auto& [pa, entry] : tables_for(control, VirtAddr(0xffffffff), 2).entries) memory.entries[pa] = entry;
  const Outcome outcome = translate(control, VirtAddr(0xfffffffe), 4, kUserRead, memory);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x403f'fffeU);
  EXPECT_EQ(outcome.pa2.value().raw(), 0x4000'0000U);
}

TEST(LoadPdptes, S1_AReservedBitInAPresentEntryRefusesTheLoad) {
  EntryMap memory;
  memory.entries[0x2020] = ~pte::kPresent;  // not present: nothing is checked
  EXPECT_TRUE(load_pdptes(0x2020, traits_with(40), memory));
  for (const unsigned bit : {1U, 2U, 5U, 6U, 7U, 8U, 40U, 52U, 63U}) {
    memory.entries[0x2028] = 0x5000 | pte::kPresent | uint64_t{1} << bit;
    EXPECT_FALSE(load_pdptes(0x2020, traits_with(40), memory)) << "bit " << bit;
  }
  for (const unsigned bit : {3U, 4U, 9U, 10U, 11U, 12U, 39U}) {
    memory.entries[0x2028] = 0x5000 | pte::kPresent | uint64_t{1} << bit;
    EXPECT_TRUE(load_pdptes(0x2020, traits_with(40), memory)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace mmusim
