// SPDX-License-Identifier: MIT
// Rules of the two-dimensional walk, on the worked examples E1 to E14 of nested-paging section 16.
#include <gtest/gtest.h>

#include "models/x86/nested_translate.h"
#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace test;

constexpr VirtAddr kGuestVa(0x80'4030'2010);

/// Guest tables at GPA 1000 to 4000, page at GPA 5000; nested tables at 200000, leaves of GPA pages 1 to 5 at 203000.
class NestedExample : public ::testing::Test {
 protected:
  void build(NestedKind kind, bool accessed_dirty = true) {
    NestedRegisters r;
    r.kind = kind;
    r.root = kind == NestedKind::kEpt ? 0x20'001e | (accessed_dirty ? ept::kPointerAccessedDirty : 0) : 0x20'0000;
    registers_ = r;
    const uint64_t leaf = kind == NestedKind::kEpt ? 0x37 : 7;
    memory_.entries = {{0x10'1008, 0x2067},    {0x10'2008, 0x3067},    {0x10'3008, 0x4067},   {0x10'4810, 0x5067},
                       {0x20'0000, 0x20'1007}, {0x20'1000, 0x20'2007}, {0x20'2000, 0x20'3007}};
    for (uint64_t page = 1; page <= 5; ++page) leaf_of(page) = (0x10'0000 + page * 0x1000) | leaf;
    guest_ = registers_for(PagingMode::k4Level, 0x1000);
  }
  uint64_t& leaf_of(uint64_t page) { return memory_.entries[0x20'3000 + 8 * page]; }
  uint64_t& pte() { return memory_.entries[0x10'4810]; }

  NestedAccessOutcome translate(AccessType type, unsigned bytes = 8) {
    const ProcessorTraits traits = traits_with(40);
    control_ = NestedControl(registers_, traits);
    return translate_nested(ControlState(guest_, traits), control_, kGuestVa, bytes, type, memory_);
  }
  NestedExit exit(AccessType type) {
    const NestedAccessOutcome outcome = translate(type);
    EXPECT_TRUE(outcome.exit.has_value());
    return outcome.exit ? exit_of(*outcome.exit, control_) : NestedExit{};
  }
  static NestedExit violation(uint64_t qualification, uint64_t gpa) {
    return {ExitReason::kEptViolation, qualification, GuestPhysAddr(gpa), kGuestVa};
  }
  static NestedExit misconfiguration(uint64_t gpa) {
    return {ExitReason::kEptMisconfiguration, 0, GuestPhysAddr(gpa), std::nullopt};
  }
  static NestedExit page_fault(uint64_t information, uint64_t gpa) {
    return {ExitReason::kNestedPageFault, information, GuestPhysAddr(gpa), std::nullopt};
  }

  NestedRegisters registers_;
  NestedControl control_;
  ControlRegisters guest_;
  EntryMap memory_;
};

TEST_F(NestedExample, E1_N21N25EntryReadsDirtyTheLeavesOfGuestTables) {
  build(NestedKind::kEpt);
  const NestedAccessOutcome read = translate(kSupervisorRead);
  EXPECT_EQ(read.first.pa(), PhysAddr(0x10'5010));
  EXPECT_EQ(read.entry_reads, 24U);
  EXPECT_EQ(memory_[0x20'0000], 0x20'1107U);
  EXPECT_EQ(memory_[0x20'2000], 0x20'3107U);
  for (uint64_t page = 1; page <= 4; ++page) EXPECT_EQ(leaf_of(page), (0x10'0037 + page * 0x1000) | 0x300);
  EXPECT_EQ(leaf_of(5), 0x10'5137U);
  EXPECT_EQ(pte(), 0x5067U);
  translate(kSupervisorWrite);
  EXPECT_EQ(leaf_of(5), 0x10'5337U);
}

TEST_F(NestedExample, E2_N25WithoutFlagsNoNestedEntryChanges) {
  build(NestedKind::kEpt, /*accessed_dirty=*/false);
  EXPECT_EQ(translate(kSupervisorWrite).first.pa(), PhysAddr(0x10'5010));
  EXPECT_EQ(memory_.stores, 0U);
}

TEST_F(NestedExample, E3_N21N28ReadingAnEntryNeedsWriteAndReportsBoth) {
  build(NestedKind::kEpt);
  leaf_of(4) = 0x10'4035;
  EXPECT_EQ(exit(kSupervisorRead), violation(0xab, 0x4810));
  EXPECT_EQ(memory_.loads - memory_.stores, 19U);
  for (uint64_t page = 1; page <= 3; ++page) EXPECT_EQ(leaf_of(page) & 0x300, 0x300U);
  EXPECT_EQ(leaf_of(4), 0x10'4035U);
}

TEST_F(NestedExample, E4_N20N22OnlyAFlagUpdateNeedsWriteWithoutNestedFlags) {
  build(NestedKind::kEpt, /*accessed_dirty=*/false);
  leaf_of(4) = 0x10'4035;
  EXPECT_FALSE(translate(kSupervisorRead).exit);
  pte() = 0x5047;
  EXPECT_EQ(exit(kSupervisorRead), violation(0xab, 0x4810));
  EXPECT_EQ(pte(), 0x5047U);
}

TEST_F(NestedExample, E5_N37GuestRightsComeBeforeTheFinalSubWalk) {
  build(NestedKind::kEpt);
  pte() = 0x5065;
  leaf_of(5) = 0x10'5035;
  const NestedAccessOutcome outcome = translate(kSupervisorWrite);
  EXPECT_EQ(outcome.fault, FaultReason::kReadOnly);
  EXPECT_FALSE(outcome.exit);
  EXPECT_EQ(outcome.entry_reads, 20U);
  pte() = 0x5067;
  EXPECT_EQ(exit(kSupervisorWrite), violation(0x7aa, 0x5010));
}

TEST_F(NestedExample, E6_N29N36NestedFailuresHideWhatLiesBelow) {
  build(NestedKind::kEpt);
  leaf_of(3) = 0x10'3030;
  pte() = 0;
  EXPECT_EQ(exit(kSupervisorRead), violation(0x83, 0x3008));
  build(NestedKind::kEpt);
  memory_.entries[0x10'3008] = 0;
  leaf_of(4) = 0;
  const NestedAccessOutcome outcome = translate(kSupervisorRead);
  EXPECT_EQ(outcome.fault, FaultReason::kNotPresent);
  EXPECT_EQ(outcome.entry_reads, 15U);
}

TEST_F(NestedExample, E7_N17ExecuteControlGoesByTheAddressNotTheCpl) {
  build(NestedKind::kEpt);
  registers_.mode_based_execute = true;
  for (const uint64_t upper : {0x20'0000, 0x20'1000, 0x20'2000}) memory_.entries[upper] |= ept::kUserExecute;
  leaf_of(5) = 0x10'5035;
  EXPECT_EQ(exit(kSupervisorFetch), violation(0x7ac, 0x5010));
  leaf_of(5) = 0x10'5031 | ept::kUserExecute;
  EXPECT_FALSE(translate(kSupervisorFetch).exit);
  registers_.mode_based_execute = false;  // then bit 10 is ignored and bit 2 governs all fetches
  EXPECT_EQ(exit(kSupervisorFetch).information & 0x3f, 0x0cU);
}

TEST_F(NestedExample, E8_N10Bit12OfALargeEptLeafIsReserved) {
  build(NestedKind::kEpt);
  memory_.entries[0x20'2000] = 0x40'11b7;
  EXPECT_EQ(exit(kSupervisorRead), misconfiguration(0x1008));
  EXPECT_EQ(memory_.loads, 3U);
  build(NestedKind::kNpt);
  memory_.entries[0x20'2000] = 0x40'11b7;  // a legal NPT leaf: bit 12 is PAT; guest tables are at 400000 then
  for (const uint64_t at : {0x1008, 0x2008, 0x3008, 0x4810})
    memory_.entries[0x40'0000 + at] = memory_.entries[0x10'0000 + at];
  EXPECT_EQ(translate(kSupervisorRead).first.pa(), PhysAddr(0x40'5010));
}

TEST_F(NestedExample, E9_N15MisconfigurationBeatsMissingRights) {
  build(NestedKind::kEpt);
  memory_.entries[0x20'0000] = 0x20'1005;
  leaf_of(1) = 0x10'1017;
  EXPECT_EQ(exit(kSupervisorWrite), misconfiguration(0x1008));
}

TEST_F(NestedExample, E10_N54N55NptFlags) {
  build(NestedKind::kNpt);
  EXPECT_EQ(translate(kSupervisorRead).first.pa(), PhysAddr(0x10'5010));
  EXPECT_EQ(memory_[0x20'0000], 0x20'1027U);
  for (uint64_t page = 1; page <= 4; ++page) EXPECT_EQ(leaf_of(page), (0x10'0007 + page * 0x1000) | 0x60);
  EXPECT_EQ(leaf_of(5), 0x10'5027U);
}

TEST_F(NestedExample, E11_E12_N53N57NptCodes) {
  build(NestedKind::kNpt);
  leaf_of(4) = 0x10'4005;
  EXPECT_EQ(exit(kSupervisorRead), page_fault(0x2'0000'0007, 0x4810));
  build(NestedKind::kNpt);
  leaf_of(5) = 0x10'5003;
  EXPECT_EQ(exit(kSupervisorRead), page_fault(0x1'0000'0005, 0x5010));
  leaf_of(5) = 0;
  EXPECT_EQ(exit(kSupervisorRead), page_fault(0x1'0000'0004, 0x5010));
  EXPECT_EQ(exit(kSupervisorWrite), page_fault(0x1'0000'0006, 0x5010));
  leaf_of(2) = 0;
  EXPECT_EQ(exit(kSupervisorRead), page_fault(0x2'0000'0006, 0x2008));
}

TEST_F(NestedExample, E13_N57N58TheFetchBitFollowsTheHost) {
  build(NestedKind::kNpt);
  leaf_of(5) |= pte::kNoExecute;
  guest_.cr4 |= kCr4Smep;  // the guest's: U/S=1 would be a guest fault
  for (const uint64_t at : {0x10'1008, 0x10'2008, 0x10'3008, 0x10'4810}) memory_.entries[at] &= ~pte::kUser;
  EXPECT_EQ(exit(kSupervisorFetch), page_fault(0x1'0000'0015, 0x5010));
  registers_.host_efer &= ~kEferNxe;
  EXPECT_EQ(exit(kSupervisorFetch), page_fault(0x1'0000'000d, 0x5010));
  registers_.host_cr4 |= kCr4Smep;
  EXPECT_EQ(exit(kSupervisorFetch), page_fault(0x1'0000'001d, 0x5010));
}

TEST_F(NestedExample, E14_N60GuestWpDoesNotLiftNestedReadOnly) {
  build(NestedKind::kNpt);
  guest_.cr0 &= ~kCr0Wp;
  pte() = 0x5065;
  leaf_of(5) = 0x10'5005;
  EXPECT_EQ(exit(kSupervisorWrite), page_fault(0x1'0000'0007, 0x5010));
}

TEST_F(NestedExample, N13EveryCombinationOfRightsInOneEntry) {
  for (const bool execute_only : {false, true}) {
    for (const bool mbec : {false, true}) {
      for (unsigned bits = 0; bits < 16; ++bits) {
        build(NestedKind::kEpt, /*accessed_dirty=*/false);
        registers_.execute_only = execute_only;
        registers_.mode_based_execute = mbec;
        const bool r = (bits & 1) != 0, w = (bits & 2) != 0, x = (bits & 4) != 0, xu = (bits & 8) != 0;
        leaf_of(5) = 0x10'5030 | (bits & 7) | (xu ? ept::kUserExecute : 0);
        const bool present = r || w || x || (mbec && xu);
        const bool bad = present && !r && (w || ((x || (mbec && xu)) && !execute_only));
        const NestedAccessOutcome outcome = translate(kSupervisorRead);
        SCOPED_TRACE(fmt::format("bits {:x} execute-only {} mbec {}", bits, execute_only, mbec));
        ASSERT_EQ(outcome.exit.has_value(), bad || !r);
        if (bad) {
          EXPECT_EQ(exit_of(*outcome.exit, control_).reason, ExitReason::kEptMisconfiguration);
        } else if (!r) {
          EXPECT_EQ(outcome.exit->reason, present ? NestedFaultReason::kNoRead : NestedFaultReason::kNotPresent);
        }
      }
    }
  }
}

TEST_F(NestedExample, N13dMemoryTypesOfLeaves) {
  for (uint64_t type = 0; type < 8; ++type) {
    build(NestedKind::kEpt);
    leaf_of(5) = 0x10'5007 | type << 3;
    const bool bad = type == 2 || type == 3 || type == 7;
    const NestedAccessOutcome outcome = translate(kSupervisorRead);
    ASSERT_EQ(outcome.exit.has_value(), bad) << type;
    EXPECT_TRUE(!bad || outcome.exit->reason == NestedFaultReason::kMemoryType);
  }
}

TEST_F(NestedExample, N9AddressesBeyondTheWidthReadNothing) {
  build(NestedKind::kEpt);
  const ProcessorTraits traits = traits_with(52);
  const NestedControl four(registers_, traits);
  SubWalk walk(four, GuestPhysAddr(uint64_t{1} << 48));
  EXPECT_TRUE(walk.done());
  EXPECT_EQ(walk.fault(), NestedFaultReason::kBeyondWidth);
  registers_.root = (registers_.root & ~uint64_t{0x38}) | ept::kPointer5Levels;
  const NestedControl five(registers_, traits);
  EXPECT_FALSE(SubWalk(five, GuestPhysAddr(uint64_t{1} << 48)).done());
}

TEST_F(NestedExample, N38TheLowerPageIsDoneInBothDimensionsFirst) {
  build(NestedKind::kEpt);
  const auto across = [&] {
    const ProcessorTraits traits = traits_with(40);
    control_ = NestedControl(registers_, traits);
    return translate_nested(ControlState(guest_, traits), control_, kGuestVa.align_down(kPageBytes) + 4092, 8,
                            kSupervisorRead, memory_);
  };
  memory_.entries[0x10'4818] = 0;
  NestedAccessOutcome outcome = across();
  EXPECT_EQ(outcome.fault, FaultReason::kNotPresent);
  EXPECT_EQ(outcome.fault_va, kGuestVa.align_down(kPageBytes) + kPageBytes);
  memory_.entries[0x10'4818] = 0x6067;
  outcome = across();
  ASSERT_TRUE(outcome.exit);
  EXPECT_EQ(outcome.exit->gpa, GuestPhysAddr(0x6000));
  EXPECT_EQ(outcome.exit->gla, kGuestVa.align_down(kPageBytes) + kPageBytes);  // its page base [N-33]
  leaf_of(5) = 0;
  outcome = across();
  ASSERT_TRUE(outcome.exit);
  EXPECT_EQ(outcome.exit->gpa, GuestPhysAddr(0x5ffc));
}

TEST_F(NestedExample, N41MemoryTypesCombine) {
  build(NestedKind::kEpt);
  const auto type_of = [&](uint64_t ept_bits, uint64_t guest_bits) {
    leaf_of(5) = 0x10'5007 | ept_bits;
    pte() = 0x5067 | guest_bits;
    const NestedAccessOutcome outcome = translate(kSupervisorRead);
    return memory_type_of(ControlState(guest_, traits_with(40)), control_, outcome.first.nested,
                          outcome.first.guest.pat_index());
  };
  EXPECT_EQ(type_of(6 << 3, 0), MemoryType::kWriteBack);
  EXPECT_EQ(type_of(6 << 3, pte::kCacheDisable), MemoryType::kUncacheable);  // WB row, UC- column
  EXPECT_EQ(type_of(6 << 3 | ept::kIgnorePat, pte::kCacheDisable), MemoryType::kWriteBack);
  EXPECT_EQ(type_of(1 << 3, pte::kCacheDisable), MemoryType::kWriteCombining);  // WC row, UC- column
  EXPECT_EQ(type_of(4 << 3, 0), MemoryType::kWriteThrough);
  guest_.cr0 |= kCr0Cd;
  EXPECT_EQ(type_of(6 << 3 | ept::kIgnorePat, 0), MemoryType::kUncacheable);
}

TEST_F(NestedExample, N62PaePdptesAreReadThroughNptAtEachWalk) {
  build(NestedKind::kNpt);
  guest_ = registers_for(PagingMode::kPae, 0x1000);
  const ProcessorTraits traits = traits_with(40);
  control_ = NestedControl(registers_, traits);
  memory_.entries = {{0x10'1008, 0x2001},    {0x10'2008, 0x3067},    {0x10'3010, 0x5067},
                     {0x20'0000, 0x20'1007}, {0x20'1000, 0x20'2007}, {0x20'2000, 0x20'3007}};
  for (uint64_t page = 1; page <= 5; ++page) leaf_of(page) = (0x10'0007 + page * 0x1000);
  const auto access = [&] {
    return translate_nested(ControlState(guest_, traits), control_, VirtAddr(0x4020'2010), 8, kSupervisorRead, memory_);
  };
  NestedAccessOutcome outcome = access();
  EXPECT_EQ(outcome.first.pa(), PhysAddr(0x10'5010));
  EXPECT_EQ(outcome.entry_reads, 19U);
  EXPECT_EQ(memory_[0x10'1008], 0x2001U);  // no accessed flag
  memory_.entries[0x10'1008] = 0x2003;
  EXPECT_EQ(access().fault, FaultReason::kReservedBit);
  memory_.entries[0x10'1008] = 0x2002;
  EXPECT_EQ(access().fault, FaultReason::kNotPresent);
}

TEST(NestedExits, N28EveryReasonHasItsInformation) {
  const NestedControl ept({}, traits_with(40));
  NestedRegisters r;
  r.kind = NestedKind::kNpt;
  const NestedControl npt(r, traits_with(40));
  for (unsigned reason = 0; reason < kNestedFaultReasons; ++reason) {
    NestedFault fault;
    fault.reason = static_cast<NestedFaultReason>(reason);
    fault.rights = 7;
    const NestedExit exit = exit_of(fault, ept);
    const bool misconfigured = is_misconfiguration(fault.reason);
    EXPECT_EQ(exit.reason, misconfigured ? ExitReason::kEptMisconfiguration : ExitReason::kEptViolation);
    EXPECT_EQ(exit.information == 0, misconfigured);
    const uint64_t information = exit_of(fault, npt).information;
    EXPECT_EQ((information >> 32 & 1) + (information >> 33 & 1), 1U);
    EXPECT_NE(std::string(name_of(fault.reason)), "?");
  }
  NestedFault load;
  load.use = NestedUse::kPdpteLoad;
  EXPECT_EQ(exit_of(load, ept).information, 1U);  // [N-24]
  load.reason = NestedFaultReason::kNoRead;
  load.rights = 4;
  EXPECT_EQ(exit_of(load, ept).information, 0x21U);
  EXPECT_FALSE(exit_of(load, ept).gla);
}

}  // namespace
}  // namespace mmusim
