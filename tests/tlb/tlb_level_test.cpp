// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_level.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mmusim {
namespace {

TlbConfig tlb(const std::string& text) {
  const auto json = parse_json_text(text, "tlb.json");
  ConfigErrors errors("tlb.json");
  const TlbConfig config = read_tlb_config(ConfigReader(json, "", errors));
  errors.throw_if_any();
  return config;
}

Translation page(uint64_t frame, PageSize size) { return Translation({.frame = PhysAddr(frame), .size = size}); }

unsigned resident(TlbLevel& level, unsigned pages) {
  unsigned hits = 0;
  for (uint64_t i = 0; i < pages; ++i) hits += level.probe(VirtAddr(i * kPageBytes), 0) ? 1 : 0;
  return hits;
}

TEST(TlbLevel, TwoBanksHoldAsManyBasePagesAsBothTogether) {
  TlbLevel level(tlb(R"({"arrays": [{"entries": 1024, "ways": 8, "pages": ["4K", "2M"]},
                                     {"entries": 1024, "ways": 8, "pages": ["4K", "1G"]}]})"),
                 1);
  for (uint64_t i = 0; i < 2048; ++i)
    level.fill({VirtAddr(i * kPageBytes), 0}, page(kGiB + i * kPageBytes, PageSize::k4K), false);
  EXPECT_EQ(resident(level, 2048), 2048u);
}

TEST(TlbLevel, CoalescedEntryAnswersForFourPages) {
  TlbLevel level(tlb(R"({"coalesce_4k_by_4": true, "arrays": [{"entries": 4, "ways": 4, "pages": ["4K"]}]})"), 1);
  level.fill({VirtAddr(0x5000), 0}, page(0x9000, PageSize::k4K), /*coalescible=*/true);
  for (uint64_t i = 0; i < 4; ++i) {
    const auto hit = level.probe(VirtAddr(0x4000 + i * kPageBytes + 1), 0);
    ASSERT_TRUE(hit);
    EXPECT_EQ(hit->translation.address(VirtAddr(0x4000 + i * kPageBytes + 1)), PhysAddr(0x8000 + i * kPageBytes + 1));
  }
  EXPECT_FALSE(level.probe(VirtAddr(0x8000), 0));
}

TEST(TlbLevel, GibPageIsSmashedWhereNothingHoldsIt) {
  TlbLevel smashing(tlb(R"({"smash_1g_into_2m": true, "arrays": [{"entries": 4, "ways": 4, "pages": ["4K", "2M"]}]})"),
                    1);
  smashing.fill({VirtAddr(kGiB + 5 * kMiB), 0}, page(3 * kGiB, PageSize::k1G), false);
  ASSERT_TRUE(smashing.probe(VirtAddr(kGiB + 5 * kMiB), 0));
  EXPECT_FALSE(smashing.probe(VirtAddr(kGiB + 7 * kMiB), 0));
  TlbLevel without(tlb(R"({"arrays": [{"entries": 4, "ways": 4, "pages": ["4K", "2M"]}]})"), 1);
  EXPECT_FALSE(without.fill({VirtAddr(kGiB), 0}, page(3 * kGiB, PageSize::k1G), false));
}

TEST(TlbLevel, AFlushReachesEveryArray) {
  TlbLevel level(
      tlb(R"({"arrays": [{"entries": 4, "ways": 4, "pages": ["4K"]}, {"entries": 4, "ways": 4, "pages": ["2M"]},
                                     {"entries": 4, "ways": 4, "pages": ["1G"]}]})"),
      1);
  const VirtAddr small(0), large(2 * kMiB), huge(kGiB);
  level.fill({small, 0}, page(0x1000, PageSize::k4K), false);
  level.fill({large, 0}, page(4 * kMiB, PageSize::k2M), false);
  level.fill({huge, 0}, page(3 * kGiB, PageSize::k1G), false);
  for (const VirtAddr va : {small, large, huge}) ASSERT_TRUE(level.probe(va, 0)) << va.raw();
  Invalidation everything;
  everything.tlb = InvalidationScope::kAll;
  EXPECT_EQ(level.invalidate(everything), 3u);
  for (const VirtAddr va : {small, large, huge}) EXPECT_FALSE(level.probe(va, 0)) << va.raw();
}

TEST(TlbLevel, PdesShareTheEntriesWithTranslations) {
  TlbLevel level(tlb(R"({"holds_pdes": true, "arrays": [{"entries": 2, "ways": 2, "pages": ["4K", "2M"]}]})"), 1);
  const StructureEntry pde(PhysAddr(0x7000), 2, Rights(), 0);
  level.put_structure(VirtAddr(0x200000), 0, pde);
  EXPECT_EQ(level.find_structure(VirtAddr(0x3fffff), 0), pde);
  EXPECT_FALSE(level.probe(VirtAddr(0x200000), 0));  // not a translation
  level.fill({VirtAddr(0x1000), 0}, page(0x1000, PageSize::k4K), false);
  level.fill({VirtAddr(0x2000), 0}, page(0x2000, PageSize::k4K), false);
  EXPECT_FALSE(level.find_structure(VirtAddr(0x200000), 0));
}

TEST(TlbLevel, TranslationsComeBeforePdes) {
  TlbLevel level(tlb(R"({"holds_pdes": true, "arrays": [{"entries": 3, "ways": 3, "pages": ["4K", "2M"]}]})"), 1);
  level.fill({VirtAddr(0x1000), 0}, page(0x1000, PageSize::k4K), false);
  level.fill({VirtAddr(0x2000), 0}, page(0x2000, PageSize::k4K), false);
  level.put_structure(VirtAddr(0x200000), 0, {PhysAddr(0x7000), 2, Rights(), 0});
  ASSERT_TRUE(level.find_structure(VirtAddr(0x200000), 0));  // a use that does not make it younger
  level.fill({VirtAddr(0x3000), 0}, page(0x3000, PageSize::k4K), false);
  EXPECT_FALSE(level.find_structure(VirtAddr(0x200000), 0));
  for (const uint64_t va : {0x1000U, 0x2000U, 0x3000U}) EXPECT_TRUE(level.probe(VirtAddr(va), 0)) << va;
}

TEST(TlbConfig, ContradictionsAreNamedWithTheirPlace) {
  try {
    tlb(R"({"arrays": [{"entries": 64, "ways": 3, "pages": ["4K", "3K"]}], "size": 1})");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_EQ(std::string(e.what()),
              "tlb.json: /arrays/0/ways: 3 ways do not divide 64 entries\n"
              "tlb.json: /arrays/0/pages: unknown page size 3K, expected 4K, 2M or 1G\n"
              "tlb.json: /size: unknown key, expected one of arrays, coalesce_4k_by_4, hit_penalty_cycles, holds_pdes, "
              "smash_1g_into_2m, source");
  }
}

}  // namespace
}  // namespace mmusim
