// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_array.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

Translation page_at(uint64_t frame, bool global = false, PageSize size = PageSize::k4K) {
  return Translation({.frame = PhysAddr(frame), .size = size, .global = global});
}

bool holds(const TlbArray& array, uint64_t va, uint16_t pcid, EntryKind kind = EntryKind::k4K) {
  return array.find(VirtAddr(va), kind, pcid) != TlbArray::kNone;
}

TEST(TlbArray, EntryMatchesOnlyItsPcid) {
  TlbArray array({8, 8});
  array.fill(VirtAddr(0x1000), EntryKind::k4K, 1, page_at(0x5000));
  EXPECT_TRUE(holds(array, 0x1fff, 1));
  EXPECT_FALSE(holds(array, 0x1000, 2));
  EXPECT_FALSE(holds(array, 0x2000, 1));
}

TEST(TlbArray, GlobalEntryMatchesEveryPcid) {
  TlbArray array({8, 8});
  array.fill(VirtAddr(0xffffea0000000000), EntryKind::k4K, 1, page_at(0x5000, true));
  EXPECT_TRUE(holds(array, 0xffffea0000000000, 2));
}

TEST(TlbArray, N70GlobalEntryOfAGuestMatchesEveryPcidOfThatGuestOnly) {
  TlbArray array({8, 8});
  const uint16_t one = SpaceTag::kFirstGlobal, other = one + 1;
  array.fill(VirtAddr(0x1000), EntryKind::k4K, SpaceTag(0, one), page_at(0x5000, true));
  EXPECT_NE(array.find(VirtAddr(0x1000), EntryKind::k4K, SpaceTag(1, one)), TlbArray::kNone);
  EXPECT_EQ(array.find(VirtAddr(0x1000), EntryKind::k4K, SpaceTag(2, other)), TlbArray::kNone);
}

TEST(TlbArray, GlobalEntrySurvivesCr3WriteAndLeavesWithPge) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  const ControlState control(registers, {});
  TlbArray array({8, 8});
  array.fill(VirtAddr(0x1000), EntryKind::k4K, 0, page_at(0x5000, true));
  array.fill(VirtAddr(0x2000), EntryKind::k4K, 0, page_at(0x6000));
  EXPECT_EQ(array.invalidate(on_mov_cr3(control, 0x9000)), 1u);
  EXPECT_TRUE(holds(array, 0x1000, 0));
  EXPECT_FALSE(holds(array, 0x2000, 0));
  EXPECT_EQ(array.invalidate(on_mov_cr4(control, registers.cr4 & ~kCr4Pge)), 1u);
  EXPECT_FALSE(holds(array, 0x1000, 0));
}

TEST(TlbArray, Cr3WriteWithBit63KeepsEverything) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pcide;
  const ControlState control(registers, {});
  TlbArray array({8, 8});
  array.fill(VirtAddr(0x2000), EntryKind::k4K, 3, page_at(0x6000));
  EXPECT_EQ(array.invalidate(on_mov_cr3(control, uint64_t{1} << 63 | 3)), 0u);
  EXPECT_EQ(array.invalidate(on_mov_cr3(control, 4)), 0u);  // another PCID
  EXPECT_EQ(array.invalidate(on_mov_cr3(control, 3)), 1u);
}

TEST(TlbArray, InvlpgOfAnyAddressRemovesAFragmentOfALargePage) {
  const ControlState control;
  TlbArray array({8, 8});
  const Translation gib = page_at(kGiB, false, PageSize::k1G);
  array.fill(VirtAddr(4 * kGiB + 2 * kMiB), EntryKind::k2M, 0, gib);  // one 2 MiB piece of a 1 GiB page
  EXPECT_EQ(array.at(0, EntryKind::k2M, VirtAddr(4 * kGiB + 2 * kMiB)).address(VirtAddr(4 * kGiB + 2 * kMiB + 5)),
            PhysAddr(kGiB + 2 * kMiB + 5));
  EXPECT_EQ(array.invalidate(on_invlpg(control, VirtAddr(4 * kGiB + 700 * kMiB))), 1u);
}

TEST(TlbArray, InvlpgOfOneOfFourCoalescedPagesRemovesTheEntry) {
  const ControlState control;
  TlbArray array({8, 8});
  array.fill(VirtAddr(0x4000), EntryKind::k16K, 0, page_at(0x8000));
  EXPECT_EQ(array.invalidate(on_invlpg(control, VirtAddr(0x8000))), 0u);
  EXPECT_EQ(array.invalidate(on_invlpg(control, VirtAddr(0x7123))), 1u);
}

TEST(TlbArray, SerialChangesWheneverASlotDoes) {
  TlbArray array({1, 1});
  const unsigned slot = array.fill(VirtAddr(0x1000), EntryKind::k4K, 0, page_at(0x5000));
  const uint64_t first = array.serial(slot);
  array.fill(VirtAddr(0x2000), EntryKind::k4K, 0, page_at(0x6000));
  const uint64_t second = array.serial(slot);
  array.erase(slot);
  EXPECT_NE(first, second);
  EXPECT_NE(second, array.serial(slot));
}

TEST(TlbArray, ForEachTellsTheAddressBack) {
  TlbArray array({4, 4});
  array.fill(VirtAddr(0xffd4000000200000), EntryKind::k2M, 7, page_at(0x400000, false, PageSize::k2M));
  unsigned seen = 0;
  array.for_each([&](unsigned, VirtAddr va, EntryKind kind, uint16_t pcid, bool global) {
    ++seen;
    EXPECT_EQ(va, VirtAddr(0xffd4000000200000));
    EXPECT_EQ(kind, EntryKind::k2M);
    EXPECT_EQ(pcid, 7);
    EXPECT_FALSE(global);
  });
  EXPECT_EQ(seen, 1u);
}

}  // namespace
}  // namespace mmusim
