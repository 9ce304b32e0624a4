// SPDX-License-Identifier: MIT
#include "tests/differential/random_platform.h"

#include <string>

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

/// A set-associative structure of at most `most` entries.
ordered_json geometry(Dice& dice, unsigned most, bool cache_like = false) {
  const std::string replacement = cache_like ? dice.pick<std::string>({"lru", "tree_plru", "random"})
                                             : dice.pick<std::string>({"lru", "lru", "tree_plru", "skylake", "random"});
  uint64_t ways = dice.pick<uint64_t>({1, 2, 3, 4, 6, 8, 16});
  if (replacement == "tree_plru") ways = dice.pick<uint64_t>({1, 2, 4, 8, 16, 32});
  if (replacement == "skylake") ways = 12;
  uint64_t sets = dice.skewed(1, std::max<uint64_t>(1, most / ways));
  ordered_json g;
  const double hashed = dice.chance(0.1) ? 1 : 0;
  if (hashed != 0) {
    const bool seven = dice.chance(0.5);
    sets = seven ? 128 : 256;
    g["index_hash"] = seven ? "xor7" : "xor8";
  }
  g["entries"] = sets * ways;
  if (sets != 1 || dice.chance(0.5) || replacement != "lru") g["ways"] = ways;
  if (replacement != "lru" || dice.chance(0.5)) g["replacement"] = replacement;
  return g;
}

ordered_json page_sizes(Dice& dice, bool all) {
  ordered_json pages = ordered_json::array();
  for (const char* size : {"4K", "2M", "1G"}) {
    if (all || dice.chance(0.5)) pages.push_back(size);
  }
  if (pages.empty()) pages.push_back("4K");
  return pages;
}

ordered_json tlb(Dice& dice, unsigned most) {
  ordered_json t;
  ordered_json arrays = ordered_json::array();
  const auto count = dice.between(1, 3);
  for (uint64_t i = 0; i < count; ++i) {
    ordered_json array = geometry(dice, most);
    array["pages"] = page_sizes(dice, count == 1 && dice.chance(0.7));
    arrays.push_back(std::move(array));
  }
  t["arrays"] = std::move(arrays);
  if (dice.chance(0.5)) t["hit_penalty_cycles"] = dice.skewed(0, 20);
  if (dice.chance(0.25)) t["coalesce_4k_by_4"] = true;
  if (dice.chance(0.25)) t["smash_1g_into_2m"] = true;
  return t;
}

ordered_json tlbs(Dice& dice) {
  ordered_json t;
  t["l1_dtlb"] = tlb(dice, 64);
  if (dice.chance(0.3)) t["l1_dtlb_stores"] = tlb(dice, 32);
  t["l1_itlb"] = tlb(dice, 64);
  t["stlb"] = tlb(dice, 256);
  if (dice.chance(0.3)) t["stlb"]["holds_pdes"] = true;
  if (dice.chance(0.3)) t["l2_itlb"] = tlb(dice, 128);
  if (dice.chance(0.25)) t["next_page_prefetch"] = true;
  return t;
}

ordered_json page_walkers(Dice& dice, bool stlb_holds_pdes) {
  ordered_json caches = ordered_json::object();
  const bool in_stlb = stlb_holds_pdes && dice.chance(0.5);
  if (in_stlb) caches["pde_in_second_level_tlb"] = true;
  if (!in_stlb && dice.chance(0.6)) caches["pde"] = geometry(dice, 32);
  if (dice.chance(0.3)) {
    caches["upper"] = geometry(dice, 32);
  } else {
    for (const char* level : {"pdpte", "pml4e", "pml5e"}) {
      if (dice.chance(0.5)) caches[level] = geometry(dice, 16);
    }
  }
  if (dice.chance(0.5)) caches["lookup_cycles"] = dice.between(0, 8);
  ordered_json w;
  w["walkers"] = dice.skewed(1, 8);
  if (!caches.empty() || dice.chance(0.5)) w["paging_structure_caches"] = std::move(caches);
  return w;
}

/// A cache of about `kib` KiB and its latency.
ordered_json cache(Dice& dice, unsigned kib, uint64_t latency) {
  ordered_json c;
  const std::string replacement = dice.pick<std::string>({"lru", "lru", "tree_plru", "random"});
  uint64_t ways = dice.pick<uint64_t>({1, 2, 3, 4, 5, 8, 12, 16});
  if (replacement == "tree_plru") ways = dice.pick<uint64_t>({1, 2, 4, 8, 16});
  // Lines are a multiple of the ways and of 1 KiB.
  const uint64_t size = std::max<uint64_t>(1, dice.skewed(1, kib) / ways) * ways;
  c["size_kib"] = size;
  c["ways"] = ways;
  if (replacement != "lru") c["replacement"] = replacement;
  c["latency_cycles"] = latency;
  if (dice.chance(0.7)) c["miss_registers"] = dice.skewed(1, 16);
  if (dice.chance(0.7)) c["ports"] = dice.skewed(1, 4);
  if (dice.chance(0.5)) c["policy"] = dice.pick<std::string>({"fill", "victim", "inclusive"});
  if (dice.chance(0.2)) c["prefetch_next_line"] = true;
  return c;
}

ordered_json caches(Dice& dice) {
  const uint64_t l1 = dice.skewed(1, 8);
  const uint64_t l2 = l1 + dice.skewed(1, 20);
  const uint64_t l3 = l2 + dice.skewed(1, 80);
  ordered_json c;
  c["l1d"] = cache(dice, 32, l1);
  if (dice.chance(0.5)) c["l1i"] = cache(dice, 32, dice.chance(0.5) ? l1 : dice.skewed(1, l2 - 1));
  c["l2"] = cache(dice, 128, l2);
  c["l3"] = cache(dice, 1024, l3);
  return c;
}

ordered_json core(Dice& dice) {
  ordered_json c;
  if (dice.chance(0.5)) {
    c["period_ps"] = 2 * dice.between(50, 1000);
  } else {
    c["frequency_mhz"] = dice.between(400, 6000);
  }
  c["model"] = dice.pick<std::string>({"blocking", "window"});
  if (dice.chance(0.8)) c["issue_width"] = dice.skewed(1, 8);
  if (dice.chance(0.8)) c["window"] = dice.skewed(1, 512);
  if (dice.chance(0.8)) c["load_queue"] = dice.skewed(1, 128);
  if (dice.chance(0.8)) c["store_queue"] = dice.skewed(1, 128);
  if (dice.chance(0.8)) c["outstanding_misses"] = dice.skewed(1, 64);
  if (dice.chance(0.5)) c["tlb_flush_cycles"] = dice.skewed(0, 500);
  return c;
}

ordered_json processor(Dice& dice) {
  ordered_json p;
  p["vendor"] = dice.pick<std::string>({"intel", "amd"});
  p["physical_address_bits"] = dice.between(36, 52);
  p["paging_levels"] = dice.between(4, 5);
  if (dice.chance(0.3)) p["gib_pages"] = dice.chance(0.5);
  if (dice.chance(0.5)) {
    p["counter_names"] = dice.pick<std::string>({"generic", "intel", "skylakex", "cascadelakex", "icelakex",
                                                 "sapphirerapids", "amdzen2", "amdzen3", "amdzen4", "amdzen5"});
  }
  if (dice.chance(0.2)) {
    ordered_json types;
    if (dice.chance(0.3)) types["pat"] = "0x0007040600070106";
    types["default_type"] = dice.pick<std::string>({"WB", "WB", "WB", "WT", "UC"});
    if (dice.chance(0.5)) {
      const uint64_t bytes = uint64_t{1} << dice.between(12, 26);
      types["ranges"] = ordered_json::array();
      types["ranges"].push_back({{"start", bytes * dice.between(0, 64)},
                                 {"bytes", bytes},
                                 {"type", dice.pick<std::string>({"UC", "WC", "WT", "WP", "WB"})}});
    }
    p["memory_types"] = std::move(types);
  }
  return p;
}

ordered_json dram(Dice& dice) {
  ordered_json d;
  if (dice.chance(0.75)) {
    d["device"] = random_dram_device(dice);
    const ordered_json& map = d["device"].value("address_map", ordered_json::object());
    if (map.contains("channel_interleave") && dice.chance(0.5)) d["channels"] = dice.between(1, 6);
  } else {
    d["device"] = dice.pick<std::string>({"ddr4-2400", "ddr4-2666", "ddr5-4800"});
    d["channels"] = dice.between(1, 6);
  }
  if (dice.chance(0.5)) d["to_memory_ns"] = dice.between(0, 40);
  if (dice.chance(0.5)) d["from_memory_ns"] = static_cast<double>(dice.between(0, 400)) / 10;
  return d;
}

}  // namespace

ordered_json random_platform(Dice& dice) {
  ordered_json p;
  p["name"] = "random";
  p["cores"] = dice.pick<unsigned>({1, 1, 1, 2, 3});
  p["processor"] = processor(dice);
  p["core"] = core(dice);
  p["tlbs"] = tlbs(dice);
  p["page_walkers"] = page_walkers(dice, p["tlbs"]["stlb"].value("holds_pdes", false));
  p["caches"] = caches(dice);
  p["dram"] = dram(dice);
  return p;
}

}  // namespace mmusim::differential
