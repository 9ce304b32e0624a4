// SPDX-License-Identifier: MIT
// The worked examples of the paging reference, with the numbers written there. MAXPHYADDR is 40, NXE and WP are set,
// SMEP and SMAP too, AC and keys off, unless an example says otherwise.
#include <gtest/gtest.h>

#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

class WorkedExample : public ::testing::Test {
 protected:
  void use(PagingMode mode, uint64_t cr3) {
    registers = registers_for(mode, cr3);
    registers.cr4 |= kCr4Smep | kCr4Smap;
  }
  Outcome run(uint64_t va, unsigned bytes, AccessType access) {
    control = ControlState(registers, traits);
    memory.loads = 0;
    return translate(control, VirtAddr(va), bytes, access, memory);
  }
  /// The error code of a page fault at `cr2`, which must be the outcome.
  uint32_t page_fault(uint64_t va, unsigned bytes, AccessType access, uint64_t cr2) {
    const Outcome outcome = run(va, bytes, access);
    if (!outcome.fault) {
      ADD_FAILURE() << "no fault";
      return 0;
    }
    const Exception exception = exception_of(*outcome.fault, access, control, outcome.fault_va);
    EXPECT_EQ(exception.vector, Vector::kPageFault);
    EXPECT_EQ(exception.cr2.value_or(VirtAddr(1)).raw(), cr2);
    return exception.error_code;
  }

  /// Tables of E1 and its variants.
  void map_e1(uint64_t leaf, uint64_t pml4e = 0x4001007) {
    memory.entries = {{0x2047F0, pml4e}, {0x4001240, 0x4002007}, {0x4002D10, 0x4003007}, {0x4003B38, leaf}};
  }
  /// E3's tables: a 2M page.
  void map_e3(uint64_t leaf, uint64_t pml4e = 0x4001007) {
    memory.entries = {{0x2047F0, pml4e}, {0x4001240, 0x4002007}, {0x4002D10, leaf}};
  }

  ControlRegisters registers;
  ProcessorTraits traits = traits_with(40);
  ControlState control;
  EntryMap memory;
};

TEST_F(WorkedExample, E1_UserReadSetsAccessedAtEveryLevelAndNoDirty) {
  use(PagingMode::k4Level, 0x204000);
  map_e1(0x800000000A123005);
  const Outcome outcome = run(0x00007F123456789A, 4, kUserRead);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x0A12389AU);
  EXPECT_EQ(memory[0x2047F0], 0x4001027U);
  EXPECT_EQ(memory[0x4001240], 0x4002027U);
  EXPECT_EQ(memory[0x4002D10], 0x4003027U);
  EXPECT_EQ(memory[0x4003B38], 0x800000000A123025U);
}

TEST_F(WorkedExample, E2_SupervisorWriteSetsAccessedAndDirtyInOneStore) {
  use(PagingMode::k4Level, 0x204000);
  memory.entries = {
      {0x204888, 0x4001063}, {0x4001000, 0x4002023}, {0x4002488, 0x4003023}, {0x4003A28, 0x800000000A123003}};
  const Outcome outcome = run(0xFFFF888012345678, 8, kSupervisorWrite);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x0A123678U);
  EXPECT_EQ(memory[0x4003A28], 0x800000000A123063U);
  EXPECT_EQ(memory[0x204888], 0x4001063U);
  EXPECT_EQ(memory.stores, 1U);
}

TEST_F(WorkedExample, E3_Bit12OfALargeLeafIsPatAndNotReserved) {
  use(PagingMode::k4Level, 0x204000);
  map_e3(0x0A2010A7);
  const Outcome outcome = run(0x00007F1234567890, 1, kUserFetch);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x0A367890U);
  EXPECT_EQ(memory[0x2047F0], 0x4001027U);
  EXPECT_EQ(memory[0x4001240], 0x4002027U);
}

TEST_F(WorkedExample, E4_NoExecuteInAnyLevelCounts) {
  use(PagingMode::k4Level, 0x204000);
  map_e3(0x0A2000A7, 0x8000000004001007);
  EXPECT_EQ(page_fault(0x00007F1234567890, 1, kUserFetch, 0x00007F1234567890), 0x15U);
  EXPECT_EQ(memory[0x4002D10], 0x0A2000A7U);
}

TEST_F(WorkedExample, E5_ReservedAddressBitOfALargeLeaf) {
  use(PagingMode::k4Level, 0x204000);
  map_e3(0x0A2040A7);
  EXPECT_EQ(page_fault(0x00007F1234567890, 1, kUserRead, 0x00007F1234567890), 0x0DU);
}

TEST_F(WorkedExample, E6_OneGibPageTakesTwoReadsAndIsGlobalOnlyWithPge) {
  use(PagingMode::k4Level, 0x204000);
  memory.entries = {{0x204900, 0x4001003}, {0x4001018, 0x400001E3}};
  const Outcome outcome = run(0xFFFF9000FFC01008, 8, kSupervisorWrite);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x7FC01008U);
  EXPECT_EQ(memory.loads, 2U);
  EXPECT_EQ(memory[0x204900], 0x4001023U);
  const VirtAddr va(0xFFFF9000FFC01008);
  EXPECT_FALSE(translate_page(control, va, kSupervisorWrite, memory).translation.global());
  registers.cr4 |= kCr4Pge;
  EXPECT_TRUE(translate_page(ControlState(registers, traits), va, kSupervisorWrite, memory).translation.global());
}

TEST_F(WorkedExample, E7_SmapIsLiftedByAcForExplicitAccessesOnly) {
  use(PagingMode::k4Level, 0x204000);
  map_e1(0x0A123067);
  const uint64_t va = 0x00007F123456789A;
  EXPECT_EQ(page_fault(va, 4, kSupervisorRead, va), 0x01U);
  registers.ac = true;
  EXPECT_FALSE(run(va, 4, kSupervisorRead).fault);
  EXPECT_EQ(page_fault(va, 4, kImplicitRead, va), 0x01U);
}

TEST_F(WorkedExample, E8_NotPresentHidesRightsAndEveryOtherBit) {
  use(PagingMode::k4Level, 0x204000);
  map_e1(0xFFFFFFFFFFFFFFFE, 0x4001003);
  EXPECT_EQ(page_fault(0x00007F123456789A, 4, kUserWrite, 0x00007F123456789A), 0x06U);
}

TEST_F(WorkedExample, E9_KeyViolationsAreReportedBesideOtherRights) {
  use(PagingMode::k4Level, 0x204000);
  registers.cr4 |= kCr4Pke;
  registers.pkru = 0x800;  // write-disable for key 5
  map_e1(0x280000000A123065);
  const uint64_t va = 0x00007F123456789A;
  EXPECT_EQ(page_fault(va, 4, kUserWrite, va), 0x27U);
  EXPECT_FALSE(run(va, 4, kUserRead).fault);
  registers.pkru = 0x400;  // access-disable
  EXPECT_EQ(page_fault(va, 4, kUserRead, va), 0x25U);
  EXPECT_FALSE(run(va, 4, kUserFetch).fault);
  registers.ac = true;
  EXPECT_EQ(page_fault(va, 4, kSupervisorRead, va), 0x21U);
}

TEST_F(WorkedExample, E10_WithoutWpASupervisorWritesThroughReadOnlyAndSetsDirty) {
  use(PagingMode::k4Level, 0x204000);
  memory.entries = {{0x204888, 0x4001021}, {0x4001000, 0x4002023}, {0x4002488, 0x4003023}, {0x4003A28, 0x0A123001}};
  EXPECT_EQ(page_fault(0xFFFF888012345678, 8, kSupervisorWrite, 0xFFFF888012345678), 0x03U);
  EXPECT_EQ(memory[0x4003A28], 0x0A123001U);
  registers.cr0 &= ~kCr0Wp;
  EXPECT_FALSE(run(0xFFFF888012345678, 8, kSupervisorWrite).fault);
  EXPECT_EQ(memory[0x4003A28], 0x0A123061U);
}

TEST_F(WorkedExample, E11_FiveLevelsTakeFiveReadsAndTheSameAddressIsNotCanonicalWithFour) {
  use(PagingMode::k5Level, 0x205000);
  memory.entries = {{0x205890, 0x4005023},
                    {0x4005340, 0x4001023},
                    {0x4001AC8, 0x4002023},
                    {0x4002E28, 0x4003023},
                    {0x40035E0, 0x0A123063}};
  const uint64_t va = 0xFF12345678ABCDEF;
  const Outcome outcome = run(va, 1, kSupervisorRead);
  ASSERT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.pa.raw(), 0x0A123DEFU);
  EXPECT_EQ(outcome.entry_reads, 5U);

  use(PagingMode::k4Level, 0x205000);
  for (const bool stack : {false, true}) {
    const AccessType access(AccessKind::kRead, Privilege::kSupervisor, stack);
    const Outcome refused = run(va, 1, access);
    ASSERT_TRUE(refused.fault);
    const Exception exception = exception_of(*refused.fault, access, control, refused.fault_va);
    EXPECT_EQ(exception.vector, stack ? Vector::kStackFault : Vector::kGeneralProtection);
    EXPECT_EQ(exception.error_code, 0U);
    EXPECT_FALSE(exception.cr2);
    EXPECT_EQ(memory.loads, 0U);
  }
}

TEST_F(WorkedExample, E12_WithoutNxeBit63IsReservedAndFetchesDoNotSayFetch) {
  use(PagingMode::k4Level, 0x204000);
  registers.efer &= ~kEferNxe;
  registers.cr4 &= ~kCr4Smep;
  map_e1(0x800000000A123067);
  const uint64_t va = 0x00007F123456789A;
  EXPECT_EQ(page_fault(va, 4, kUserRead, va), 0x0DU);
  EXPECT_EQ(page_fault(va, 1, kUserFetch, va), 0x0DU);
}

TEST_F(WorkedExample, E13_PaePdptesAreRegistersWithoutAccessedBits) {
  use(PagingMode::kPae, 0x200020);
  memory.entries = {{0x200038, 0x4001001}, {0x4001028, 0x4002067}, {0x4002008, 0x0A123025}};
  registers.pdpte = load_pdptes(registers.cr3, traits, memory).value();
  EXPECT_EQ(page_fault(0xC0A01234, 4, kUserWrite, 0xC0A01234), 0x07U);
  EXPECT_EQ(memory.loads, 2U);
  EXPECT_FALSE(run(0xC0A01234, 4, kUserRead).fault);
  EXPECT_EQ(memory[0x200038], 0x4001001U);
}

TEST_F(WorkedExample, E14_Pse36AddressesAbove4GibWithinThePhysicalWidth) {
  use(PagingMode::k32Bit, 0x201000);
  memory.entries = {{0x201804, 0x0012C2E3}};
  EXPECT_EQ(run(0x80412345, 1, kSupervisorRead).pa.raw(), 0x96'0001'2345U);
  traits.phys_bits = 36;
  EXPECT_EQ(page_fault(0x80412345, 1, kSupervisorRead, 0x80412345), 0x09U);
}

TEST_F(WorkedExample, E15_ReadOnlyIn32BitPaging) {
  use(PagingMode::k32Bit, 0x201000);
  memory.entries = {{0x201BFC, 0x4001027}, {0x4001004, 0x0A123025}};
  EXPECT_EQ(page_fault(0xBFC01FFC, 4, kUserWrite, 0xBFC01FFC), 0x07U);
}

TEST_F(WorkedExample, E16_FaultOnTheSecondPageNamesItsFirstByte) {
  use(PagingMode::k4Level, 0x204000);
  map_e1(0x0A123007);
  EXPECT_EQ(page_fault(0x00007F1234567FFE, 8, kUserWrite, 0x00007F1234568000), 0x06U);
  EXPECT_EQ(memory[0x4003B38], 0x0A123067U);  // the first page was translated
}

TEST_F(WorkedExample, E17_ANonCanonicalLastByteWinsOverAPageFaultOnTheFirst) {
  use(PagingMode::k4Level, 0x204000);
  const Outcome outcome = run(0x00007FFFFFFFFFFC, 8, kUserRead);
  EXPECT_EQ(outcome.fault, FaultReason::kNonCanonical);
  EXPECT_EQ(memory.loads, 0U);
}

}  // namespace
}  // namespace mmusim
