// SPDX-License-Identifier: MIT
#include "models/dram/dram_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

using testing::HasSubstr;

std::string errors_with(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json file = parse_json_file(std::string(MMUSIM_SOURCE_DIR) + "/configs/dram/reference-ddr4-2400.json");
  file[nlohmann::json::json_pointer(pointer)] = value;
  file = parse_json_text(file.dump(), "dram.json");  // as numbers of a file, not of C++
  ConfigErrors errors("dram.json");
  read_dram_config(ConfigReader(file, "", errors));
  return errors.text();
}

TEST(DramConfig, EveryShippedPartIsReadWithoutError) {
  for (const std::string& name : config_names("dram")) {
    const DramConfig config = shipped_dram(name);
    EXPECT_EQ(config.name, name);
  }
}

TEST(DramConfig, PartsNamedByTheirSpeedMoveThatManyMegatransfers) {
  for (const unsigned speed : {2400u, 2666u, 2933u, 3200u})
    EXPECT_NEAR(2e6 / shipped_dram("ddr4-" + std::to_string(speed)).tck_ps, speed, 2.0);
  for (const unsigned speed : {4800u, 5600u, 6000u})
    EXPECT_NEAR(2e6 / shipped_dram("ddr5-" + std::to_string(speed)).tck_ps, speed, 10.0);
}

TEST(DramConfig, DefaultsAreTheReferenceDevice) {
  const DramConfig file = shipped_dram("reference-ddr4-2400"), defaults;
  EXPECT_EQ(file.tck_ps, defaults.tck_ps);
  EXPECT_EQ(file.timing.cl, defaults.timing.cl);
  EXPECT_EQ(file.timing.faw, defaults.timing.faw);
  EXPECT_EQ(file.timing.rfc, defaults.timing.rfc);
  EXPECT_EQ(file.address_map.row.bits, defaults.address_map.row.bits);
}

TEST(DramConfig, ContradictionsAreNamedWithTheirPlace) {
  EXPECT_EQ(errors_with("/tck_ps", 833), "");
  EXPECT_THAT(errors_with("/timing_cycles/tCCD_S", 3), HasSubstr("/timing_cycles/tCCD_S: 3 is less than the 4"));
  EXPECT_THAT(errors_with("/timing_cycles/tREFI", 430), HasSubstr("/timing_cycles/tREFI: 430 leaves no time"));
  EXPECT_THAT(errors_with("/timing_cycles/tRCD", -1), HasSubstr("/timing_cycles/tRCD: expected a non-negative"));
  EXPECT_THAT(errors_with("/timing_cycles/tXYZ", 1), HasSubstr("/timing_cycles/tXYZ: unknown key"));
  EXPECT_THAT(errors_with("/channel_bits", 32), HasSubstr("/channel_bits: a burst of 4 cycles on 32 bits moves 32"));
  EXPECT_THAT(errors_with("/ranks", 3), HasSubstr("/ranks: 3 is no power of two"));
  EXPECT_THAT(errors_with("/controller/write_low_watermark", 48), HasSubstr("is not below the high watermark"));
  EXPECT_THAT(errors_with("/controller/page_policy", "half"), HasSubstr("unknown value \"half\""));
  EXPECT_THAT(errors_with("/timing_cycles", nlohmann::json::object()), HasSubstr("/timing_cycles/CL: missing"));
}

}  // namespace
}  // namespace mmusim
