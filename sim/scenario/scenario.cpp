// SPDX-License-Identifier: MIT
#include "sim/scenario/scenario.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "sim/machine/platform.h"
#include "sim/scenario/known_keys.h"
#include "sim/scenario/settings.h"
#include "sim/workloads/random.h"

namespace mmusim {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxPhases = 100'000;
constexpr size_t kMaxNameBytes = 200;

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

/// A platform given by name becomes an object based on it, so that --set and variants can change parts of it.
void open_platform(json& document) {
  const auto platform = document.find("platform");
  if (platform != document.end() && platform->is_string()) *platform = json{{"base", *platform}};
}

void apply_variant(json& document, const std::string& variant, const std::string& path) {
  const auto variants = document.find("variants");
  if (variants == document.end() || !variants->is_object() || !variants->contains(variant)) {
    std::string names;
    if (variants != document.end() && variants->is_object()) {
      for (const auto& [name, patch] : variants->items()) names += (names.empty() ? "" : ", ") + name;
    }
    throw InputError(fmt::format("{}: /variants: no variant \"{}\", expected {}", path, variant,
                                 names.empty() ? "none, the scenario has no variants" : "one of " + names));
  }
  const json patch = variants->at(variant);
  if (!patch.is_object()) throw InputError(fmt::format("{}: /variants/{}: expected an object", path, variant));
  if (patch.contains("platform") && patch["platform"].is_object()) open_platform(document);
  document.merge_patch(patch);
}

/// Takes the platform that the scenario names; its keys are read when the machine is made (scenario_platform()).
void take_platform(ConfigReader& reader, const std::string& folder, Scenario& scenario, json& document) {
  const ConfigKey key(
      "platform", "Machine: a platform by name or path, such an object, or an object with \"base\" that changes one.",
      "", kDefaultPlatform);
  const json* platform = reader.raw(key);
  const json named = platform == nullptr ? json(kDefaultPlatform) : *platform;
  if (!named.is_string() && !named.is_object()) {
    reader.error("platform", "expected the name or path of a platform, or an object");
    return;
  }
  try {
    document["platform"] = reader.records_all() ? json::object() : resolve_platform(named, folder);
    scenario.platform = document["platform"].dump();
  } catch (const InputError& e) {
    reader.error("platform", e.what());
  } catch (const EnvironmentError& e) {
    reader.error("platform", e.what());
  }
  if (reader.records()) read_platform(reader.instead(key, document["platform"], reader.errors()));
  reader.also_takes("platform", "");
}

void read_phases(ConfigReader& reader, const std::string& folder, Scenario& scenario) {
  const ConfigKey key("phases", "What happens, in order; the first phase is boot.");
  const json* phases = reader.raw(key);
  if (!reader.records_all()) {
    if (phases == nullptr || !phases->is_array() || phases->empty()) {
      reader.error("phases", "expected an array of phases, the first being \"boot\"");
      return;
    }
    if (phases->size() > kMaxPhases) {
      reader.error("phases", fmt::format("{} phases, expected at most {}", phases->size(), kMaxPhases));
      return;
    }
  }
  std::string stage;
  const auto read_next = [&](ConfigReader phase) {
    scenario.phases.push_back(read_phase(std::move(phase), folder, stage));
    stage = scenario.phases.back().stage;
  };
  reader.for_each(key, read_next, 1);
}

/// Each variant must be an object; whether it fits is known when it is applied.
void check_variants(ConfigReader& reader) {
  const json* variants =
      reader.raw({"variants", "Merge patches (RFC 7386) by name, for compare and --variant.", "", "none"},
                 ValueForm::map(ValueForm::of(ValueForm::Kind::kObject)));
  if (variants == nullptr) return;
  if (!variants->is_object()) return reader.error("variants", "expected an object of merge patches");
  for (const auto& [name, patch] : variants->items()) {
    if (!patch.is_object()) reader.error("variants", fmt::format("variant \"{}\": expected an object", name));
    // A command line could not name it.
    if (name.find('\0') != std::string::npos) reader.error("variants", "the name of a variant holds a zero byte");
  }
}

/// The name becomes one of a directory.
void check_name(ConfigReader& reader, const std::string& name) {
  const bool plain = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == '/'; });
  reader.check(plain && name != "." && name != ".." && name.size() <= kMaxNameBytes, "name",
               "expected the name of a directory: no \"/\", no control characters, at most {} bytes", kMaxNameBytes);
}

}  // namespace

namespace {

void check_object(const json& document, const std::string& file) {
  if (!document.is_object()) throw InputError(fmt::format("{}: /: expected a scenario, an object", file));
}

}  // namespace

json read_scenario_json(const std::string& path, const ScenarioOverrides& overrides) {
  json document = parse_json_file(path);
  check_object(document, path);
  if (overrides.variant) apply_variant(document, *overrides.variant, path);
  if (overrides.platform || !overrides.sets.empty()) {
    Settings settings(document, scenario_keys(), folder_of(path));
    if (overrides.platform) settings.use_platform(*overrides.platform);
    settings.apply_all(overrides.sets);
  }
  if (overrides.seed) document["seed"] = *overrides.seed;
  return document;
}

std::vector<std::string> scenario_variants(const std::string& name_or_path) {
  const std::string path = find_config("scenarios", name_or_path);
  parse_json_file(path);  // says what is wrong, if anything is
  std::ifstream file(path);
  const auto document = nlohmann::ordered_json::parse(file, nullptr, /*allow_exceptions=*/true,
                                                      /*ignore_comments=*/true);
  std::vector<std::string> names;
  if (!document.is_object() || !document.contains("variants") || !document["variants"].is_object()) return names;
  for (const auto& [name, patch] : document["variants"].items()) names.push_back(name);
  return names;
}

Scenario load_scenario(const std::string& name_or_path, const ScenarioOverrides& overrides) {
  const std::string path = find_config("scenarios", name_or_path);
  return scenario_from_json(read_scenario_json(path, overrides), path);
}

namespace {

/// "kaslr_seed": "seed" draws the kernel's region bases from the seed of the run.
void draw_kaslr_seed(json& document) {
  constexpr uint64_t kKaslrStream = 0x6b61736c72;
  const json::json_pointer where("/kernel/kaslr_seed");
  if (!document.is_object() || !document.contains(where) || document[where] != "seed") return;
  const bool given = document.contains("seed") && document["seed"].is_number_unsigned();
  document[where] = derived_seed(given ? document["seed"].get<uint64_t>() : Scenario{}.seed, kKaslrStream);
}

}  // namespace

Scenario read_scenario(ConfigReader reader, const std::string& file, json& document) {
  Scenario scenario;
  scenario.file = file;
  reader.read({"name", "Name of the results.", "", "name of the file"}, scenario.name);
  check_name(reader, scenario.name);
  reader.read({"description", "One line for reports and `mmusim presets`."}, scenario.description);
  reader.read({"seed", "Seed of everything random."}, scenario.seed);
  if (scenario.name.empty()) scenario.name = fs::path(file).stem().string();
  take_platform(reader, folder_of(file), scenario, document);
  reader.require("memory", "an object with \"ranges\"");
  scenario.kernel = mm::read_kernel_config(reader.child({"kernel", "Kernel that boots, and how it was built."}));
  scenario.memory = mm::read_memory_map(reader.child({"memory", "Memory map of the machine."}), scenario.kernel.levels);
  scenario.virtualization = read_virtualization(reader.child(kVirtualizationKey));
  if (scenario.virtualization.guests != 1)
    reader.errors().add("/virtualization/guests", "scenarios run one guest, replays of traces several");
  read_phases(reader, folder_of(file), scenario);
  check_variants(reader);
  reader.finish();
  return scenario;
}

Scenario scenario_from_json(json document, const std::string& file) {
  check_object(document, file);
  ConfigErrors errors(file);
  draw_kaslr_seed(document);
  const json source = document;
  Scenario scenario = read_scenario(ConfigReader(source, "", errors), file, document);
  if (errors.empty()) check_phases(scenario.phases, scenario.memory, errors);
  errors.throw_if_any();
  document.erase("variants");
  scenario.effective = document.dump();
  return scenario;
}

}  // namespace mmusim
