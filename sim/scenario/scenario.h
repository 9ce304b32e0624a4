// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mm/config.h"
#include "sim/machine/virtualization.h"
#include "sim/scenario/phase.h"

namespace mmusim {

/// A machine, a kernel on it, and what happens to them, in order. Keys: configs/README.md.
struct Scenario {
  std::string name;
  std::string description;
  std::string file;      ///< where it was read from
  std::string platform;  ///< the effective platform, JSON text of an object
  mm::KernelConfig kernel;
  mm::MemoryMap memory;
  VirtualizationConfig virtualization;  ///< whether all this is a guest
  std::vector<Phase> phases;
  uint64_t seed = 1;
  std::string effective;  ///< the whole scenario after variant, --set and --seed, JSON text of an object
};

/// What the command line changes in a scenario before it is read, in this order.
struct ScenarioOverrides {
  std::optional<std::string> variant;  ///< a member of "variants", merged as RFC 7386 says
  std::vector<std::string> sets;       ///< "/json/pointer=VALUE"; VALUE is JSON, or a string if it is no JSON
  std::optional<uint64_t> seed;
};

/// Reads a scenario: a path, or the bare name of a shipped one. Throws InputError with every error found (file, JSON
/// pointer, what was expected), EnvironmentError if the file cannot be opened.
Scenario load_scenario(const std::string& name_or_path, const ScenarioOverrides& overrides = {});

/// The same for a document already read; `file` stands for it in messages, and its folder is where file names are
/// looked for.
Scenario scenario_from_json(nlohmann::json document, const std::string& file);

/// The names of the scenario's variants, in the file's order; empty if it has none.
std::vector<std::string> scenario_variants(const std::string& name_or_path);

/// The file itself, with variant, sets and seed applied, not checked any further.
nlohmann::json read_scenario_json(const std::string& path, const ScenarioOverrides& overrides);

/// Applies one "/json/pointer=VALUE". Missing members of objects are created. Throws InputError if the pointer is
/// malformed or leads through something that is no object and no array.
void apply_set(nlohmann::json& document, const std::string& assignment);

/// The platform that a scenario's "platform" stands for: the name of a shipped one, a path, an object, or an object
/// with "base" (a name or path) whose other members are merged into the base as RFC 7386 says.
nlohmann::json resolve_platform(const nlohmann::json& value, const std::string& folder);

/// `name` as a file: as it stands if absolute, else in `folder`, else in the data directory (the parent of the shipped
/// configurations). nullopt if there is none.
std::optional<std::string> find_data_file(const std::string& name, const std::string& folder);

}  // namespace mmusim
