// SPDX-License-Identifier: MIT
#include "models/base/phys_mem.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

TEST(PhysMem, UntouchedMemoryReadsZero) {
  PhysMem mem;
  EXPECT_EQ(mem.load64(PhysAddr(0xffffffffff000)), 0u);
  EXPECT_EQ(mem.page(PhysAddr(0x1000)), nullptr);
}

TEST(PhysMem, StoredBytesAreLittleEndianAndCrossChunks) {
  PhysMem mem;
  const PhysAddr edge(0x200000 - 3);
  mem.store(edge, 0x1122334455667788, 8);
  EXPECT_EQ(mem.load(edge, 8), 0x1122334455667788u);
  EXPECT_EQ(mem.load(PhysAddr(0x200000), 1), 0x55u);
}

TEST(PhysMem, FillZeroOfUntouchedMemoryTakesNothing) {
  PhysMem mem;
  mem.fill(PhysAddr(kTiB), 0, kGiB);
  EXPECT_EQ(mem.page(PhysAddr(kTiB)), nullptr);
  mem.fill(PhysAddr(kTiB), 0xff, 3);
  EXPECT_EQ(mem.load64(PhysAddr(kTiB)), 0xffffffu);
}

TEST(PhysMem, FarApartAddressesDoNotAlias) {
  PhysMem mem;
  for (unsigned bit = 12; bit < PhysMem::kAddressBits; ++bit) mem.store64(PhysAddr(uint64_t{1} << bit), bit);
  for (unsigned bit = 12; bit < PhysMem::kAddressBits; ++bit) EXPECT_EQ(mem.load64(PhysAddr(uint64_t{1} << bit)), bit);
}

}  // namespace
}  // namespace mmusim
