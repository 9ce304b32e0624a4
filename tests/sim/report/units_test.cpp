// SPDX-License-Identifier: MIT
#include "sim/report/units.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

TEST(Units, ThousandsAreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(~uint64_t{0}), "18,446,744,073,709,551,615");
}

TEST(Units, BytesUseTheLargestUnit) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(4096), "4 KiB");
  EXPECT_EQ(human_bytes(134217728 + 65536), "128.1 MiB");
  EXPECT_EQ(human_bytes(~uint64_t{0}), "16.0 EiB");
}

TEST(Units, CyclesNeedAClockToBeTime) {
  EXPECT_EQ(cycles_as_time(2450000, 2.45), "1 ms");
  EXPECT_EQ(cycles_as_time(2450000, 0), "-");
}

TEST(Units, TableAlignsNumbersRight) {
  TextTable t;
  t.row({"a", "1", "x"});
  t.row({"long", "1,000"});
  EXPECT_EQ(t.text(1), " a         1  x\n long  1,000\n");
}

}  // namespace
}  // namespace mmusim
