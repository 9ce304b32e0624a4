// SPDX-License-Identifier: MIT
#include <vector>

#include "models/base/format.h"
#include "tests/differential/event_log_check.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

/// Collects the first thing that is wrong.
class Identities {
 public:
  void equal(const std::string& what, uint64_t left, uint64_t right) {
    if (left != right && wrong_.empty()) wrong_ = fmt::format("{}: {} and {}", what, left, right);
  }
  void at_most(const std::string& what, uint64_t left, uint64_t right) {
    if (left > right && wrong_.empty()) wrong_ = fmt::format("{}: {} is more than {}", what, left, right);
  }
  std::string wrong() const { return wrong_; }

 private:
  std::string wrong_;
};

uint64_t sum_of(const ordered_json& node, const std::string& prefix) {
  uint64_t sum = 0;
  for (const auto& [key, value] : node.items()) {
    if (key.starts_with(prefix) && value.is_number_unsigned()) sum += value.get<uint64_t>();
  }
  return sum;
}

uint64_t all_levels(const ordered_json& reads) {
  uint64_t sum = 0;
  for (const auto& [level, hits] : reads.items()) sum += sum_of(hits, "");
  return sum;
}

void check_core(const ordered_json& core, const std::string& name, Identities& must) {
  const ordered_json& lsu = core["lsu"];
  for (const char* kind : {"read", "write", "fetch"}) {
    const auto of = [&](const char* what) { return lsu[fmt::format("{}_{}", kind, what)].get<uint64_t>(); };
    must.equal(fmt::format("{}: {} lookups are hits and misses", name, kind), of("tlb_lookups"),
               of("tlb_hits") + of("tlb_misses"));
  }
  const ordered_json& stlb = core["stlb"];
  must.equal(name + ": stlb lookups are hits and misses", stlb["lookups"].get<uint64_t>(),
             stlb["hits"].get<uint64_t>() + stlb["misses"].get<uint64_t>());
  const ordered_json& walkers = core["page_walkers"];
  const auto walks = walkers["walks"].get<uint64_t>();
  uint64_t started = 0;
  uint64_t reads = 0;
  for (const char* cause : {"for_load", "for_store", "for_fetch", "for_prefetch"}) {
    started += walkers[cause]["started"].get<uint64_t>();
    reads += sum_of(walkers[cause], "reads_");
  }
  must.equal(name + ": walks by cause", walks, started);
  must.equal(name + ": walks in the latency distribution", walks, walkers["latency_cycles"]["count"].get<uint64_t>());
  must.equal(name + ": entry reads by level", walkers["entry_reads"].get<uint64_t>(), sum_of(walkers, "level_"));
  must.equal(name + ": entry reads by cause", walkers["entry_reads"].get<uint64_t>(), reads);
  must.at_most(name + ": cycles with a walk", walkers["active_cycles"].get<uint64_t>(),
               walkers["pending_cycles"].get<uint64_t>());
  for (const char* cache : {"l1d", "l1i", "l2"}) {
    if (!core.contains(cache)) continue;
    for (const char* why : {"load", "store", "fetch", "entry", "prefetch"}) {
      must.at_most(fmt::format("{}.{}: {} misses", name, cache, why),
                   core[cache][fmt::format("{}_misses", why)].get<uint64_t>(),
                   core[cache][fmt::format("{}_requests", why)].get<uint64_t>());
    }
  }
}

void check_machine(const ordered_json& summary, Identities& must) {
  const ordered_json& totals = summary["totals"];
  const ordered_json& machine = summary["machine"];
  const auto total = [&](const char* key) { return totals[key].get<uint64_t>(); };
  must.at_most("first-level misses", total("l1_dtlb_misses"), total("lookups"));
  must.at_most("second-level misses", total("stlb_misses"), total("l1_dtlb_misses"));
  must.equal("entry reads by level", total("entry_reads"), all_levels(machine["walk_reads_by_level"]));
  must.equal("walks in the latency distribution", total("walks"),
             machine["walk_latency_cycles"]["count"].get<uint64_t>());
  must.equal("cycles of walks", machine["walk_cycles"].get<uint64_t>(),
             machine["walk_latency_cycles"]["sum"].get<uint64_t>());
}

/// Phases add up to the whole run; cycles between them are nobody's.
void check_phases(const ordered_json& summary, Identities& must) {
  for (const char* key : {"accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads"}) {
    uint64_t sum = 0;
    for (const ordered_json& phase : summary["phases"]) sum += phase["totals"][key].get<uint64_t>();
    must.equal(fmt::format("{} of all phases and of the run", key), sum, summary["totals"][key].get<uint64_t>());
  }
}

}  // namespace

std::string check_identities(const ordered_json& summary) {
  Identities must;
  check_machine(summary, must);
  check_phases(summary, must);
  for (const auto& [name, module] : summary["counters"].items()) {
    if (name.starts_with("core") && module.contains("lsu")) check_core(module, name, must);
  }
  return must.wrong();
}

}  // namespace mmusim::differential
