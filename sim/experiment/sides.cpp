// SPDX-License-Identifier: MIT
#include "sim/experiment/sides.h"

#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/run.h"
#include "sim/report/comparison.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/scenario_cost.h"

namespace mmusim {

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

std::string directory_name(const std::string& label) {
  std::string name;
  for (const char c : label) name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ? c : '_';
  return name;
}

namespace {

/// Tables larger than those of this much memory are not asked for: the report's tree could not show them.
constexpr uint64_t kTablesUpTo = 128 * kGiB;

/// Reads the scenario as the child will, so that bad input is refused before anything runs.
nlohmann::ordered_json check_side(Side& side, uint64_t memory_limit) {
  const Scenario scenario = load_scenario(side.scenario, {side.variant, side.sets, {}, side.platform});
  side.seed = scenario.seed;
  uint64_t bytes = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) bytes += (r.end - r.start) << kPageShift;
  side.wants_tables = bytes <= kTablesUpTo;
  const HostMemoryCost cost = cost_of(scenario, scenario_platform(scenario), side.wants_tables);
  check_host_memory(scenario.file, cost, memory_limit, cheaper(scenario, cost));
  side.host_memory = cost.total();
  return nlohmann::ordered_json::parse(scenario.effective);
}

}  // namespace

std::vector<Side> sides_of(const CompareRequest& request) {
  std::vector<Side> sides;
  for (const std::string& scenario : request.scenarios) {
    std::vector<std::optional<std::string>> variants;
    for (const std::string& v : scenario_variants(scenario)) variants.emplace_back(v);
    if (variants.empty()) variants.emplace_back();
    for (const auto& variant : variants) {
      std::string label = variant.value_or(stem_of(scenario));
      if (variant && request.scenarios.size() > 1) label = stem_of(scenario) + "/" + label;
      if (request.platforms.empty()) sides.push_back({label, scenario, variant, request.sets});
      for (const std::string& platform : request.platforms) {
        sides.push_back({label + " on " + stem_of(platform), scenario, variant, request.sets, platform});
      }
    }
  }
  for (Side& side : sides) {
    for (const std::string& set : sets_of_core(request.core)) side.sets.push_back(set);
  }
  const uint64_t memory_limit = host_memory_limit(request.max_memory);
  std::set<std::string> labels;
  nlohmann::ordered_json first;
  for (Side& side : sides) {
    const auto configuration = check_side(side, memory_limit);
    if (first.is_null()) first = configuration;
    check_same_workload(sides[0].label, first, side.label, configuration);
    std::string label = side.label;
    for (unsigned n = 2; !labels.insert(directory_name(label)).second; ++n)
      label = fmt::format("{} ({})", side.label, n);
    side.label = label;
  }
  if (sides.size() < 2) {
    throw InputError(
        fmt::format("{}: has no variants, so there is nothing to compare: give a second scenario, a "
                    "scenario with \"variants\", or --platform twice",
                    request.scenarios[0]));
  }
  return sides;
}

}  // namespace mmusim
