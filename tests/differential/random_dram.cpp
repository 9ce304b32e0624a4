// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/differential/random_platform.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

constexpr unsigned kAddressBits = 34;  // 16 GiB: more than any case takes

/// Timing around that of DDR4-2400, each number on its own between half and half as much again.
ordered_json timing(Dice& dice, unsigned burst) {
  const auto around = [&dice](uint64_t typical) {
    return std::max<uint64_t>(1, dice.between(typical / 2, typical * 3 / 2));
  };
  ordered_json t;
  const uint64_t cwl = around(12), rcd = around(17), rp = around(17), ras = around(39);
  t["CL"] = std::max(around(17), cwl);
  t["CWL"] = cwl;
  t["BL/2"] = burst;
  t["tRCD"] = rcd;
  t["tRP"] = rp;
  t["tRAS"] = ras;
  t["tRC"] = ras + dice.between(0, 30);
  const uint64_t ccd = burst + dice.skewed(0, 4);
  t["tCCD_S"] = ccd;
  t["tCCD_L"] = ccd + dice.skewed(0, 4);
  const uint64_t rrd = around(4);
  t["tRRD_S"] = rrd;
  t["tRRD_L"] = rrd + dice.skewed(0, 4);
  t["tFAW"] = around(26);
  const uint64_t wtr = dice.between(0, 6), wr = around(18);
  t["tWTR_S"] = wtr;
  t["tWTR_L"] = wtr + dice.between(0, 8);
  t["tWR"] = wr;
  t["tRTP"] = around(9);
  const uint64_t rfc = dice.skewed(0, 600);
  const uint64_t longest = rfc + std::max(ras, rcd + cwl + burst + wr) + rp;
  t["tREFI"] = dice.chance(0.15) ? 0 : longest + 1 + dice.skewed(0, 12000);
  t["tRFC"] = rfc;
  if (dice.chance(0.5)) t["tCCD_L_WR"] = ccd + dice.skewed(0, 20);
  if (dice.chance(0.3)) t["tPPD"] = dice.between(0, 4);
  if (dice.chance(0.5)) t["tRTRS"] = dice.between(0, 4);
  if (dice.chance(0.5)) t["tRTW"] = dice.between(0, 6);
  if (dice.chance(0.3)) t["activate_slots"] = dice.between(1, 4);
  if (dice.chance(0.3)) t["column_slots"] = dice.between(1, 4);
  return t;
}

ordered_json controller(Dice& dice) {
  ordered_json c;
  const uint64_t writes = dice.skewed(1, 64);
  const uint64_t high = dice.between(1, writes);
  c["read_queue"] = dice.skewed(1, 64);
  c["write_queue"] = writes;
  c["write_high_watermark"] = high;
  c["write_low_watermark"] = dice.between(0, high - 1);
  c["starvation_cycles"] = dice.skewed(1, 8000);
  c["page_policy"] = dice.pick<std::string>({"open", "closed"});
  return c;
}

unsigned log2_of(uint64_t value) {
  unsigned bits = 0;
  while (value >> (bits + 1) != 0) ++bits;
  return bits;
}

std::string list_of(const std::vector<unsigned>& bits) {
  std::string text;
  for (const unsigned bit : bits) text += (text.empty() ? "" : ",") + std::to_string(bit);
  return text;
}

/// Deals the address bits from 6 up to the coordinates, in random order, and XORs some with bits of the row.
ordered_json address_map(Dice& dice, const ordered_json& device) {
  ordered_json map;
  const bool turns = dice.chance(0.5);
  if (turns) map["channel_interleave"] = uint64_t{64} << dice.between(0, 6);
  std::vector<std::pair<std::string, unsigned>> fields = {
      {"column", log2_of(device["row_size"].get<uint64_t>() / 64)},
      {"bank_group", log2_of(device["bank_groups"].get<uint64_t>())},
      {"bank", log2_of(device["banks_per_group"].get<uint64_t>())},
      {"rank", log2_of(device["ranks"].get<uint64_t>())},
      {"channel", turns ? 0 : log2_of(device["channels"].get<uint64_t>())}};
  std::vector<unsigned> low;
  unsigned taken = 0;
  for (const auto& field : fields) taken += field.second;
  // Rows come last mostly, as in real machines, else anywhere.
  const unsigned end = dice.chance(0.7) ? 6 + taken : kAddressBits;
  for (unsigned bit = 6; bit < end; ++bit) low.push_back(bit);
  for (size_t i = low.size(); i > 1; --i) {
    if (dice.chance(0.5)) std::swap(low[i - 1], low[dice.between(0, i - 1)]);
  }
  ordered_json xors;
  for (const auto& [name, count] : fields) {
    std::vector<unsigned> bits(low.end() - count, low.end());
    low.resize(low.size() - count);
    if (!bits.empty()) map[name] = list_of(bits);
    if (bits.empty() || name == "column" || !dice.chance(0.3)) continue;
    for (size_t i = 0; i < bits.size(); ++i)
      xors[name].push_back(std::to_string(kAddressBits - 1 - dice.between(0, 7)));
  }
  std::sort(low.begin(), low.end());
  for (unsigned bit = end; bit < kAddressBits; ++bit) low.push_back(bit);
  map["row"] = list_of(low);
  if (!xors.empty()) map["xor"] = std::move(xors);
  return map;
}

}  // namespace

ordered_json random_dram_device(Dice& dice) {
  ordered_json d;
  d["tck_ps"] = dice.between(300, 1500);
  d["channels"] = uint64_t{1} << dice.between(0, 2);
  const unsigned burst = dice.pick<unsigned>({2, 4, 4, 8, 16});
  d["channel_bits"] = 256 / burst;
  d["ranks"] = uint64_t{1} << dice.between(0, 2);
  d["bank_groups"] = uint64_t{1} << dice.between(0, 3);
  d["banks_per_group"] = uint64_t{1} << dice.between(0, 2);
  d["row_size"] = uint64_t{512} << dice.between(0, 5);
  d["timing_cycles"] = timing(dice, burst);
  if (dice.chance(0.8)) d["controller"] = controller(dice);
  d["address_map"] = address_map(dice, d);
  return d;
}

}  // namespace mmusim::differential
