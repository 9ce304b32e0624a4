// SPDX-License-Identifier: MIT
#include "sim/scenario/scenario.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "sim/workloads/random.h"

namespace mmusim {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxPhases = 100'000;
constexpr size_t kMaxSetDepth = 100;
constexpr size_t kMaxNameBytes = 200;

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

/// RFC 6901: "~1" is "/", "~0" is "~".
std::string unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    out += !escape ? token[i] : token[i + 1] == '0' ? '~' : '/';
    if (escape) ++i;
  }
  return out;
}

/// The member or element of `node` that `token` names, made if an object lacks it. Throws InputError.
json& step_into(json& node, const std::string& token, const std::string& assignment) {
  if (node.is_null()) node = json::object();
  if (node.is_object()) return node[token];
  if (node.is_array()) {
    const auto index = parse_number(token);
    if (token == "-" || (index && *index == node.size())) return node.emplace_back();
    if (index && *index < node.size()) return node[static_cast<size_t>(*index)];
    throw InputError(fmt::format("--set {}: no element {} in an array of {}", assignment, token, node.size()));
  }
  throw InputError(fmt::format("--set {}: \"{}\" would be a member of something that is no object", assignment, token));
}

constexpr const char* kDefaultPlatform = "milan";

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

void read_platform(ConfigReader& reader, const std::string& folder, Scenario& scenario, json& document) {
  const json* platform = reader.raw("platform");
  const json named = platform == nullptr ? json(kDefaultPlatform) : *platform;
  if (!named.is_string() && !named.is_object()) {
    reader.error("platform", "expected the name or path of a platform, or an object");
    return;
  }
  try {
    document["platform"] = resolve_platform(named, folder);
    scenario.platform = document["platform"].dump();
  } catch (const InputError& e) {
    reader.error("platform", e.what());
  } catch (const EnvironmentError& e) {
    reader.error("platform", e.what());
  }
}

void read_phases(ConfigReader& reader, const std::string& folder, Scenario& scenario) {
  const json* phases = reader.raw("phases");
  if (phases == nullptr || !phases->is_array() || phases->empty()) {
    reader.error("phases", "expected an array of phases, the first being \"boot\"");
    return;
  }
  if (phases->size() > kMaxPhases) {
    reader.error("phases", fmt::format("{} phases, expected at most {}", phases->size(), kMaxPhases));
    return;
  }
  std::string stage;
  reader.for_each("phases", [&](ConfigReader phase) {
    scenario.phases.push_back(read_phase(std::move(phase), folder, stage));
    stage = scenario.phases.back().stage;
  });
}

/// Each variant must be an object; whether it fits is known when it is applied.
void check_variants(ConfigReader& reader) {
  const json* variants = reader.raw("variants");
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

/// JSON, or else the text itself.
json value_of(const std::string& text, const std::string& assignment) {
  try {
    return parse_json_text(text, fmt::format("--set {:.60}", assignment));
  } catch (const InputError&) {
    if (text.starts_with('{') || text.starts_with('[')) throw;  // meant to be JSON
    return text;
  }
}

void check_utf8(const std::string& assignment) {
  try {
    (void)json(assignment).dump();
  } catch (const json::type_error&) {
    throw InputError("--set: not valid UTF-8");
  }
}

}  // namespace

void apply_set(json& document, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (assignment.empty() || assignment[0] != '/' || equals == std::string::npos) {
    throw InputError(fmt::format("--set {}: expected /json/pointer=VALUE", assignment));
  }
  check_utf8(assignment);
  const std::string pointer = assignment.substr(0, equals);
  if (std::count(pointer.begin(), pointer.end(), '/') > static_cast<ptrdiff_t>(kMaxSetDepth)) {
    throw InputError(fmt::format("--set {:.60}...: more than {} levels deep", assignment, kMaxSetDepth));
  }
  if (pointer.starts_with("/platform/")) {
    if (!document.contains("platform")) document["platform"] = kDefaultPlatform;
    open_platform(document);
  }
  json* node = &document;
  size_t start = 1;
  while (start <= pointer.size()) {
    const size_t end = std::min(pointer.find('/', start), pointer.size());
    node = &step_into(*node, unescaped(std::string_view(pointer).substr(start, end - start)), assignment);
    start = end + 1;
  }
  *node = value_of(assignment.substr(equals + 1), assignment);
}

std::optional<std::string> find_data_file(const std::string& name, const std::string& folder) {
  std::error_code ignored;
  const fs::path path(name);
  if (path.is_absolute()) return fs::is_regular_file(path, ignored) ? std::optional(name) : std::nullopt;
  std::vector<fs::path> bases = {fs::path(folder)};
  for (const std::string& configs : config_folders()) bases.push_back(fs::path(configs).parent_path());
  for (const fs::path& base : bases) {
    const fs::path candidate = base.empty() ? path : base / path;
    if (fs::is_regular_file(candidate, ignored)) return candidate.string();
  }
  return std::nullopt;
}

json resolve_platform(const json& value, const std::string& folder) {
  if (value.is_string()) {
    const std::string name = value.get<std::string>();
    if (name.find('/') != std::string::npos || name.ends_with(".json")) {
      const auto file = find_data_file(name, folder);
      if (!file) throw InputError(fmt::format("no such file: {}", name));
      return platform_document(*file);
    }
    return platform_document(name);
  }
  const auto base = value.find("base");
  if (base == value.end()) return value;
  if (!base->is_string()) throw InputError("base: expected the name or path of a platform");
  json platform = resolve_platform(*base, folder);
  json patch = value;
  patch.erase("base");
  platform.merge_patch(patch);
  return platform;
}

namespace {

void check_object(const json& document, const std::string& file) {
  if (!document.is_object()) throw InputError(fmt::format("{}: /: expected a scenario, an object", file));
}

}  // namespace

json read_scenario_json(const std::string& path, const ScenarioOverrides& overrides) {
  json document = parse_json_file(path);
  check_object(document, path);
  if (overrides.variant) apply_variant(document, *overrides.variant, path);
  for (const std::string& set : overrides.sets) apply_set(document, set);
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

Scenario scenario_from_json(json document, const std::string& file) {
  check_object(document, file);
  ConfigErrors errors(file);
  Scenario scenario;
  scenario.file = file;
  {
    draw_kaslr_seed(document);
    const json source = document;
    ConfigReader reader(source, "", errors);
    reader.read("name", scenario.name);
    check_name(reader, scenario.name);
    reader.read("description", scenario.description);
    reader.read("seed", scenario.seed);
    if (scenario.name.empty()) scenario.name = fs::path(file).stem().string();
    read_platform(reader, folder_of(file), scenario, document);
    if (!reader.has("memory")) reader.error("memory", "missing, expected an object with \"ranges\"");
    scenario.kernel = mm::read_kernel_config(reader.child("kernel"));
    scenario.memory = mm::read_memory_map(reader.child("memory"), scenario.kernel.levels);
    read_phases(reader, folder_of(file), scenario);
    check_variants(reader);
    reader.finish();
  }
  if (errors.empty()) check_phases(scenario.phases, scenario.memory, errors);
  errors.throw_if_any();
  document.erase("variants");
  scenario.effective = document.dump();
  return scenario;
}

}  // namespace mmusim
