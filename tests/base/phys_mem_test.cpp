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

TEST(PhysMem, RunsOfStoresGoOnFromChunkToChunkAndLeaveTheRestZero) {
  constexpr uint64_t kChunk = 2 * kMiB;
  PhysMem mem;
  for (uint64_t at = kChunk; at < 3 * kChunk + kPageBytes; at += 512) mem.store64(PhysAddr(at), at);
  for (uint64_t at = kChunk; at < 3 * kChunk + kPageBytes; at += 512) {
    ASSERT_EQ(mem.load64(PhysAddr(at)), at);
    ASSERT_EQ(mem.load64(PhysAddr(at + 8)), 0u);
  }
  EXPECT_EQ(mem.load64(PhysAddr(4 * kChunk - 8)), 0u) << "the rest of the chunk the run has begun";
}

TEST(PhysMem, ALineIsWhereItsBytesAre) {
  PhysMem mem;
  mem.store(PhysAddr(0x12344), 0xa1b2, 2);
  std::byte* const line = mem.line(PhysAddr(0x12355));
  EXPECT_EQ(PhysMem::load_at(line + 4, 2), 0xa1b2u);
  PhysMem::store_at(line + 56, 0x1122334455667788, 8);
  EXPECT_EQ(mem.load64(PhysAddr(0x12378)), 0x1122334455667788u);
}

TEST(PhysMem, FarApartAddressesDoNotAlias) {
  PhysMem mem;
  for (unsigned bit = 12; bit < PhysMem::kAddressBits; ++bit) mem.store64(PhysAddr(uint64_t{1} << bit), bit);
  for (unsigned bit = 12; bit < PhysMem::kAddressBits; ++bit) EXPECT_EQ(mem.load64(PhysAddr(uint64_t{1} << bit)), bit);
}

}  // namespace
}  // namespace mmusim
