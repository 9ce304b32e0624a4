// SPDX-License-Identifier: MIT
#include "sim/recorded/resource_tree.h"

#include <gtest/gtest.h>

#include "models/base/errors.h"

namespace mmusim {
namespace {

PhysRange range(uint64_t start, uint64_t end) { return {PhysAddr(start), PhysAddr(end)}; }

TEST(ResourceTree, ReadsLinesOfProcIomemWithDepthAndExclusiveEnd) {
  const auto tree =
      parse_resources({"100000000-10c7fffff : Persistent Memory", "  100400000-10c7fffff : dax0.0"}, "/x");
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_EQ(tree[0].range, range(0x100000000, 0x10c800000));
  EXPECT_EQ(tree[1].depth, 1U);
  EXPECT_EQ(tree[1].name, "dax0.0");
}

TEST(ResourceTree, RefusesWhatIsNoSuchLine) {
  for (const char* line : {"nonsense", "12-zz : x", "20-10 : backwards", "fffffffffffffffff-0 : too long", "-1 : x"}) {
    EXPECT_THROW(parse_resources({line}, "/x"), InputError) << line;
  }
}

TEST(ResourceTree, DifferenceCutsTheMiddleOutAndKeepsBoundaries) {
  EXPECT_EQ(without({range(0, 100), range(100, 200)}, {range(40, 60), range(190, 300)}),
            (std::vector{range(0, 40), range(60, 100), range(100, 190)}));
  EXPECT_EQ(without({range(0, 100)}, {range(0, 100)}), std::vector<PhysRange>{});
  EXPECT_EQ(without({range(0, 100)}, {}), std::vector{range(0, 100)});
}

TEST(ResourceTree, AddedRamIsWhatTheBootDidNotHave) {
  const auto tree = parse_resources(
      {"00001000-0009fbff : System RAM", "100000000-107ffffff : System RAM", "140000000-147ffffff : Persistent Memory",
       "  140000000-147ffffff : dax0.0", "    140000000-147ffffff : System RAM (kmem)"},
      "/x");
  EXPECT_EQ(added_ram(tree, {range(0x1000, 0x9f000)}),
            (std::vector{range(0x100000000, 0x108000000), range(0x140000000, 0x148000000)}));
}

TEST(ResourceTree, PersistentRegionsKnowWhoClaimedThem) {
  const auto regions = persistent_regions(
      parse_resources({"3a400000-437fffff : Persistent Memory (legacy)", "  3a400000-437fffff : namespace0.0",
                       "100000000-10c7fffff : Persistent Memory", "  100000000-1003fffff : namespace1.0",
                       "  100400000-10c7fffff : dax1.0"},
                      "/x"));
  ASSERT_EQ(regions.size(), 2U);
  EXPECT_TRUE(regions[0].legacy);
  EXPECT_EQ(regions[0].name_space, "namespace0.0");
  EXPECT_TRUE(regions[0].dax_device.empty());
  EXPECT_FALSE(regions[1].legacy);
  EXPECT_EQ(regions[1].dax_device, "dax1.0");
  EXPECT_EQ(regions[1].dax_start, PhysAddr(0x100400000));
}

}  // namespace
}  // namespace mmusim
