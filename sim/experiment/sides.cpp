// SPDX-License-Identifier: MIT
#include "sim/experiment/sides.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/enum_array.h"
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

namespace fs = std::filesystem;

InputKind kind_of_input(const std::string& input) {
  std::error_code ignored;
  if (fs::is_directory(input, ignored)) return InputKind::kResults;
  if (!input.ends_with(".json") && fs::is_regular_file(input, ignored)) return InputKind::kTrace;
  return InputKind::kScenario;
}

std::string name_of_input(const std::string& input) {
  fs::path path(input);
  if (!path.has_filename()) path = path.parent_path();  // "out/base/"
  const std::string file = path.filename().string();
  return kind_of_input(input) == InputKind::kTrace ? file.substr(0, file.find('.', 1)) : path.stem().string();
}

namespace {

/// Throws InputError if an input is neither a file nor a folder nor the name of a shipped scenario.
void check_there(const std::string& input) {
  std::error_code ignored;
  const std::vector<std::string> shipped = config_names("scenarios");
  if (fs::exists(input, ignored) || std::find(shipped.begin(), shipped.end(), input) != shipped.end()) return;
  throw InputError(fmt::format("{}: no such file or folder, and no shipped scenario", input));
}

}  // namespace

InputKind kind_of_inputs(const CompareRequest& request) {
  constexpr EnumArray<InputKind, const char*> kNames = {"a scenario", "a trace", "a folder of results"};
  const InputKind kind = kind_of_input(request.inputs.front());
  for (const std::string& input : request.inputs) {
    const InputKind other = kind_of_input(input);
    if (other == kind) continue;
    for (const std::string& one : {request.inputs.front(), input}) check_there(one);
    throw InputError(fmt::format("{} is {}, {} is {}: expected inputs of one kind. Run both, then compare the folders",
                                 request.inputs.front(), kNames[kind], input, kNames[other]));
  }
  return kind;
}

namespace {

/// Tables larger than those of this much memory are not asked for: the report's tree could not show them.
constexpr uint64_t kTablesUpTo = 128 * kGiB;

/// Sets the replay up as the child will, so that bad input is refused before anything runs.
nlohmann::ordered_json check_replay(Side& side, const ReplayOptions& given, uint64_t memory_limit) {
  ReplayOptions options = given;
  options.trace = side.input;
  options.platform = side.platform.value_or("");
  options.map_overrides.sets = side.sets;
  const ReplaySetup setup = set_up_replay(options);
  side.seed = setup.seed;
  const HostMemoryCost cost = cost_of(setup.platform);
  check_host_memory(side.input, cost, memory_limit, "a smaller platform takes less");
  side.host_memory = cost.total();
  return nlohmann::ordered_json::parse(setup.configuration);
}

/// Reads the scenario as the child will, so that bad input is refused before anything runs.
nlohmann::ordered_json check_side(Side& side, uint64_t memory_limit) {
  const Scenario scenario = load_scenario(side.input, {side.variant, side.sets, {}, side.platform});
  side.seed = scenario.seed;
  uint64_t bytes = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) bytes += (r.end - r.start) << kPageShift;
  side.wants_tables = bytes <= kTablesUpTo;
  const HostMemoryCost cost = cost_of(scenario, scenario_platform(scenario), side.wants_tables);
  check_host_memory(scenario.file, cost, memory_limit, cheaper(scenario, cost));
  side.host_memory = cost.total();
  return nlohmann::ordered_json::parse(scenario.effective);
}

std::vector<std::optional<std::string>> variants_of(const std::string& input, InputKind kind) {
  std::vector<std::optional<std::string>> variants;
  if (kind == InputKind::kScenario) {
    for (const std::string& v : scenario_variants(input)) variants.emplace_back(v);
  }
  if (variants.empty()) variants.emplace_back();
  return variants;
}

/// Returns the combinations of all settings, one without any if there are none.
std::vector<SideSetting> combinations_of(const std::vector<std::vector<SideSetting>>& varied) {
  std::vector<SideSetting> all(1);
  for (const std::vector<SideSetting>& values : varied) {
    std::vector<SideSetting> longer;
    for (const SideSetting& one : all) {
      for (const SideSetting& value : values) {
        SideSetting next = one;
        next.label += (one.label.empty() ? "" : ", ") + value.label;
        next.sets.insert(next.sets.end(), value.sets.begin(), value.sets.end());
        longer.push_back(std::move(next));
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// Joins those parts of a label that tell this side from others.
std::string label_of(const CompareRequest& request, const Side& side, const std::string& setting) {
  std::vector<std::string> parts;
  if (side.variant) parts.push_back(*side.variant);
  if (!setting.empty()) parts.push_back(setting);
  std::string label = fmt::format("{}", fmt::join(parts, ", "));
  if (parts.empty()) {
    label = name_of_input(side.input);
  } else if (request.inputs.size() > 1) {
    label = name_of_input(side.input) + "/" + label;
  }
  if (side.platform) label += " on " + fs::path(*side.platform).stem().string();
  return label;
}

/// Returns all sides, without their labels made different.
std::vector<Side> all_sides(const CompareRequest& request, InputKind kind) {
  std::vector<std::optional<std::string>> platforms(request.platforms.begin(), request.platforms.end());
  if (platforms.empty()) platforms.emplace_back();
  std::vector<Side> sides;
  for (const std::optional<std::string>& platform : platforms) {
    for (const std::string& input : request.inputs) {
      for (const auto& variant : variants_of(input, kind)) {
        for (const SideSetting& setting : combinations_of(request.varied)) {
          Side side;
          side.input = input;
          side.kind = kind;
          side.variant = variant;
          side.sets = request.sets;
          side.sets.insert(side.sets.end(), setting.sets.begin(), setting.sets.end());
          side.platform = platform;
          side.family = platform.value_or("");
          side.label = label_of(request, side, setting.label);
          sides.push_back(std::move(side));
        }
      }
    }
  }
  return sides;
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
  const InputKind kind = kind_of_inputs(request);
  std::vector<Side> sides = all_sides(request, kind);
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
    const auto configuration =
        kind == InputKind::kTrace ? check_replay(side, request.replay, memory_limit) : check_side(side, memory_limit);
    if (first.is_null()) first = configuration;
    check_same_workload(sides[0].label, first, side.label, configuration);
  }
  name_sides(sides);
  if (sides.size() >= 2) return sides;
  if (kind == InputKind::kTrace) {
    throw InputError(fmt::format(
        "{}: one replay of one trace, so there is nothing to compare: give --platform twice, or --vary with two values",
        request.inputs[0]));
  }
  throw InputError(
      fmt::format("{}: has no variants, so there is nothing to compare: give a second scenario, a "
                  "scenario with \"variants\", --platform twice, or --vary with two values",
                  request.inputs[0]));
}

}  // namespace mmusim
