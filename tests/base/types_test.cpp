// SPDX-License-Identifier: MIT
#include "models/base/types.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Convertible = requires(void (*take)(A), B b) {
  take(b);
};

// What must not compile: mixing address spaces, adding moments, treating a bare number as an address.
static_assert(!Convertible<VirtAddr, PhysAddr>);
static_assert(!Convertible<PhysAddr, uint64_t>);
static_assert(!Addable<CycleTime, CycleTime>);
static_assert(!Addable<PhysAddr, PhysAddr>);
static_assert(Addable<CycleTime, Cycles>);

TEST(Types, MomentsDifferByALength) { EXPECT_EQ(CycleTime(12) - CycleTime(5), Cycles(7)); }

TEST(Types, AddressesPrintAlikeEverywhere) {
  EXPECT_EQ(fmt::format("{} {}", VirtAddr(0xffffea0004000000), PhysAddr(0x1000)), "0xffffea0004000000 0x1000");
}

TEST(Types, AlignUpWrapsPastTheTop) { EXPECT_EQ(VirtAddr(0xffffffffffffffff).align_up(kPageBytes), VirtAddr(0)); }

}  // namespace
}  // namespace mmusim
