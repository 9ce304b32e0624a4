// SPDX-License-Identifier: MIT
// Every bit of every kind of entry, alone, against the format tables of SDM vol. 3A chapter 4 written out as ranges.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/x86/walk.h"
#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

constexpr unsigned kM = 40;

struct Format {
  std::string name;
  PagingMode mode;
  unsigned level;
  bool leaf;
  std::vector<std::pair<unsigned, unsigned>> reserved;  // ranges, both ends included
};

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
      {"long PML5E", PagingMode::k5Level, 5, false, {{7, 7}, {kM, 51}}},
      {"long PML4E", PagingMode::k4Level, 4, false, {{7, 7}, {kM, 51}}},
      {"long PDPTE", PagingMode::k4Level, 3, false, {{kM, 51}}},
      {"long PDPTE 1G", PagingMode::k4Level, 3, true, {{13, 29}, {kM, 51}}},
      {"long PDE", PagingMode::k4Level, 2, false, {{kM, 51}}},
      {"long PDE 2M", PagingMode::k4Level, 2, true, {{13, 20}, {kM, 51}}},
      {"long PTE", PagingMode::k4Level, 1, true, {{kM, 51}}},
      {"PAE PDE", PagingMode::kPae, 2, false, {{kM, 62}}},
      {"PAE PDE 2M", PagingMode::kPae, 2, true, {{13, 20}, {kM, 62}}},
      {"PAE PTE", PagingMode::kPae, 1, true, {{kM, 62}}},
      {"32-bit PDE", PagingMode::k32Bit, 2, false, {}},
      {"32-bit PDE 4M", PagingMode::k32Bit, 2, true, {{21, 21}}},
      {"32-bit PTE", PagingMode::k32Bit, 1, true, {}},
  };
  return all;
}

/// Feeds one present entry at the format's level; whether it is refused as reserved.
bool refused(const ControlState& control, const Format& format, uint64_t bits) {
  const StructureEntry above(PhysAddr(0x5000), format.level + 1, Rights(), 0);
  Walk walk(control, VirtAddr(0), above);
  const uint64_t ps = format.leaf && format.level > 1 ? pte::kPageSize : 0;
  walk.feed(pte::kPresent | ps | bits);
  EXPECT_NE(walk.fault(), FaultReason::kNotPresent);
  return walk.fault() == FaultReason::kReservedBit;
}

std::set<unsigned> refused_bits(const ControlState& control, const Format& format) {
  std::set<unsigned> bits;
  const unsigned width = control.entry_bytes() * 8;
  for (unsigned bit = 1; bit < width; ++bit) {
    if (bit == 7 && !format.leaf && format.level <= 3) continue;  // would make it a leaf: another format
    if (refused(control, format, uint64_t{1} << bit)) bits.insert(bit);
  }
  return bits;
}

std::set<unsigned> expected_bits(const Format& format) {
  std::set<unsigned> bits;
  for (const auto& [first, last] : format.reserved) {
    for (unsigned bit = first; bit <= last; ++bit) bits.insert(bit);
  }
  return bits;
}

TEST(ReservedBits, S4_AreExactlyThoseOfTheFormatTables) {
  for (const Format& format : formats()) {
    const ControlState control(registers_for(format.mode), traits_with(kM));
    EXPECT_EQ(refused_bits(control, format), expected_bits(format)) << format.name;
  }
}

TEST(ReservedBits, S4_Bit63IsReservedWithoutNxeWhereEntriesHaveIt) {
  for (const Format& format : formats()) {
    if (format.mode == PagingMode::k32Bit) continue;
    ControlRegisters registers = registers_for(format.mode);
    registers.efer &= ~kEferNxe;
    const ControlState control(registers, traits_with(kM));
    std::set<unsigned> expected = expected_bits(format);
    expected.insert(63);
    EXPECT_EQ(refused_bits(control, format), expected) << format.name;
  }
}

TEST(ReservedBits, S4_FollowThePhysicalWidth) {
  const Format pte_format = formats()[6];
  for (unsigned m = 36; m <= 52; ++m) {
    const ControlState control(registers_for(PagingMode::k4Level), traits_with(m));
    for (unsigned bit = 36; bit < 52; ++bit) {
      EXPECT_EQ(refused(control, pte_format, uint64_t{1} << bit), bit >= m) << "M " << m << " bit " << bit;
    }
  }
}

TEST(ReservedBits, S4_OneGibLeavesAreReservedOnProcessorsWithoutThem) {
  ProcessorTraits traits = traits_with(kM);
  traits.gib_pages = false;
  const ControlState control(registers_for(PagingMode::k4Level), traits);
  EXPECT_TRUE(refused(control, formats()[3], 0));
  EXPECT_FALSE(refused(control, formats()[2], 0));
}

TEST(ReservedBits, S3_Bit8OfPml4eAndPml5eIsReservedForAmdOnly) {
  for (const Vendor vendor : {Vendor::kIntel, Vendor::kAmd}) {
    ProcessorTraits traits = traits_with(kM);
    traits.vendor = vendor;
    const ControlState control(registers_for(PagingMode::k5Level), traits);
    const bool amd = vendor == Vendor::kAmd;
    EXPECT_EQ(refused(control, formats()[0], pte::kGlobal), amd);
    EXPECT_EQ(refused(control, formats()[1], pte::kGlobal), amd);
    EXPECT_FALSE(refused(control, formats()[2], pte::kGlobal));
    EXPECT_FALSE(refused(control, formats()[4], pte::kGlobal));
  }
}

TEST(ReservedBits, S4_Pse36ReservesWhatThePhysicalWidthCannotReach) {
  for (unsigned m = 32; m <= 42; ++m) {
    const ControlState control(registers_for(PagingMode::k32Bit), traits_with(m));
    for (unsigned bit = 13; bit <= 20; ++bit) {  // bit 13 is address bit 32
      EXPECT_EQ(refused(control, formats()[11], uint64_t{1} << bit), bit + 19 >= m) << "M " << m << " bit " << bit;
    }
  }
}

TEST(ReservedBits, S3_WithoutPseBit7OfA32BitPdeIsIgnored) {
  ControlRegisters registers = registers_for(PagingMode::k32Bit);
  registers.cr4 &= ~kCr4Pse;
  const ControlState control(registers, traits_with(kM));
  Walk walk(control, VirtAddr(0));
  walk.feed(0x7000 | pte::kPresent | pte::kPageSize);
  EXPECT_FALSE(walk.done());
  EXPECT_EQ(walk.entry_pa().raw(), 0x7000U);
}

TEST(ReservedBits, S6_WinOverRightsAndOverNotPresentBelow) {
  const ControlState control(registers_for(PagingMode::k4Level, 0x1000), traits_with(kM));
  EntryMap memory;
  memory.entries[0x1000] = 0x2000 | pte::kPresent | pte::kPageSize;  // no user, not writable, reserved PS
  const PageOutcome outcome = translate_page(control, VirtAddr(0), kUserWrite, memory);
  EXPECT_EQ(outcome.fault, FaultReason::kReservedBit);
  EXPECT_EQ(outcome.level, 4U);
  EXPECT_EQ(memory.loads, 1U);
  EXPECT_EQ(exception_of(*outcome.fault, kUserWrite, control, VirtAddr(0)).error_code, 0xfU);
}

}  // namespace
}  // namespace mmusim
