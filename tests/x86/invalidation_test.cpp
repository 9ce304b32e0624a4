// SPDX-License-Identifier: MIT
// The table of invalidations, applied to a population of cached entries: what stays is listed in full.
#include "models/x86/invalidation.h"

#include <gtest/gtest.h>

#include <string>

#include "models/x86/nested_invalidation.h"
#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

constexpr VirtAddr kVa(0x7f12'3456'7000);
constexpr VirtAddr kSame2M(0x7f12'3450'1000);  // the same 2 MiB as kVa
constexpr VirtAddr kElsewhere(0x1234'5000'0000);

struct Cached {
  const char* name;
  uint16_t pcid;
  bool global;
  VirtAddr va;
  PageSize size;
};

// PCID 5 is the current one, 6 another one.
constexpr Cached kTranslations[] = {
    {"va5", 5, false, kVa, PageSize::k4K},      {"near5", 5, false, kSame2M, PageSize::k4K},
    {"big5", 5, false, kSame2M, PageSize::k2M}, {"far5", 5, false, kElsewhere, PageSize::k4K},
    {"va6", 6, false, kVa, PageSize::k4K},      {"far6", 6, false, kElsewhere, PageSize::k4K},
    {"vaG", 6, true, kVa, PageSize::k4K},       {"farG", 5, true, kElsewhere, PageSize::k4K},
};
constexpr Cached kStructures[] = {
    {"pde5", 5, false, kSame2M, PageSize::k2M},
    {"farpde5", 5, false, kElsewhere, PageSize::k2M},
    {"pde6", 6, false, kSame2M, PageSize::k2M},
};

std::string left(const Invalidation& what) {
  std::string names;
  for (const Cached& c : kTranslations) {
    const uint16_t space = c.global ? SpaceTag::kFirstGlobal : c.pcid;
    if (!removes_translation(what, space, c.global, c.va, c.size)) names += std::string(c.name) + " ";
  }
  names += "|";
  for (const Cached& c : kStructures) {
    if (!removes_structure(what, c.pcid, c.va, shift_of(c.size))) names += std::string(" ") + c.name;
  }
  return names;
}

constexpr const char* kAllLeft = "va5 near5 big5 far5 va6 far6 vaG farG | pde5 farpde5 pde6";
constexpr const char* kNoneLeft = "|";

class InvalidationTable : public ::testing::Test {
 protected:
  InvalidationTable() {
    ControlRegisters r = registers_for(PagingMode::k4Level, 0x1005);
    r.cr4 |= kCr4Pcide | kCr4Pge;
    control = ControlState(r, traits_with(40));
    r.cr4 &= ~kCr4Pcide;
    r.cr3 = 0x1000;
    untagged = ControlState(r, traits_with(40));
  }
  ControlState control;
  ControlState untagged;  // PCIDE=0
};

TEST_F(InvalidationTable, MovCr3KeepsGlobalsAndOtherPcids) {
  EXPECT_EQ(left(on_mov_cr3(control, 0x9005)), "va6 far6 vaG farG | pde6");
  EXPECT_EQ(left(on_mov_cr3(control, 0x9006)), "va5 near5 big5 far5 vaG farG | pde5 farpde5");
  EXPECT_EQ(left(on_mov_cr3(control, 0x9007)), kAllLeft) << "the PCID that is loaded, not the current one";
}

TEST_F(InvalidationTable, MovCr3WithBit63RemovesNothingUnlessPcidesOff) {
  EXPECT_EQ(left(on_mov_cr3(control, kCr3NoInvalidate | 0x9005)), kAllLeft);
  const Invalidation off = on_mov_cr3(untagged, 0x9005);
  EXPECT_EQ(off.pcid, 0U);
  EXPECT_TRUE(removes_translation(off, 0, false, kVa, PageSize::k4K));
  EXPECT_FALSE(removes_translation(off, 0, true, kVa, PageSize::k4K));
  EXPECT_TRUE(removes_structure(off, 0, kVa, 21));
}

TEST_F(InvalidationTable, MovCr4TogglingPgeOrClearingPcideRemovesEverything) {
  const uint64_t cr4 = control.registers().cr4;
  EXPECT_EQ(left(on_mov_cr4(control, cr4 ^ kCr4Pge)), kNoneLeft);
  EXPECT_EQ(left(on_mov_cr4(control, cr4 & ~kCr4Pcide)), kNoneLeft);
  EXPECT_EQ(left(on_mov_cr4(untagged, untagged.registers().cr4 ^ kCr4Pge)), kNoneLeft);
  EXPECT_EQ(left(on_mov_cr4(untagged, untagged.registers().cr4 | kCr4Pcide)), kAllLeft);
}

TEST_F(InvalidationTable, MovCr4SettingSmepRemovesTheCurrentPcidAndGlobals) {
  const uint64_t cr4 = control.registers().cr4;
  EXPECT_EQ(left(on_mov_cr4(control, cr4 | kCr4Smep)), "va6 far6 | pde6");
  ControlRegisters r = control.registers();
  r.cr4 |= kCr4Smep;
  EXPECT_EQ(left(on_mov_cr4({r, {}}, cr4)), kAllLeft) << "clearing it needs nothing";
  EXPECT_EQ(left(on_mov_cr4(control, cr4 | kCr4Smap | kCr4Pke | kCr4Pks)), kAllLeft);
}

TEST_F(InvalidationTable, MovCr0ClearingPgRemovesEverythingAndWpNothing) {
  const uint64_t cr0 = control.registers().cr0;
  EXPECT_EQ(left(on_mov_cr0(control, cr0 & ~kCr0Pg)), kNoneLeft);
  EXPECT_EQ(left(on_mov_cr0(control, cr0 & ~kCr0Wp)), kAllLeft);
}

TEST_F(InvalidationTable, WritingNxeRemovesEverything) {
  EXPECT_EQ(left(on_write_efer(control, control.registers().efer ^ kEferNxe)), kNoneLeft);
  EXPECT_EQ(left(on_write_efer(control, control.registers().efer)), kAllLeft);
}

TEST_F(InvalidationTable, InvlpgRemovesEverySizeAndGlobalsForItsPageAndAllStructuresOfThePcid) {
  EXPECT_EQ(left(on_invlpg(control, kVa)), "near5 far5 va6 far6 farG | pde6");
  EXPECT_EQ(left(on_invlpg(control, VirtAddr(0x8000'0000'0000))), kAllLeft) << "not canonical: no operation";
}

TEST_F(InvalidationTable, InvlpgOnAmdWithTceKeepsStructuresOfOtherAddresses) {
  ControlRegisters r = control.registers();
  ProcessorTraits amd = traits_with(40);
  amd.vendor = Vendor::kAmd;
  EXPECT_EQ(left(on_invlpg({r, amd}, kVa)), "near5 far5 va6 far6 farG | pde6");
  r.efer |= uint64_t{1} << 15;
  EXPECT_EQ(left(on_invlpg({r, amd}, kVa)), "near5 far5 va6 far6 farG | farpde5 pde6");
}

TEST_F(InvalidationTable, InvpcidTypes) {
  EXPECT_EQ(left(*on_invpcid(control, 0, 6, kVa)), "va5 near5 big5 far5 far6 vaG farG | pde5 farpde5");
  EXPECT_EQ(left(*on_invpcid(control, 0, 5, kVa)), "near5 far5 va6 far6 vaG farG | farpde5 pde6");
  EXPECT_EQ(left(*on_invpcid(control, 1, 5, kVa)), "va6 far6 vaG farG | pde6");
  EXPECT_EQ(left(*on_invpcid(control, 2, 0, kVa)), kNoneLeft);
  EXPECT_EQ(left(*on_invpcid(control, 3, 0, kVa)), "vaG farG |");
}

TEST_F(InvalidationTable, InvpcidRefusesWhatTheManualRefuses) {
  EXPECT_FALSE(on_invpcid(control, 4, 0, kVa));
  EXPECT_FALSE(on_invpcid(control, 2, 0x1000, kVa)) << "descriptor bits 63:12";
  EXPECT_FALSE(on_invpcid(control, 0, 5, VirtAddr(0x8000'0000'0000)));
  EXPECT_TRUE(on_invpcid(control, 1, 5, VirtAddr(0x8000'0000'0000)));
  EXPECT_FALSE(on_invpcid(untagged, 0, 1, kVa));
  EXPECT_FALSE(on_invpcid(untagged, 1, 1, kVa));
  EXPECT_TRUE(on_invpcid(untagged, 0, 0, kVa));
  EXPECT_TRUE(on_invpcid(untagged, 2, 1, kVa));
}

TEST_F(InvalidationTable, APageFaultDropsWhatWasCachedForItsPageOnly) {
  EXPECT_EQ(left(on_page_fault(control, kVa + 0x123)), "near5 far5 va6 far6 farG | farpde5 pde6");
}

TEST_F(InvalidationTable, AmdFlushesEverythingOnPseAndPagingChanges) {
  ProcessorTraits amd = traits_with(40);
  amd.vendor = Vendor::kAmd;
  const ControlState on_amd(control.registers(), amd);
  EXPECT_EQ(left(on_mov_cr4(on_amd, control.registers().cr4 ^ kCr4Pse)), kNoneLeft);
  EXPECT_EQ(left(on_mov_cr4(control, control.registers().cr4 ^ kCr4Pse)), kAllLeft);
}

// What the hypervisor's operations leave of a guest's combined mappings, and whether guest-physical ones stay.
TEST(NestedInvalidationTable, N72N76N78N80WhatEachOperationLeaves) {
  const auto left_by = [](const NestedInvalidation& what) { return left(what.combined); };
  EXPECT_EQ(left_by(on_invept()), kNoneLeft);
  EXPECT_TRUE(on_invept().guest_physical);
  EXPECT_EQ(left_by(on_invvpid(/*keep_globals=*/false)), kNoneLeft);
  EXPECT_EQ(left_by(on_invvpid(/*keep_globals=*/true)), "vaG farG |");
  EXPECT_EQ(left_by(on_invvpid_address(1, kVa)), "near5 far5 far6 farG | farpde5");
  EXPECT_EQ(left_by(on_vm_transition(/*tagged=*/true)), kAllLeft);
  EXPECT_EQ(left_by(on_vm_transition(/*tagged=*/false)), kNoneLeft);
  for (const NestedInvalidation& what : {on_invvpid(false), on_invvpid(true), on_invvpid_address(1, kVa),
                                         on_vm_transition(true), on_vm_transition(false)}) {
    EXPECT_FALSE(what.guest_physical);
  }
}

}  // namespace
}  // namespace mmusim
