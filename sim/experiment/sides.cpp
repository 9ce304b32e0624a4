// SPDX-License-Identifier: MIT
#include "sim/experiment/sides.h"

#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/events/json_line.h"
#include "sim/experiment/result_folder.h"
#include "sim/experiment/run.h"
#include "sim/host/text_output.h"
#include "sim/report/comparison.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/scenario_cost.h"

namespace mmusim {

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

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

/// Makes the labels differ from each other, and the folders from each other and from the comparison's own files.
void name_sides(std::vector<Side>& sides) {
  std::set<std::string> labels;
  std::set<std::string> names(result_file_names().begin(), result_file_names().end());
  for (Side& side : sides) {
    const std::string label = utf8_text(side.label);
    side.label = label;
    for (unsigned n = 2; !labels.insert(side.label).second; ++n) side.label = fmt::format("{} ({})", label, n);
    const std::string name = path_component(side.label);
    side.directory = name;
    for (unsigned n = 2; !names.insert(side.directory).second; ++n) side.directory = fmt::format("{}-{}", name, n);
  }
}

}  // namespace

std::vector<Side> sides_of(const CompareRequest& request) {
  std::vector<std::optional<std::string>> platforms(request.platforms.begin(), request.platforms.end());
  if (platforms.empty()) platforms.emplace_back();
  std::vector<Side> sides;
  for (const std::optional<std::string>& platform : platforms) {
    for (const std::string& scenario : request.scenarios) {
      std::vector<std::optional<std::string>> variants;
      for (const std::string& v : scenario_variants(scenario)) variants.emplace_back(v);
      if (variants.empty()) variants.emplace_back();
      for (const auto& variant : variants) {
        std::string label = variant.value_or(stem_of(scenario));
        if (variant && request.scenarios.size() > 1) label = stem_of(scenario) + "/" + label;
        if (platform) label += " on " + stem_of(*platform);
        sides.push_back({label, scenario, variant, request.sets, platform});
        sides.back().family = platform.value_or("");
      }
    }
  }
  // Platforms are compared with each other where each runs the same one thing.
  if (sides.size() == request.platforms.size()) {
    for (Side& side : sides) side.family.clear();
  }
  for (Side& side : sides) {
    for (const std::string& set : sets_of_core(request.core)) side.sets.push_back(set);
  }
  const uint64_t memory_limit = host_memory_limit(request.max_memory);
  nlohmann::ordered_json first;
  for (Side& side : sides) {
    const auto configuration = check_side(side, memory_limit);
    if (first.is_null()) first = configuration;
    check_same_workload(sides[0].label, first, side.label, configuration);
  }
  name_sides(sides);
  if (sides.size() < 2) {
    throw InputError(
        fmt::format("{}: has no variants, so there is nothing to compare: give a second scenario, a "
                    "scenario with \"variants\", or --platform twice",
                    request.scenarios[0]));
  }
  return sides;
}

}  // namespace mmusim
