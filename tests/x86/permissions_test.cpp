// SPDX-License-Identifier: MIT
// The permission rules, all combinations, against the manual's sentences written as one formula.
#include <gtest/gtest.h>

#include "models/x86/fault.h"
#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

struct Setting {
  bool wp, nxe, smep, smap, ac;
  ControlState control() const {
    ControlRegisters r = registers_for(PagingMode::k4Level);
    if (!wp) r.cr0 &= ~kCr0Wp;
    if (!nxe) r.efer &= ~kEferNxe;
    if (smep) r.cr4 |= kCr4Smep;
    if (smap) r.cr4 |= kCr4Smap;
    r.ac = ac;
    return {r, ProcessorTraits{}};
  }
};

/// SDM vol. 3A 4.6.1.
bool manual_allows(const Setting& s, bool u, bool w, bool x, AccessType a) {
  const bool executable = !s.nxe || !x;
  if (a.is_user()) {
    switch (a.kind()) {
      case AccessKind::kRead:
        return u;
      case AccessKind::kWrite:
        return u && w;
      case AccessKind::kFetch:
        return u && executable;
    }
  }
  const bool ac_counts = a.privilege() == Privilege::kSupervisor && s.ac;
  switch (a.kind()) {
    case AccessKind::kRead:
      return !u || !s.smap || ac_counts;
    case AccessKind::kWrite:
      return (!u || !s.smap || ac_counts) && (w || !s.wp);
    case AccessKind::kFetch:
      return executable && (!u || !s.smep);
  }
  return false;
}

template <class Fn>
void for_each_setting(Fn&& fn) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    fn(Setting{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0});
  }
}

template <class Fn>
void for_each_access(Fn&& fn) {
  for (const Privilege privilege : {Privilege::kSupervisor, Privilege::kUser, Privilege::kImplicit}) {
    for (const AccessKind kind : {AccessKind::kRead, AccessKind::kWrite, AccessKind::kFetch})
      fn(AccessType{kind, privilege});
  }
}

TEST(Permissions, S5_EveryCombinationFollowsTheManual) {
  unsigned checked = 0;
  for_each_setting([&](const Setting& setting) {
    const ControlState control = setting.control();
    for (uint8_t bits = 0; bits < Rights::kCombinations; ++bits) {
      const Translation t({.rights = Rights(bits)});
      for_each_access([&](AccessType access) {
        const bool expected =
            manual_allows(setting, t.rights().user(), t.rights().writable(), t.rights().no_execute(), access);
        EXPECT_EQ(!check_rights(control, t, access), expected);
        ++checked;
      });
    }
  });
  EXPECT_EQ(checked, 32U * 8 * 9);
}

TEST(Permissions, S6_TheReasonNamesARuleThatIsBroken) {
  for_each_setting([&](const Setting& setting) {
    const ControlState control = setting.control();
    for (uint8_t bits = 0; bits < Rights::kCombinations; ++bits) {
      const Translation t({.rights = Rights(bits)});
      for_each_access([&](AccessType access) {
        const auto reason = check_rights(control, t, access);
        if (!reason) return;
        switch (*reason) {
          case FaultReason::kSupervisorPage:
            EXPECT_TRUE(access.is_user() && !t.rights().user());
            break;
          case FaultReason::kReadOnly:
            EXPECT_TRUE(access.is_write() && !t.rights().writable());
            EXPECT_TRUE(access.is_user() || setting.wp);
            break;
          case FaultReason::kNoExecute:
            EXPECT_TRUE(access.is_fetch() && t.rights().no_execute() && setting.nxe);
            break;
          case FaultReason::kSmep:
            EXPECT_TRUE(access.is_fetch() && !access.is_user() && t.rights().user() && setting.smep);
            break;
          case FaultReason::kSmap:
            EXPECT_TRUE(!access.is_fetch() && !access.is_user() && t.rights().user() && setting.smap);
            break;
          default:
            ADD_FAILURE() << name_of(*reason);
        }
      });
    }
  });
}

TEST(Permissions, S6_ErrorCodeBitsDescribeTheAccess) {
  for_each_setting([&](const Setting& setting) {
    const ControlState control = setting.control();
    for_each_access([&](AccessType access) {
      const uint32_t code = exception_of(FaultReason::kNotPresent, access, control, VirtAddr(0x1234)).error_code;
      EXPECT_EQ((code & kErrorPresent) != 0, false);
      EXPECT_EQ((code & kErrorWrite) != 0, access.kind() == AccessKind::kWrite);
      EXPECT_EQ((code & kErrorUser) != 0, access.privilege() == Privilege::kUser);
      EXPECT_EQ((code & kErrorFetch) != 0, access.kind() == AccessKind::kFetch && (setting.smep || setting.nxe));
    });
  });
}

TEST(Permissions, S6_In32BitPagingOnlySmepMakesAFetchShow) {
  ControlRegisters r = registers_for(PagingMode::k32Bit);
  const VirtAddr va(0x1234);
  EXPECT_EQ(exception_of(FaultReason::kNotPresent, kUserFetch, {r, {}}, va).error_code, kErrorUser);
  r.cr4 |= kCr4Smep;
  EXPECT_EQ(exception_of(FaultReason::kNotPresent, kUserFetch, {r, {}}, va).error_code, kErrorUser | kErrorFetch);
}

TEST(Rights, S5_CombineByAndOfUserAndWritableAndOrOfNoExecute) {
  const auto together = [](std::initializer_list<uint64_t> entries) {
    uint64_t all = ~uint64_t{0};
    for (const uint64_t entry : entries) all &= entry ^ pte::kNoExecute;
    return Rights::of_entries(all);
  };
  const Rights open = together({pte::kWritable | pte::kUser});
  EXPECT_TRUE(open.user() && open.writable() && !open.no_execute());
  const Rights narrow = together({pte::kWritable | pte::kUser, pte::kUser | pte::kNoExecute});
  EXPECT_TRUE(narrow.user());
  EXPECT_FALSE(narrow.writable());
  EXPECT_TRUE(narrow.no_execute());
  EXPECT_FALSE(together({pte::kWritable | pte::kUser, pte::kWritable}).user());
}

TEST(Rights, S5_WhatTheyAreMadeOfSaysTheSame) {
  for (uint8_t bits = 0; bits < Rights::kCombinations; ++bits) {
    EXPECT_EQ(Rights::of_entries(Rights(bits).entries()), Rights(bits));
    EXPECT_NE(Rights(bits).entries() & pte::kAccessed, 0U);  // it says nothing of anything else
  }
}

/// SDM vol. 3A 4.6.2, all of it.
TEST(ProtectionKeys, S5_1_EveryCombinationFollowsTheManual) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    const bool pke = bits & 1, pks = bits & 2, wp = bits & 4, user_page = bits & 8;
    const uint32_t pkru = bits >> 4 & 3, pkrs = bits >> 6 & 3;
    ControlRegisters r = registers_for(PagingMode::k4Level);
    if (!wp) r.cr0 &= ~kCr0Wp;
    if (pke) r.cr4 |= kCr4Pke;
    if (pks) r.cr4 |= kCr4Pks;
    constexpr uint8_t kKey = 11;
    r.pkru = pkru << (2 * kKey);
    r.pkrs = pkrs << (2 * kKey);
    const ControlState control(r, {});
    const Rights rights(user_page ? 7 : 5);
    for_each_access([&](AccessType access) {
      const uint32_t used = user_page ? (pke ? pkru : 0) : (pks ? pkrs : 0);
      const bool writes = access.is_write() && (access.is_user() || wp);
      const bool denied = !access.is_fetch() && ((used & 1) != 0 || ((used & 2) != 0 && writes));
      EXPECT_EQ(control.key_denies(rights, kKey, access), denied);
      EXPECT_FALSE(control.key_denies(rights, kKey - 1, access));
    });
  }
}

TEST(ProtectionKeys, S5_1_DoNotExistOutsideLongMode) {
  for (const PagingMode mode : {PagingMode::kPae, PagingMode::k32Bit}) {
    ControlRegisters r = registers_for(mode);
    r.cr4 |= kCr4Pke | kCr4Pks;
    r.pkru = r.pkrs = ~0U;
    EXPECT_FALSE(ControlState(r, {}).key_denies(Rights(7), 0, kUserRead)) << name_of(mode);
  }
}

}  // namespace
}  // namespace mmusim
