// SPDX-License-Identifier: MIT
// The version table against section 9 of the vmemmap specification, and behaviour that differs between versions.
#include "mm/profile.h"

#include "mm/parts.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Profile, NamesAndReleasesFindTheirVersion) {
  EXPECT_EQ(parse_kernel_version("6.12"), KernelVersion::kV6_12);
  EXPECT_EQ(parse_kernel_version("7.x"), KernelVersion::kV7);
  EXPECT_EQ(parse_kernel_version("6.2"), std::nullopt);
  EXPECT_EQ(version_of_release("6.1.0-56-amd64"), KernelVersion::kV6_1);
  EXPECT_EQ(version_of_release("6.12.117+deb12-amd64"), KernelVersion::kV6_12);
  EXPECT_EQ(version_of_release("5.4.0"), KernelVersion::kV5_8);
  EXPECT_EQ(version_of_release("5.15.0-91-generic"), KernelVersion::kV6_1);
  EXPECT_EQ(version_of_release("7.1.3"), KernelVersion::kV7);
  EXPECT_EQ(version_of_release("linux"), std::nullopt);
}

TEST(Profile, TableAgreesWithSection9) {
  const Profile& v5 = profile_of(KernelVersion::kV5_8);
  const Profile& v61 = profile_of(KernelVersion::kV6_1);
  const Profile& v612 = profile_of(KernelVersion::kV6_12);
  const Profile& v7 = profile_of(KernelVersion::kV7);
  EXPECT_TRUE(v5.misaligned_section_rounds && !v61.misaligned_section_rounds && !v7.misaligned_section_rounds);
  EXPECT_TRUE(!v61.altmap_in_fallback && v612.altmap_in_fallback && v7.altmap_in_fallback);
  EXPECT_TRUE(v5.offnode_warning_every_time && !v61.offnode_warning_every_time);
  EXPECT_TRUE(!v5.sync_top_level_at_once && v61.sync_top_level_at_once && v612.sync_top_level_at_once);
  EXPECT_EQ(v5.page_kernel_ro, 0x8000000000000161u);
  EXPECT_EQ(v61.page_kernel_ro, 0x8000000000000161u);
  EXPECT_EQ(v612.page_kernel_ro, 0x8000000000000121u);
  EXPECT_EQ(v7.page_kernel_ro, 0x8000000000000121u);
  EXPECT_TRUE(v5.sparse_buffer && v61.sparse_buffer && v612.sparse_buffer && !v7.sparse_buffer);
  EXPECT_EQ(v5.section_usage_bytes, 40u);
  EXPECT_EQ(v7.section_usage_bytes, 56u);
  EXPECT_TRUE(!v61.offline_page_type && v612.offline_page_type);
  EXPECT_TRUE(v5.usage_near_pgdat && v612.usage_near_pgdat && !v7.usage_near_pgdat);
}

/// The parts of a booted kernel below its facade.
struct Inside {
  explicit Inside(KernelVersion v)
      : config(version(v)), layout(config, 0), memory(phys, layout), parts(config, contiguous(2), memory, &events) {
    EXPECT_TRUE(ok(parts.boot()));
    events.clear();
  }
  KernelConfig config;
  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel::Parts parts;
};

TEST(Profile, P4_MisalignedRangesRoundIn5_8AndAreRefusedLater) {
  Inside old(KernelVersion::kV5_8);
  EXPECT_EQ(old.parts.vmemmap.populate_section_memmap(Pfn(0x100010), 16, 0, {}), VirtAddr(0xffffea0004000000));
  EXPECT_EQ(old.events.leaf_writes(1), 8u);  // rounded to the whole sub-section
  Inside now(KernelVersion::kV6_1);
  EXPECT_EQ(now.parts.vmemmap.populate_section_memmap(Pfn(0x100010), 16, 0, {}), std::nullopt);
  EXPECT_EQ(now.parts.vmemmap.populate_section_memmap(Pfn(0x100000), 16, 0, {}), std::nullopt);
  EXPECT_TRUE(now.events.writes.empty());
  EXPECT_EQ(now.events.lines_with("__populate_section_memmap"), 1u);
}

TEST(Profile, H1_TheFallbackUsesTheAltmapFrom6_2On) {
  for (const auto v : {KernelVersion::kV6_1, KernelVersion::kV6_12}) {
    Inside k(v);
    const VirtAddr start = k.layout.pfn_to_page(Pfn(0x100000));
    // Half of the PMD is populated with base pages, so that the huge loop finds a table.
    ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_basepages(start, start + kPmdBytes / 2, 0, nullptr)));
    k.events.clear();
    Altmap altmap{.base = Pfn(0x100000), .reserve = 0, .free = 1024};
    ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, &altmap)));
    EXPECT_EQ(altmap.alloc, v == KernelVersion::kV6_12 ? 256u : 0u);
  }
}

TEST(Profile, Releases6_19And7_0LoseMostOfAPmdBlock) {
  KernelConfig config = version(KernelVersion::kV7);
  config.overrides.pmd_block_free_loses_pages = true;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  const uint64_t free = m.kernel.counts().free_pages;
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kSection)));
  EXPECT_EQ(m.kernel.counts().leaked_pages, 511u);
  EXPECT_LT(m.kernel.counts().free_pages, free + 8);
}

TEST(Profile, P15_PointReleasesWithoutTheImmediateSync) {
  KernelConfig config;
  config.overrides.sync_top_level_at_once = false;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  const auto top = std::find(m.events.order.rbegin(), m.events.order.rend(), "write:4").base();
  EXPECT_EQ(*top, "read:3");  // straight on to the PUD
}

TEST(Profile, P9_AnExistingLeafIsVerifiedAndKept) {
  Inside k(KernelVersion::kV6_1);
  const VirtAddr start = k.layout.pfn_to_page(Pfn(0x100000));
  ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, nullptr)));
  k.events.clear();
  ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, nullptr)));
  EXPECT_TRUE(k.events.writes.empty());
  EXPECT_STREQ(k.events.reads.back().cause, "vmemmap_verify");
}

}  // namespace
}  // namespace mmusim::mm::test
