// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "models/base/types.h"
#include "sim/workloads/workload.h"
#include "tests/differential/random_case.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

constexpr uint64_t kBlock = 128 * kMiB;

ordered_json kernel(Dice& dice, unsigned levels, bool gib_pages, unsigned cores) {
  ordered_json k;
  k["version"] = dice.pick<std::string>({"5.8", "6.1", "6.12", "7.x"});
  if (levels == 5 && dice.chance(0.5)) k["levels"] = 5;
  ordered_json cpu;
  if (!gib_pages || dice.chance(0.3)) cpu["gbpages"] = false;
  for (const char* feature : {"pse", "pge", "nx"}) {
    if (dice.chance(0.25)) cpu[feature] = false;
  }
  if (!cpu.empty()) k["cpu"] = std::move(cpu);
  if (dice.chance(0.3)) k["pti"] = true;
  if (dice.chance(0.4)) k["vmemmap_pages"] = dice.pick<std::string>({"auto", "base"});
  if (dice.chance(0.2)) k["struct_page_bytes"] = 80;
  if (dice.chance(0.2)) k["mem_section_bytes"] = 16;
  if (dice.chance(0.3)) k["kaslr_seed"] = dice.next() >> 12;
  if (dice.chance(0.4)) k["hvo"] = true;
  if (dice.chance(0.3)) k["memmap_on_memory"] = true;
  if (dice.chance(0.2)) k["debug_vm"] = true;
  if (dice.chance(0.2)) k["memory_hotremove"] = false;
  if (dice.chance(0.3)) k["processes"] = dice.skewed(0, 20);
  if (dice.chance(0.3)) k["hypervisor"] = false;
  if (dice.chance(0.05)) {
    k["fail_allocation"] = {
        {"kind", dice.pick<std::string>({"any", "leaf_block", "table", "usage_map", "section_root"})},
        {"nth", dice.skewed(1, 200)}};
  }
  if (cores > 1 && dice.chance(0.6)) k["deferred_struct_page_init"] = k["memmap_init"] = true;
  return k;
}

/// One or two nodes, with or without a hole; the memory ends at a block of hotplug.
ordered_json memory(Dice& dice, uint64_t& end, unsigned& nodes) {
  ordered_json m;
  end = kBlock * dice.pick<uint64_t>({1, 1, 2, 3});
  nodes = dice.chance(0.25) ? 2 : 1;
  ordered_json ranges = ordered_json::array();
  ranges.push_back({{"start", "0x1000"}, {"end", "0x9f000"}, {"node", 0}});
  const uint64_t middle = 2 * kMiB * dice.between(32, end / (2 * kMiB) - 1);
  const uint64_t hole = dice.chance(0.3) ? kPageBytes * dice.skewed(0, 200) : 0;
  ranges.push_back({{"start", "0x100000"}, {"end", middle}, {"node", 0}});
  if (middle + hole < end) ranges.push_back({{"start", middle + hole}, {"end", end}, {"node", nodes - 1}});
  m["ranges"] = std::move(ranges);
  m["reserved"] = ordered_json::array();
  m["reserved"].push_back({{"start", "0x0"}, {"end", "0x100000"}});
  m["reserved"].push_back({{"start", "0x1000000"}, {"end", 0x2a11000 + kPageBytes * dice.skewed(0, 500)}});
  m["early_tables"] = "from_memblock";
  return m;
}

ordered_json parameters_of(Dice& dice, const std::string& kind) {
  ordered_json p = ordered_json::object();
  const bool pattern =
      kind == "sequential" || kind == "strided" || kind == "uniform" || kind == "zipf" || kind == "pointer_chase";
  if (pattern) {
    p["region"] = dice.pick<std::string>({"vmemmap", "direct_map"});
    p["bytes"] = kPageBytes * dice.skewed(1, 256);
    if (kind != "pointer_chase") {
      p["accesses"] = dice.skewed(1, 4000);
      p["access_bytes"] = dice.pick<unsigned>({1, 8, 8, 16, 64});
      p["direction"] = dice.pick<std::string>({"read", "write", "modify"});
    }
    if (dice.chance(0.3)) p["gap"] = dice.skewed(0, 300);
  }
  if (kind == "strided") p["stride"] = dice.skewed(1, 3 * kPageBytes);
  if (kind == "pointer_chase") p = {{"pages", dice.skewed(1, 200)}, {"accesses", dice.skewed(1, 2000)}};
  if (kind == "mix") {
    p["parts"] = ordered_json::array();
    for (const char* part : {"random_pfn", "linear_pfn_scan", "gup_fast"}) {
      p["parts"].push_back({{"kind", part}, {"weight", dice.between(1, 5)}});
    }
  }
  return p;
}

ordered_json workload(Dice& dice) {
  const auto kinds = workload_kinds();
  const std::string kind(kinds[dice.between(0, kinds.size() - 1)].name);
  ordered_json phase = {{"phase", "workload"}, {"kind", kind}};
  ordered_json parameters = parameters_of(dice, kind);
  if (!parameters.empty()) phase["parameters"] = std::move(parameters);
  if (dice.chance(0.4)) phase["warmup"] = dice.skewed(0, 1000);
  phase["limit"] = dice.skewed(1, 4000);
  return phase;
}

/// Memory that comes and goes after the boot.
std::vector<ordered_json> changes(Dice& dice, uint64_t end) {
  std::vector<ordered_json> list;
  const uint64_t bytes = dice.chance(0.5) ? kBlock : 2 * kMiB * dice.between(1, 8);
  const ordered_json where = {{"start", end}, {"size", bytes}};
  const auto phase = [&where](const char* name, const ordered_json& more = {}) {
    ordered_json p = {{"phase", name}};
    p.update(where);
    if (!more.is_null()) p.update(more);
    return p;
  };
  switch (dice.between(0, 4)) {
    case 0:
      list.push_back(phase("hot_add"));
      if (bytes == kBlock && dice.chance(0.6))
        list.push_back(phase("online", {{"zone", dice.pick<std::string>({"movable", "normal"})}}));
      if (list.size() == 2 && dice.chance(0.5)) list.push_back(phase("offline"));
      if (dice.chance(0.5)) list.push_back(phase("hot_remove"));
      break;
    case 1:
      list.push_back(phase("pmem", {{"memmap", dice.pick<std::string>({"ram", "device"})}}));
      if (dice.chance(0.5)) list.push_back(phase("pmem_remove"));
      break;
    case 2:
      list.push_back(phase("dax", {{"align", "2MiB"},
                                   {"memmap", dice.pick<std::string>({"ram", "device"})},
                                   {"compound", dice.pick<std::string>({"0", "2MiB"})}}));
      if (dice.chance(0.5)) list.push_back(phase("pmem_remove"));
      break;
    case 3:
      list.push_back({{"phase", "hugetlb"}, {"allocate", dice.between(1, 12)}, {"scattered", dice.chance(0.5)}});
      if (dice.chance(0.6)) list.push_back({{"phase", "hugetlb"}, {"free", dice.between(1, 12)}});
      break;
    default:
      list.push_back({{"phase", "mark"}, {"stage", "marked"}});
  }
  return list;
}

}  // namespace

ordered_json random_scenario(Dice& dice, unsigned levels, bool gib_pages, unsigned cores) {
  ordered_json s;
  s["name"] = "random";
  s["kernel"] = kernel(dice, levels, gib_pages, cores);
  uint64_t end = 0;
  unsigned nodes = 1;
  s["memory"] = memory(dice, end, nodes);
  const bool deferred = s["kernel"].contains("deferred_struct_page_init");
  ordered_json phases = ordered_json::array();
  phases.push_back({{"phase", "boot"}});
  if (dice.chance(deferred ? 0.9 : 0.2)) phases.back()["timed"] = false;
  if (deferred) {
    phases.push_back({{"phase", "deferred_init"}});
    if (dice.chance(0.5)) phases.back()["workers"] = dice.between(1, cores);
  }
  const auto rounds = dice.between(1, 3);
  for (uint64_t i = 0; i < rounds; ++i) {
    if (dice.chance(0.6)) phases.push_back(workload(dice));
    if (dice.chance(0.6)) {
      for (ordered_json& change : changes(dice, end + i * kBlock)) {
        if (dice.chance(0.2)) change["timed"] = false;
        phases.push_back(std::move(change));
      }
    }
  }
  s["phases"] = std::move(phases);
  s["seed"] = dice.between(1, 1000);
  return s;
}

}  // namespace mmusim::differential
