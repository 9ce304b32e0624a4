// SPDX-License-Identifier: MIT
#include "models/dram/address_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

using testing::HasSubstr;

using Place = std::tuple<unsigned, unsigned, uint64_t, uint64_t>;

Place place_of(const AddressMap& map, uint64_t address) {
  const DramLocation where = map.locate(PhysAddr(address));
  return {where.channel, where.bank, where.row, map.column(PhysAddr(address))};
}

/// The errors of reading `text` as the address map of `geometry`.
std::string errors_of(const std::string& text, const DramGeometry& geometry = {}) {
  const nlohmann::json json = parse_json_text(text, "map");
  ConfigErrors errors("map");
  read_address_map(ConfigReader(json, "", errors), geometry);
  return errors.text();
}

TEST(AddressMap, ReferenceMapSlicesTheAddressAsDocumented) {
  const AddressMap map(shipped_dram("reference-ddr4-2400").address_map, {});
  EXPECT_EQ(map.capacity_bytes(), 4 * kGiB);
  const DramLocation where = map.locate(PhysAddr(0x79d55e40));
  EXPECT_EQ(where.channel, 0u);
  EXPECT_EQ(where.row, 0x79d55e40u >> 17);
  EXPECT_EQ(where.bank, ((0x79d55e40u >> 13) & 3) * 4 + ((0x79d55e40u >> 15) & 3)) << "bank group first, then bank";
  EXPECT_EQ(map.column(PhysAddr(0x79d55e40)), (0x79d55e40u >> 6) & 127);
}

TEST(AddressMap, EveryShippedMapIsOneToOneOnDenseAndScatteredLines) {
  const auto names = config_names("dram");
  EXPECT_GE(names.size(), 9u);
  for (const std::string& name : names) {
    DramConfig config = shipped_dram(name);
    for (const unsigned channels : {1u, 6u, 12u}) {
      if (config.address_map.channel_interleave_bytes == 0 && channels != 1) continue;
      config.geometry.channels = channels;
      const AddressMap map(config.address_map, config.geometry);
      std::set<Place> places;
      std::set<uint64_t> lines;
      Random random(channels);
      for (uint64_t i = 0; i < 20000; ++i) lines.insert(i);
      for (uint64_t i = 0; i < 20000; ++i) lines.insert(random.below(map.capacity_bytes()) >> kLineShift);
      for (const uint64_t line : lines) {
        const auto place = place_of(map, line << kLineShift);
        EXPECT_TRUE(places.insert(place).second) << name << " line " << line;
        EXPECT_LT(std::get<0>(place), channels);
        EXPECT_LT(std::get<1>(place), config.geometry.banks());
        EXPECT_LT(std::get<3>(place), config.geometry.row_bytes / kLineBytes);
      }
    }
  }
}

TEST(AddressMap, SmallMapWithXorReachesEveryPlaceExactlyOnce) {
  const DramGeometry g{.channels = 2, .ranks = 2, .bank_groups = 2, .banks_per_group = 2, .row_bytes = 256};
  const std::string text =
      R"({"channel": "6", "column": "7,10", "bank_group": "8", "bank": "9", "rank": "11", "row": "12-14",
      "xor": {"channel": ["12,7"], "bank_group": ["13"], "bank": ["14,12"], "rank": [""]}})";
  EXPECT_EQ(errors_of(text, g), "");
  const nlohmann::json json = parse_json_text(text, "map");
  ConfigErrors errors("map");
  const AddressMap map(read_address_map(ConfigReader(json, "", errors), g), g);
  ASSERT_EQ(map.capacity_bytes(), 1u << 15);
  std::set<Place> places;
  for (uint64_t a = 0; a < map.capacity_bytes(); a += kLineBytes) places.insert(place_of(map, a));
  EXPECT_EQ(places.size(), map.capacity_bytes() / kLineBytes);
  EXPECT_EQ(map.locate(PhysAddr(1 << 12)).channel, 1u) << "one of two XORed bits";
  EXPECT_EQ(map.locate(PhysAddr(1 << 12 | 1 << 7)).channel, 0u) << "both";
  EXPECT_EQ(map.locate(PhysAddr(1 << 14)).bank, 1u) << "bank, the lowest";
  EXPECT_EQ(map.locate(PhysAddr(1 << 13)).bank, 2u) << "bank group, above it";
}

TEST(AddressMap, AnyNumberOfChannelsTakesTurns) {
  DramConfig config = shipped_dram("ddr4-2666");
  config.geometry.channels = 6;
  const AddressMap map(config.address_map, config.geometry);
  for (uint64_t block = 0; block < 100; ++block) EXPECT_EQ(map.locate(PhysAddr(block * 256 + 192)).channel, block % 6);
}

TEST(AddressMap, All52AddressBitsCount) {
  DramConfig config = shipped_dram("ddr5-4800");
  config.geometry.channels = 1;
  const AddressMap map(config.address_map, config.geometry);
  EXPECT_EQ(map.capacity_bytes(), uint64_t{1} << 52);
  for (unsigned bit = kLineShift; bit < 52; ++bit)
    EXPECT_NE(place_of(map, uint64_t{1} << bit), place_of(map, 0)) << "bit " << bit;
}

TEST(AddressMap, MistakesAreNamed) {
  const std::string rest = R"("bank": "15-16", "row": "17-31", "column": "6-12")";
  EXPECT_EQ(errors_of("{\"bank_group\": \"13-14\", " + rest + "}"), "");
  EXPECT_THAT(errors_of("{\"bank_group\": \"13\", " + rest + "}"), HasSubstr("/bank_group: 1 bits do not number 4"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"13-15\", " + rest + "}"), HasSubstr("address bit 15 is used twice"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"13-\", " + rest + "}"), HasSubstr("/bank_group: expected address bits"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"40-41\", " + rest + "}"), HasSubstr("must cover each address bit"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"13-14\", \"xor\": {\"bank\": [\"15\", \"\"]}, " + rest + "}"),
              HasSubstr("maps two addresses to one location"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"13-14\", \"xor\": {\"bank\": [\"17\"]}, " + rest + "}"),
              HasSubstr("/xor/bank: expected a list of 2 strings"));
  EXPECT_THAT(errors_of("{\"bank_group\": \"13-14\", \"channel_interleave\": 100, " + rest + "}"),
              HasSubstr("/channel_interleave: 100 bytes is no power of two"));
}

}  // namespace
}  // namespace mmusim
