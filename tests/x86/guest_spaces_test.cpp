// SPDX-License-Identifier: MIT
// Tags of guests that share a core: what each operation of the hypervisor and of a guest removes, and what it keeps,
// applied to entries of four guests. nested-paging 10 and 11.
#include "models/x86/guest_spaces.h"

#include <gtest/gtest.h>

#include <string>

#include "models/x86/nested_control.h"
#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

constexpr VirtAddr kPage(0x7f12'3456'7000);
constexpr uint64_t kTables1 = 0x10'0000, kTables2 = 0x20'0000;

struct Named {
  const char* name;
  GuestTag guest;
};
// a and b are two virtual CPUs of one machine, so they share nested tables; d runs without a VPID.
constexpr Named kSpaces[] = {{"a", {1, kTables1}}, {"b", {2, kTables1}}, {"c", {3, kTables2}}, {"d", {0, kTables2}}};

class SharedCore : public testing::Test {
 protected:
  /// What stays of a translation in PCID 5, one in PCID 6 and a global one of each guest, all of kPage.
  std::string left(const Invalidation& what, const GuestScope& scope) {
    std::string names;
    for (const Named& n : kSpaces) {
      for (const uint16_t pcid : {uint16_t{5}, uint16_t{6}}) spaces_.tag(n.guest, pcid);
    }
    const Invalidation confined = spaces_.confine(what, scope);
    for (const Named& n : kSpaces) {
      for (const uint16_t pcid : {uint16_t{5}, uint16_t{6}}) {
        const SpaceTag space = spaces_.tag(n.guest, pcid).value();
        const bool goes = removes_translation(confined, space.own, /*global=*/false, kPage, PageSize::k4K);
        EXPECT_EQ(goes, removes_structure(confined, space.own, kPage, 21)) << "structure caches lose the same spaces";
        if (!goes) names += n.name + std::to_string(pcid) + " ";
      }
      const SpaceTag space = spaces_.tag(n.guest, 5).value();
      if (!removes_translation(confined, space.global, /*global=*/true, kPage, PageSize::k4K))
        names += std::string(n.name) + "G ";
    }
    return names;
  }
  std::string left(const NestedInvalidation& what) { return left(what.combined, what.guests); }

  GuestSpaces spaces_;
};

TEST_F(SharedCore, N66N67TagsDifferByVpidTablesAndPcid) {
  const SpaceTag a5 = spaces_.tag({1, kTables1}, 5).value();
  EXPECT_EQ(spaces_.tag({1, kTables1}, 5), a5);
  EXPECT_NE(spaces_.tag({1, kTables1}, 6)->own, a5.own);
  EXPECT_NE(spaces_.tag({2, kTables1}, 5)->own, a5.own);
  EXPECT_NE(spaces_.tag({1, kTables2}, 5)->own, a5.own);
}

TEST_F(SharedCore, N70GlobalTranslationsAreOfOneVpidAndOneEp4ta) {
  const uint16_t global = spaces_.tag({1, kTables1}, 5)->global;
  EXPECT_EQ(spaces_.tag({1, kTables1}, 6)->global, global);
  EXPECT_NE(spaces_.tag({2, kTables1}, 5)->global, global);
  EXPECT_NE(spaces_.tag({1, kTables2}, 5)->global, global);
}

TEST_F(SharedCore, N72GuestOperationsReachTheirOwnVpidOnly) {
  ControlRegisters r = registers_for(PagingMode::k4Level, 0x1005);
  r.cr4 |= kCr4Pcide | kCr4Pge;
  const ControlState control(r, traits_with(40));
  const GuestScope of_a = GuestScope::of_vpid(1);
  EXPECT_EQ(left(on_invlpg(control, kPage), of_a), "a6 b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(on_mov_cr3(control, 0x9005), of_a), "a6 aG b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(on_mov_cr4(control, r.cr4 & ~kCr4Pge), of_a), "b5 b6 bG c5 c6 cG d5 d6 dG ");
}

TEST_F(SharedCore, N72InvvpidByVpidAcrossAllEp4tas) {
  EXPECT_EQ(left(on_invvpid_address(1, kPage)), "b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(on_invvpid_address(1, kPage + kGiB)), "a5 a6 aG b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(on_invvpid(1, /*keep_globals=*/false)), "b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(on_invvpid(3, /*keep_globals=*/true)), "a5 a6 aG b5 b6 bG cG d5 d6 dG ");
  EXPECT_EQ(left(on_invvpid(/*keep_globals=*/false)), "d5 d6 dG ") << "type 2: every VPID but 0";
}

TEST_F(SharedCore, N72InveptByEp4taAcrossAllVpids) {
  EXPECT_EQ(left(on_invept(kTables1 | 0x1e)), "c5 c6 cG d5 d6 dG ") << "low bits of the EPTP are no tag";
  EXPECT_EQ(left(on_invept()), "");
}

TEST_F(SharedCore, N72VmTransitionsRemoveVpid0OrNothing) {
  EXPECT_EQ(left(on_vm_transition(/*tagged=*/false)), "a5 a6 aG b5 b6 bG c5 c6 cG ");
  EXPECT_EQ(left(on_vm_transition(/*tagged=*/true)), "a5 a6 aG b5 b6 bG c5 c6 cG d5 d6 dG ");
}

TEST_F(SharedCore, N78N80AmdOperationsByAsid) {
  EXPECT_EQ(left(*on_tlb_control(0, 1)), "a5 a6 aG b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(*on_tlb_control(1, 1)), "");
  EXPECT_EQ(left(*on_tlb_control(3, 1)), "b5 b6 bG c5 c6 cG d5 d6 dG ");
  EXPECT_EQ(left(*on_tlb_control(7, 1)), "aG b5 b6 bG c5 c6 cG d5 d6 dG ");
  for (const unsigned reserved : {2U, 4U, 5U, 6U, 8U, 255U}) {
    EXPECT_FALSE(on_tlb_control(static_cast<uint8_t>(reserved), 1)) << reserved;
  }
  EXPECT_FALSE(on_tlb_control(0, 1)->guest_physical);
  EXPECT_TRUE(on_tlb_control(3, 1)->guest_physical) << "[N-77]: they belong to the ASID";
}

TEST_F(SharedCore, N73OperandsThatFail) {
  const ControlState control(registers_for(PagingMode::k4Level, 0x1000), traits_with(40));
  for (const uint64_t type : {0, 1, 3}) EXPECT_FALSE(invvpid(type, 0, kPage, control)) << type;
  EXPECT_TRUE(invvpid(2, 0, kPage, control));
  EXPECT_FALSE(invvpid(4, 1, kPage, control));
  EXPECT_FALSE(invvpid(2, 0x1'0001, kPage, control)) << "bits 63:16";
  EXPECT_FALSE(invvpid(0, 1, VirtAddr(0x8000'0000'0000), control));
  EXPECT_TRUE(invvpid(1, 1, VirtAddr(0x8000'0000'0000), control));
  EXPECT_TRUE(invept(1, kTables1 | 0x1e, 40));
  EXPECT_FALSE(invept(1, kTables1 | 0x1f, 40)) << "memory type 7";
  EXPECT_TRUE(invept(2, 0, 40));
  EXPECT_FALSE(invept(0, kTables1 | 0x1e, 40));
  EXPECT_FALSE(invept(3, kTables1 | 0x1e, 40));
}

TEST_F(SharedCore, TheNumbersEndAndCanBeFreed) {
  for (unsigned pcid = 0; pcid < SpaceTag::kFirstGlobal; ++pcid) {
    ASSERT_TRUE(spaces_.tag({1, kTables1}, static_cast<uint16_t>(pcid)));
  }
  EXPECT_TRUE(spaces_.tag({1, kTables1}, 7)) << "has a number";
  EXPECT_FALSE(spaces_.tag({2, kTables1}, 0));
  spaces_.forget();
  EXPECT_TRUE(spaces_.tag({2, kTables1}, 0));
}

}  // namespace
}  // namespace mmusim
