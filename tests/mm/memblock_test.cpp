// SPDX-License-Identifier: MIT
#include "mm/memblock.h"

#include <gtest/gtest.h>

namespace mmusim::mm {
namespace {

MemoryMap two_nodes() {
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(0x10000), 0}, {Pfn(0x10000), Pfn(0x20000), 1}};  // 256 MiB each
  return map;
}
constexpr PhysAddr kNone{0};
constexpr PhysAddr kMin{16 * kMiB};

TEST(Memblock, A2_ScansFromTheHighestFreeRangeDown) {
  Memblock m(two_nodes());
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, std::nullopt), PhysAddr(0x1ffff000));
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, std::nullopt), PhysAddr(0x1fffe000));  // descending
  EXPECT_EQ(m.alloc_try_nid(0x200000, 0x200000, kMin, kNone, std::nullopt), PhysAddr(0x1fc00000));
  // A smaller request fills the gap above the aligned block.
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, std::nullopt), PhysAddr(0x1fffd000));
}

TEST(Memblock, A2_SizesThatAreNoMultipleOfTheAlignmentEndUnaligned) {
  Memblock m(two_nodes());
  EXPECT_EQ(m.alloc_try_nid(224, 64, kNone, kNone, 0), PhysAddr(0xfffff00));
}

TEST(Memblock, A1_PrefersTheNodeThenAnyNodeThenGivesUpTheMinimum) {
  Memblock m(two_nodes());
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, 0), PhysAddr(0xffff000));
  m.reserve(kMin, 0x10000000 - kMin.raw());  // node 0 above 16 MiB is full: the other node comes before low memory
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, 0), PhysAddr(0x1ffff000));
  m.reserve(PhysAddr(0x10000000), 0x10000000);
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kMin, kNone, 0), PhysAddr(0xfff000));
}

TEST(Memblock, A4_ExactNodeNeverAnswersFromAnother) {
  Memblock m(two_nodes());
  m.reserve(PhysAddr(0x10000000), 0x10000000);
  EXPECT_EQ(m.alloc_exact_nid(0x200000, 0x200000, kMin, 1), std::nullopt);
}

TEST(Memblock, A1_NeverGivesPageZero) {
  MemoryMap map;
  map.memory = {{Pfn(0), Pfn(2), 0}};
  Memblock m(map);
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kNone, kNone, 0), PhysAddr(0x1000));
  EXPECT_EQ(m.alloc_try_nid(0x1000, 0x1000, kNone, kNone, 0), std::nullopt);
}

TEST(Memblock, LimitKeepsAnAllocationInItsSection) {
  Memblock m(two_nodes());
  const auto usage = m.alloc_try_nid(56, 64, PhysAddr(0x8000000), PhysAddr(0x10000000), 0);
  EXPECT_EQ(usage, PhysAddr(0xfffffc0));
}

TEST(Memblock, ReservationsMergeAndFreeSplitsThem) {
  Memblock m(two_nodes());
  m.reserve(PhysAddr(0x1000), 0x1000);
  m.reserve(PhysAddr(0x3000), 0x1000);
  m.reserve(PhysAddr(0x2000), 0x1000);
  ASSERT_EQ(m.reserved().size(), 1u);
  EXPECT_EQ(m.reserved()[0].end, PhysAddr(0x4000));
  m.free(PhysAddr(0x2000), 0x800);
  ASSERT_EQ(m.reserved().size(), 2u);
  EXPECT_FALSE(m.is_reserved(PhysAddr(0x27ff)));
  EXPECT_TRUE(m.is_reserved(PhysAddr(0x2800)));
}

TEST(Memblock, NodeOfAnAddressOutsideMemoryIsUnknown) {
  Memblock m(two_nodes());
  EXPECT_EQ(m.node_of(PhysAddr(0xfffffff)), 0u);
  EXPECT_EQ(m.node_of(PhysAddr(0x10000000)), 1u);
  EXPECT_EQ(m.node_of(PhysAddr(0x20000000)), std::nullopt);
}

}  // namespace
}  // namespace mmusim::mm
