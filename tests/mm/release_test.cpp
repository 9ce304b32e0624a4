// SPDX-License-Identifier: MIT
// Knowledge of single releases beyond the profile of their series.
#include "mm/release.h"

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

Profile effective(const char* release) {
  const ReleaseProfile known = *profile_of_release(release);
  KernelConfig config = version(known.version);
  config.overrides = known.overrides;
  return effective_profile(config);
}

TEST(Release, OverridesFollowWhatChangedWithinASeries) {
  EXPECT_EQ(effective("6.2.0").page_kernel_ro, 0x8000000000000161u);
  EXPECT_EQ(effective("6.5.0-0.deb12.4-amd64").page_kernel_ro, 0x8000000000000161u);
  EXPECT_EQ(effective("6.6.13").page_kernel_ro, 0x8000000000000121u);
  EXPECT_FALSE(effective("6.6.13").hvo_batches);
  EXPECT_TRUE(effective("6.7.0").hvo_batches);
  EXPECT_FALSE(effective("6.6.13").memmap_on_memory_per_block);
  EXPECT_TRUE(effective("6.7.0").memmap_on_memory_per_block);
  EXPECT_FALSE(effective("6.10.11").offline_page_type);
  EXPECT_TRUE(effective("6.11.0").offline_page_type);
  EXPECT_FALSE(effective("5.12.0").memmap_on_memory);
  EXPECT_TRUE(effective("5.13.0").memmap_on_memory);
  EXPECT_TRUE(effective("5.18.0").memmap_on_memory);
}

TEST(Release, SeriesThatEndedBeforeTheRcuHeadHaveSmallerUsageMaps) {
  for (const char* release : {"5.8.18", "5.9.0", "5.14.0", "5.18.19", "5.19.0", "6.0.12", "6.2.0", "6.5.13"}) {
    EXPECT_EQ(effective(release).section_usage_bytes, 40u) << release;
    EXPECT_EQ(effective(release).subsection_map_offset, 0u) << release;
    EXPECT_EQ(pageblock_bits(effective(release)), 4u) << release;
  }
  for (const char* release : {"5.10.223", "5.15.0", "6.1.192", "6.6.0", "6.12.117"}) {
    EXPECT_EQ(effective(release).section_usage_bytes, 56u) << release;
  }
  KernelConfig config = version(KernelVersion::kV6_18);
  config.overrides.usage_rcu_head = false;
  EXPECT_EQ(effective_profile(config).section_usage_bytes, 72u);
  EXPECT_EQ(pageblock_bits(effective_profile(config)), 8u);
}

TEST(Release, RecordedReleasesHaveNoOverrides) {
  for (const char* release : {"5.10.0-32-amd64", "6.1.0-56-amd64", "6.12.117+deb12-amd64", "6.18.15+deb13-cloud-amd64",
                              "6.19.14+deb13-amd64", "7.0.13+deb13-amd64", "7.1.13", "7.2.12", "7.3.4+deb13-amd64"}) {
    const Profile p = effective(release);
    const Profile& row = profile_of(*version_of_release(release));
    EXPECT_EQ(p.section_usage_bytes, row.section_usage_bytes) << release;
    EXPECT_EQ(p.hvo_batches, row.hvo_batches) << release;
    EXPECT_EQ(p.page_kernel_ro, row.page_kernel_ro) << release;
    EXPECT_FALSE(row.recorded.empty()) << release;
  }
}

TEST(Release, DescriptionNamesProfileRecordingAndDifferences) {
  EXPECT_EQ(describe_release("7.3.4+deb13-amd64"),
            "kernel 7.3.4+deb13-amd64: profile 7.3 (7.3 and later), recorded on 7.3.4");
  EXPECT_EQ(describe_release("6.6.13"),
            "kernel 6.6.13: profile 6.12 (6.2 to 6.14), recorded on 6.12.117; known to differ: without x2APIC, up to "
            "8 CPUs are addressed by a mask, HVO takes folios one by one, memmap_on_memory only for a single memory "
            "block, hot-added pages are PG_reserved until they are "
            "online");
  EXPECT_NE(describe_release("5.8.0").find("no recording of 5.8 or 5.9 can be had"), std::string::npos);
  EXPECT_NE(describe_release("7.0.13").find("pmd_block_free_loses_pages"), std::string::npos);
  EXPECT_NE(describe_release("9.1").find("newer than every recorded kernel"), std::string::npos);
  EXPECT_EQ(describe_release("linux"), "");
}

}  // namespace
}  // namespace mmusim::mm::test
