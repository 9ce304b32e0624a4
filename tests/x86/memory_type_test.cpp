// SPDX-License-Identifier: MIT
#include "models/x86/memory_type.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

using enum MemoryType;

TEST(MemoryTypes, S12_CombineIsTheManualsTable) {
  constexpr MemoryType kColumns[] = {kUncacheable,  kUncacheableMinus, kWriteCombining,
                                     kWriteThrough, kWriteBack,        kWriteProtected};
  struct Row {
    MemoryType mtrr;
    const char* effective[6];
  };
  constexpr Row kRows[] = {
      {kUncacheable, {"UC", "UC", "WC", "UC", "UC", "UC"}},    {kWriteCombining, {"UC", "WC", "WC", "UC", "WC", "UC"}},
      {kWriteThrough, {"UC", "UC", "WC", "WT", "WT", "WP"}},   {kWriteBack, {"UC", "UC", "WC", "WT", "WB", "WP"}},
      {kWriteProtected, {"UC", "WC", "WC", "WT", "WP", "WP"}},
  };
  for (const Row& row : kRows) {
    for (unsigned i = 0; i < 6; ++i) {
      EXPECT_STREQ(name_of(combine(row.mtrr, kColumns[i])), row.effective[i])
          << name_of(row.mtrr) << " with " << name_of(kColumns[i]);
    }
  }
}

TEST(MemoryTypes, S12_PatAtResetIsWbWtUcMinusUcTwice) {
  const char* expected[] = {"WB", "WT", "UC-", "UC", "WB", "WT", "UC-", "UC"};
  for (unsigned i = 0; i < 8; ++i) EXPECT_STREQ(name_of(pat_type(kPatAtReset, i)), expected[i]);
  EXPECT_TRUE(is_valid_pat(kPatAtReset));
  EXPECT_FALSE(is_valid_pat(kPatAtReset ^ 4));
  EXPECT_FALSE(is_valid_pat(0x0300));
  EXPECT_FALSE(is_valid_pat(uint64_t{8} << 56));
}

TEST(MemoryTypes, DefaultIsWriteBackSubjectToPat) {
  const MemoryTypes types;
  EXPECT_EQ(types.at(PhysAddr(0x1000), 0), kWriteBack);
  EXPECT_EQ(types.at(PhysAddr(0x1000), 1), kWriteThrough);
  EXPECT_EQ(types.at(PhysAddr(0x1000), 3), kUncacheable);
}

TEST(MemoryTypes, CacheDisableMakesEverythingUncacheable) {
  const MemoryTypes types(Mtrrs{}, kPatAtReset, /*cache_disable=*/true);
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(types.at(PhysAddr(0), i), kUncacheable);
}

TEST(Mtrrs, DisabledMeansUncacheableEverywhere) {
  Mtrrs mtrrs;
  ASSERT_TRUE(mtrrs.set_default(6));  // E=0
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x1234'5000)), kUncacheable);
}

TEST(Mtrrs, VariableRangesMatchByMaskAndUcWinsWtBeatsWb) {
  Mtrrs mtrrs;
  ASSERT_TRUE(mtrrs.set_default(0x800));  // enabled, UC
  constexpr uint64_t kMask1G = 0xf'ffff'c000'0000 | 0x800;
  constexpr uint64_t kMask512M = 0xf'ffff'e000'0000 | 0x800;
  constexpr uint64_t kMask256M = 0xf'ffff'f000'0000 | 0x800;
  ASSERT_TRUE(mtrrs.add_variable(0x0000'0006, kMask1G));
  ASSERT_TRUE(mtrrs.add_variable(0x2000'0004, kMask512M));
  ASSERT_TRUE(mtrrs.add_variable(0x3000'0000, kMask256M));
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x1fff'f000)), kWriteBack);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x2000'0000)), kWriteThrough);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x3000'0000)), kUncacheable);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x4000'0000)), kUncacheable) << "default type";
  ASSERT_TRUE(mtrrs.add_variable(0x4000'0006, kMask1G & ~uint64_t{0x800}));
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x4000'0000)), kUncacheable) << "V=0";
}

TEST(Mtrrs, FixedRangesWinBelow1MibWhenEnabled) {
  Mtrrs mtrrs;
  ASSERT_TRUE(mtrrs.set_default(0xc06));
  ASSERT_TRUE(mtrrs.set_fixed(0, 0x0606'0606'0606'0604));   // 00000-0ffff WT
  ASSERT_TRUE(mtrrs.set_fixed(2, 0x0101'0101'0101'0101));   // a0000-bffff WC
  ASSERT_TRUE(mtrrs.set_fixed(10, 0x0600'0000'0000'0000));  // ff000 WB
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x0'f000)), kWriteThrough);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x1'0000)), kWriteBack);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x9'f000)), kUncacheable);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0xb'f000)), kWriteCombining);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0xf'f000)), kWriteBack);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0xf'e000)), kUncacheable);
  EXPECT_EQ(mtrrs.type_at(PhysAddr(0x10'0000)), kWriteBack);
}

TEST(Mtrrs, RefuseReservedEncodings) {
  Mtrrs mtrrs;
  EXPECT_FALSE(mtrrs.set_default(0x802));
  EXPECT_FALSE(mtrrs.set_default(0x807)) << "UC- is not an MTRR type";
  EXPECT_FALSE(mtrrs.set_default(0x1006));
  EXPECT_FALSE(mtrrs.set_fixed(0, 3));
  EXPECT_FALSE(mtrrs.set_fixed(11, 0));
  EXPECT_FALSE(mtrrs.add_variable(0x102, 0x800));
  EXPECT_EQ(mtrrs.uniform(), kWriteBack) << "refused writes change nothing";
}

}  // namespace
}  // namespace mmusim
