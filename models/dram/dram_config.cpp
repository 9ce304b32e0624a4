// SPDX-License-Identifier: MIT
#include "models/dram/dram_config.h"

#include <bit>

#include <nlohmann/json.hpp>

namespace mmusim {

namespace {

DramGeometry read_geometry(ConfigReader& r) {
  DramGeometry g;
  r.read("channels", g.channels, 1, 64);
  r.read("ranks", g.ranks, 1, 16);
  r.read("bank_groups", g.bank_groups, 1, 16);
  r.read("banks_per_group", g.banks_per_group, 1, 16);
  r.read_size("row_size", g.row_bytes);
  const auto power_of_two = [&r](const char* key, uint64_t value) {
    r.check(std::has_single_bit(value), key, "{} is no power of two", value);
  };
  power_of_two("ranks", g.ranks);
  power_of_two("bank_groups", g.bank_groups);
  power_of_two("banks_per_group", g.banks_per_group);
  power_of_two("row_size", g.row_bytes);
  r.check(g.row_bytes >= kLineBytes && g.row_bytes <= kMiB, "row_size", "{} bytes, expected 64 B to 1 MiB",
          g.row_bytes);
  return g;
}

DramControllerConfig read_controller(ConfigReader r) {
  DramControllerConfig c;
  r.read("read_queue", c.read_queue, 1, 4096);
  r.read("write_queue", c.write_queue, 1, 4096);
  r.read("write_high_watermark", c.write_high_watermark, 1, 4096);
  r.read("write_low_watermark", c.write_low_watermark, 0, 4096);
  r.read("starvation_cycles", c.starvation_cycles, 1);
  r.read_enum("page_policy", c.page_policy, {{"open", PagePolicy::kOpen}, {"closed", PagePolicy::kClosed}});
  r.check(c.write_high_watermark <= c.write_queue, "write_high_watermark", "{} is more than the queue's {}",
          c.write_high_watermark, c.write_queue);
  r.check(c.write_low_watermark < c.write_high_watermark, "write_low_watermark",
          "{} is not below the high watermark, {}", c.write_low_watermark, c.write_high_watermark);
  r.finish();
  return c;
}

}  // namespace

DramConfig read_dram_config(ConfigReader r) {
  DramConfig c;
  r.read("name", c.name);
  r.ignore("description");
  r.read("tck_ps", c.tck_ps, 1, 1'000'000);
  c.geometry = read_geometry(r);
  if (r.has("timing_cycles")) c.timing = read_dram_timing(r.child("timing_cycles"));
  unsigned channel_bits = 64;
  r.read("channel_bits", channel_bits, 8, 512);
  const uint64_t burst_bytes = uint64_t{2} * c.timing.burst * channel_bits / 8;
  r.check(burst_bytes == kLineBytes, "channel_bits", "a burst of {} cycles on {} bits moves {} bytes, expected {}",
          c.timing.burst, channel_bits, burst_bytes, kLineBytes);
  if (r.has("controller")) c.controller = read_controller(r.child("controller"));
  if (r.has("address_map") || c.geometry.banks() != DramConfig{}.geometry.banks() || c.geometry.channels != 1 ||
      c.geometry.ranks != 1)
    c.address_map = read_address_map(r.child("address_map"), c.geometry);
  r.finish();
  return c;
}

DramConfig load_dram_config(const std::string& path) {
  const nlohmann::json file = parse_json_file(path);
  ConfigErrors errors(path);
  DramConfig config = read_dram_config(ConfigReader(file, "", errors));
  errors.throw_if_any();
  return config;
}

}  // namespace mmusim
