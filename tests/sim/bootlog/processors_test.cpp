// SPDX-License-Identifier: MIT
#include "sim/bootlog/processors.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

std::string platform(const char* name, unsigned family, unsigned model, unsigned stepping = 0) {
  const PlatformChoice choice = choose_platform({name, family, model, stepping, ""});
  return choice.platform + (choice.own ? "" : "*");
}
std::string by_name(const char* name, const char* events = "") {
  const PlatformChoice choice = choose_platform({name, {}, {}, {}, events});
  return choice.platform + (choice.own ? "" : "*");
}

TEST(Processors, ServersHaveTheirPlatform) {
  EXPECT_EQ(platform("Intel(R) Xeon(R)", 6, 0x55, 4), "skylake-sp");
  EXPECT_EQ(platform("Intel(R) Xeon(R)", 6, 0x55, 7), "cascade-lake");
  EXPECT_EQ(platform("Intel(R) Xeon(R)", 6, 0x55, 11), "cascade-lake*");  // Cooper Lake
  EXPECT_EQ(platform("Intel(R) Xeon(R)", 6, 0x6a, 6), "icelake-sp");
  EXPECT_EQ(platform("Intel(R) Xeon(R)", 6, 0x8f, 8), "sapphire-rapids");
  EXPECT_EQ(platform("AMD EPYC", 0x17, 0x31), "rome");
  EXPECT_EQ(platform("AMD EPYC", 0x19, 0x01), "milan");
  EXPECT_EQ(platform("AMD EPYC", 0x19, 0x11), "genoa");
  EXPECT_EQ(platform("AMD EPYC", 0x1a, 0x02), "turin");
}

TEST(Processors, NumbersDecideBeforeNames) {
  EXPECT_EQ(platform("Intel(R) Xeon(R) Platinum 8180", 6, 0x6a), "icelake-sp");
  EXPECT_EQ(platform("AMD EPYC 7763", 0x17, 0x31), "rome");
  EXPECT_EQ(by_name("Intel(R) Xeon(R) Platinum 8180"), "skylake-sp");
}

TEST(Processors, RelativesOfTheSameVendor) {
  EXPECT_EQ(platform("Intel(R) Core(TM) i7-8650U", 6, 0x8e, 10), "skylake-sp*");
  EXPECT_EQ(platform("Intel(R) Xeon(R) 6972P", 6, 0xad, 1), "sapphire-rapids*");
  EXPECT_EQ(platform("INTEL(R) XEON(R) GOLD 6530", 6, 0xcf, 2), "sapphire-rapids*");
  EXPECT_EQ(platform("Intel(R) Xeon(R) CPU E7-8890 v3", 6, 0x3f, 4), "skylake-sp*");
  EXPECT_EQ(platform("AMD Ryzen 7 8745HS", 0x19, 0x75, 2), "genoa*");
  EXPECT_EQ(platform("AMD Ryzen 5 5600X", 0x19, 0x21), "milan*");
  EXPECT_EQ(platform("AMD EPYC 7601", 0x17, 0x01), "rome*");
  EXPECT_EQ(platform("Hygon C86 7185", 0x18, 0x01), "rome*");
  EXPECT_EQ(platform("AMD Opteron 6276", 0x15, 0x01), "rome*");
  EXPECT_EQ(platform("Intel(R) something new", 6, 0xff), "sapphire-rapids*");
  EXPECT_EQ(platform("AMD something new", 0x1b, 0x01), "turin*");
}

TEST(Processors, NamesWhereTheLogHasNoNumbers) {
  EXPECT_EQ(by_name("Intel Xeon Processor (Cascadelake)"), "cascade-lake");
  EXPECT_EQ(by_name("Intel Xeon Processor (Icelake)"), "icelake-sp");
  EXPECT_EQ(by_name("Intel Xeon Processor (Skylake, IBRS)"), "skylake-sp");
  EXPECT_EQ(by_name("Intel Xeon Processor (SapphireRapids)"), "sapphire-rapids");
  EXPECT_EQ(by_name("AMD EPYC 9654 96-Core Processor"), "genoa");
  EXPECT_EQ(by_name("AMD EPYC 9755 128-Core Processor"), "turin");
  EXPECT_EQ(by_name("AMD EPYC-Rome Processor"), "rome");
  EXPECT_EQ(by_name("AMD EPYC 7763 64-Core Processor"), "milan");
  EXPECT_EQ(by_name("Intel(R) Xeon(R) CPU X7560 @ 2.27GHz"), "skylake-sp*");
  EXPECT_EQ(by_name("", "Icelake"), "icelake-sp*");
  EXPECT_EQ(by_name("Some other processor"), "milan*");
}

TEST(Processors, EveryModelNumberGivesAShippedPlatformAndAReason) {
  for (const char* vendor : {"Intel", "AMD", "Somebody"}) {
    for (unsigned family = 0; family < 0x20; ++family) {
      for (unsigned model = 0; model < 0x100; ++model) {
        const PlatformChoice choice = choose_platform({vendor, family, model, 1, ""});
        const std::string file = std::string(MMUSIM_SOURCE_DIR) + "/configs/platforms/" + choice.platform + ".json";
        ASSERT_TRUE(std::filesystem::exists(file)) << choice.platform;
        ASSERT_FALSE(choice.reason.empty());
      }
    }
  }
}

}  // namespace
}  // namespace mmusim
