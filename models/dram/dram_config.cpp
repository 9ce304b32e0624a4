// SPDX-License-Identifier: MIT
#include "models/dram/dram_config.h"

#include <algorithm>
#include <bit>

#include <nlohmann/json.hpp>

namespace mmusim {

namespace {

DramGeometry read_geometry(ConfigReader& r) {
  DramGeometry g;
  r.read({"channels", "Channels, each with a controller of its own; a DDR5 subchannel is one.", "channels"}, g.channels,
         1, 64);
  r.read({"ranks", "Ranks of a channel, a power of two.", "ranks"}, g.ranks, 1, 16);
  r.read({"bank_groups", "Bank groups of a rank, a power of two.", "bank groups"}, g.bank_groups, 1, 16);
  r.read({"banks_per_group", "Banks of a bank group, a power of two.", "banks"}, g.banks_per_group, 1, 16);
  r.read_size({"row_size", "Row of a rank, all its chips together, a power of two.", "bytes"}, g.row_bytes, kLineBytes,
              kMiB);
  const auto power_of_two = [&r](const char* key, uint64_t value) {
    r.check(std::has_single_bit(value), key, "{} is no power of two", value);
  };
  power_of_two("ranks", g.ranks);
  power_of_two("bank_groups", g.bank_groups);
  power_of_two("banks_per_group", g.banks_per_group);
  power_of_two("row_size", g.row_bytes);
  return g;
}

DramControllerConfig read_controller(ConfigReader r) {
  DramControllerConfig c;
  r.read({"read_queue", "Reads that a channel holds.", "requests"}, c.read_queue, 1, 4096);
  r.read({"write_queue", "Writes that a channel holds.", "requests"}, c.write_queue, 1, 4096);
  r.read({"write_high_watermark", "From so many queued writes on, writes go first.", "requests"},
         c.write_high_watermark, 1, 4096);
  r.read({"write_low_watermark", "Writes go first until so few are left.", "requests"}, c.write_low_watermark, 0, 4096);
  r.read({"starvation_cycles", "Age from which the oldest request goes before row hits.", "DRAM cycles"},
         c.starvation_cycles, 1);
  r.read_enum({"page_policy", "Rows stay open, or close after the last queued request for them."}, c.page_policy,
              {{"open", PagePolicy::kOpen}, {"closed", PagePolicy::kClosed}});
  r.check(c.write_high_watermark <= c.write_queue, "write_high_watermark", "{} is more than the queue's {}",
          c.write_high_watermark, c.write_queue);
  r.check(c.write_low_watermark < c.write_high_watermark, "write_low_watermark",
          "{} is not below the high watermark, {}", c.write_low_watermark, c.write_high_watermark);
  r.finish();
  return c;
}

/// Checks that a request can be served between two refreshes. A refresh closes all banks of its rank, so a row that is
/// opened must get its column command before the next one falls due, or the request starts again, for ever.
///
/// Of tREFI, the rank's own refresh takes tRFC and tRP after the longest time that an open bank holds it up. In the worst
/// case each other rank's takes that longest time too, because no command of another rank comes before its
/// precharge-all. Then the request needs tRCD, and its column command waits at most for the data bus to turn around.
void check_refresh_interval(ConfigReader& r, const DramConfig& c) {
  const DramTiming& t = c.timing;
  if (t.refi == 0) return;
  const uint64_t hold = std::max<uint64_t>(t.ras, uint64_t{t.rcd} + std::max(t.cwl + t.burst + t.wr, t.rtp));
  const uint64_t turn = std::max({uint64_t{t.cwl} + t.burst + std::max(t.wtr_l, t.rtrs),
                                  uint64_t{t.cl} + t.burst + std::max(t.rtw, t.rtrs), uint64_t{t.burst} + t.rtrs,
                                  uint64_t{t.ccd_l}, uint64_t{t.ccd_l_wr}});
  const uint64_t slots = uint64_t{2} * c.geometry.ranks * (t.act_slots + t.column_slots);
  const uint64_t needed = c.geometry.ranks * hold + t.ppd + t.rp + t.rfc + t.rcd + turn + slots;
  r.check(
      t.refi > needed, "timing_cycles/tREFI",
      "{} leaves no time for a request beside the refreshes of {} ranks: {} x {} (longest that an open bank holds a "
      "refresh up) + tPPD {} + tRP {} + tRFC {} + tRCD {} + {} (data bus turned around) + {} (command bus) = {}, "
      "expected more than that",
      t.refi, c.geometry.ranks, c.geometry.ranks, hold, t.ppd, t.rp, t.rfc, t.rcd, turn, slots, needed);
}

}  // namespace

DramConfig read_dram_config(ConfigReader r) {
  DramConfig c;
  std::string description;
  r.read({"name", "Name in messages."}, c.name);
  r.read({"description", "One line for `mmusim presets`."}, description);
  r.read({"tck_ps", "Clock period; a pin moves two bits in it.", "ps"}, c.tck_ps, 1, 1'000'000);
  c.geometry = read_geometry(r);
  r.optional_child(
      {"timing_cycles", "Timing parameters under their JEDEC names, in DRAM cycles; without it, DDR4-2400."},
      [&](ConfigReader timing) { c.timing = read_dram_timing(std::move(timing)); });
  unsigned channel_bits = 64;
  r.read({"channel_bits", "Data pins of a channel; a burst on them moves 64 bytes.", "bits"}, channel_bits, 8, 512);
  const uint64_t burst_bytes = uint64_t{2} * c.timing.burst * channel_bits / 8;
  r.check(burst_bytes == kLineBytes, "channel_bits", "a burst of {} cycles on {} bits moves {} bytes, expected {}",
          c.timing.burst, channel_bits, burst_bytes, kLineBytes);
  c.controller = read_controller(r.child({"controller", "Queues and rules of the memory controller."}));
  const DramGeometry reference;
  const bool other = c.geometry.banks() != reference.banks() || c.geometry.channels != 1 || c.geometry.ranks != 1;
  // Each slice of a map that is given must be given: parts of the reference map would not fit it.
  const AddressMapConfig slices = r.has("address_map") || other ? AddressMapConfig::empty() : AddressMapConfig{};
  c.address_map = read_address_map(
      r.child({"address_map", "Which address bits pick channel, rank, bank group, bank, row and column."}), c.geometry,
      slices);
  check_refresh_interval(r, c);
  r.ignore("source");
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
