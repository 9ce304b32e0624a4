// SPDX-License-Identifier: MIT
#include "mm/altmap.h"

#include "mm/device.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Altmap, A9_SelfHostedBlockOf128MiB) {
  Altmap a{.base = Pfn(0x100000), .reserve = 0, .free = 512};
  EXPECT_EQ(a.alloc_block(kPmdBytes), Pfn(0x100000));
  EXPECT_EQ(a.alloc, 512u);
  EXPECT_EQ(a.align, 0u);
  EXPECT_EQ(a.alloc_block(kPageBytes), std::nullopt);
}

TEST(Altmap, A9_NamespaceOf16GiBIsExactlyExhausted) {
  DeviceMemory device{.start = PhysAddr(64 * kGiB), .bytes = 16 * kGiB, .memmap = DeviceMemmap::kDevice};
  Altmap a = Devices::namespace_altmap(device, 64);
  EXPECT_EQ(a.reserve, 2u);
  EXPECT_EQ(a.free, 66046u);
  EXPECT_EQ(a.offset() << kPageShift, 258 * kMiB);
  EXPECT_EQ(a.alloc_block(kPmdBytes), pfn_of(device.start) + 512);
  EXPECT_EQ(a.align, 510u);
  for (unsigned i = 1; i < 128; ++i) EXPECT_TRUE(a.alloc_block(kPmdBytes)) << i;
  EXPECT_EQ(a.alloc, 65536u);
  EXPECT_EQ(a.alloc_block(kPmdBytes), std::nullopt);
}

TEST(Altmap, A9_DataOfANamespaceStartsAtASubsectionHoweverSmallItsAlignment) {
  DeviceMemory device{.start = kFourGib, .bytes = 300 * kMiB, .memmap = DeviceMemmap::kDevice, .align = kPageBytes};
  Altmap a = Devices::namespace_altmap(device, 64);
  EXPECT_EQ(a.offset() << kPageShift, 6 * kMiB);
  EXPECT_TRUE(a.alloc_block(kPmdBytes));  // two whole sections, each a 2 MiB block
  EXPECT_TRUE(a.alloc_block(kPmdBytes));
}

TEST(Altmap, A12_StructPagesMayLeaveNoRoomForData) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  DeviceMemory device{.start = kFourGib, .bytes = kGiB, .memmap = DeviceMemmap::kDevice, .align = kGiB};
  ASSERT_EQ(Devices::namespace_altmap(device, 64).offset() << kPageShift, kGiB);
  EXPECT_TRUE(ok(m.kernel.add_device(device)));
  EXPECT_EQ(m.entry(2, kVmemmapStart), (kFourGib + kPmdBytes).raw() | 0x80000000000001e3);
  device = {.start = kFourGib + 2 * kGiB, .bytes = kPmdBytes, .memmap = DeviceMemmap::kDevice, .align = kGiB};
  EXPECT_EQ(m.kernel.add_device(device), Errno::kInvalid);
}

TEST(Altmap, A10_AlignmentIsNeverReturned) {
  Altmap a{.base = Pfn(0x1000), .reserve = 2, .free = 2000};
  ASSERT_TRUE(a.alloc_block(kPmdBytes));
  a.release(512);
  EXPECT_EQ(a.alloc, 0u);
  EXPECT_EQ(a.align, 510u);
  EXPECT_EQ(a.alloc_block(kPmdBytes), Pfn(0x1200));
}

TEST(MemmapOnMemory, BlockHoldsItsOwnStructPages) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0, true)));
  EXPECT_EQ(m.entry(2, kVmemmapStart), kFourGib.raw() | 0x80000000000001e3);
  EXPECT_EQ(m.kernel.counts().vmemmap_blocks_pages, 16 * 512u);  // no ordinary memory for it
  const uint64_t free = m.kernel.counts().free_pages;
  ASSERT_TRUE(ok(m.kernel.online(kFourGib, kSection)));
  EXPECT_EQ(m.kernel.counts().free_pages, free + 32768 - 512);  // 126 MiB
  EXPECT_NE(m.field(Pfn(0x100000), 0, 8) >> 10 & 1, 0u);        // PG_vmemmap_self_hosted
  EXPECT_EQ(m.field(Pfn(0x100200), 0, 8) >> 10 & 1, 0u);
  ASSERT_TRUE(ok(m.kernel.hot_remove(kFourGib, kSection)));
  EXPECT_EQ(m.events.lines_with("Altmap not fully unmapped"), 0u);
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);
}

/// True if a block that is added with `blocks` - 1 others holds its own struct pages.
bool holds_its_own(const KernelConfig& config, uint64_t blocks) {
  Machine m(config);
  EXPECT_TRUE(ok(m.boot()));
  EXPECT_TRUE(ok(m.kernel.hot_add(kFourGib, blocks * kSection, 0, true)));
  const VirtAddr last = kVmemmapStart + (blocks - 1) * kPmdBytes;
  const bool own = entry_address(m.entry(2, last)) == kFourGib + (blocks - 1) * kSection;
  EXPECT_TRUE(ok(m.kernel.hot_remove(kFourGib, blocks * kSection)));
  return own;
}

TEST(MemmapOnMemory, OneBlockFrom5_19AndSeveralFrom6_7) {
  for (const Profile& p : profiles()) {
    EXPECT_EQ(holds_its_own(version(p.version), 1), p.version >= KernelVersion::kV6_1) << p.name;
    EXPECT_EQ(holds_its_own(version(p.version), 4), p.version >= KernelVersion::kV6_12) << p.name;
  }
}

TEST(MemmapOnMemory, OverridesForReleasesInBetween) {
  KernelConfig config = version(KernelVersion::kV5_10);
  config.overrides.memmap_on_memory = true;  // 5.13 to 5.18
  EXPECT_TRUE(holds_its_own(config, 1));
  EXPECT_FALSE(holds_its_own(config, 4));
  config = version(KernelVersion::kV6_12);
  config.overrides.memmap_on_memory_per_block = false;  // 6.2 to 6.6
  EXPECT_TRUE(holds_its_own(config, 1));
  EXPECT_FALSE(holds_its_own(config, 4));
}

TEST(Device, PmemWithItsMapInTheDevice) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  DeviceMemory device{.start = kFourGib, .bytes = 200 * kMiB, .memmap = DeviceMemmap::kDevice, .vmemmap_shift = 9};
  ASSERT_TRUE(ok(m.kernel.add_device(device)));
  // As recorded: the whole section from the device, 2 MiB into it; the rest of 72 MiB as 288 base pages of RAM.
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0x1002001e3u | 1ull << 63);
  EXPECT_FALSE(entry_leaf(m.entry(2, kVmemmapStart + kPmdBytes)));
  EXPECT_EQ(m.distinct_pages(kVmemmapStart + kPmdBytes, 288 * kPageBytes), 288u);  // altmap: no deduplication [L-15]
  EXPECT_EQ(m.entry(1, kVmemmapStart + kPmdBytes + 288 * kPageBytes), 0u);
  ASSERT_TRUE(ok(m.kernel.remove_device(kFourGib)));
  EXPECT_EQ(m.entry(2, kVmemmapStart), 0u);
  EXPECT_EQ(m.entry(2, kVmemmapStart + kPmdBytes), 0u);
}

TEST(Device, OverlappingDevicesExistAlready) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_device({.start = kFourGib, .bytes = kSection})));
  EXPECT_EQ(m.kernel.add_device({.start = kFourGib + kPmdBytes, .bytes = kPmdBytes}), Errno::kExists);
  EXPECT_EQ(m.kernel.add_device({.start = kFourGib, .bytes = kPmdBytes}), Errno::kExists);
  EXPECT_EQ(m.kernel.remove_device(kFourGib + kPmdBytes), Errno::kInvalid);
}

TEST(Device, L6_PrivateMemoryHasNoDirectMap) {
  Machine m;
  ASSERT_TRUE(ok(m.boot()));
  DeviceMemory device{.start = kFourGib, .bytes = kSection, .device_private = true};
  ASSERT_TRUE(ok(m.kernel.add_device(device)));
  EXPECT_EQ(m.entry(3, m.layout.direct_map(kFourGib)), 0u);
  EXPECT_TRUE(entry_leaf(m.entry(2, kVmemmapStart)));
  EXPECT_EQ(m.field(Pfn(0x100000), 52, 4), 0u);  // [M-4]
}

}  // namespace
}  // namespace mmusim::mm::test
