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

/// Changes of the command line to a scenario before it is read: variant, platform, settings, seed, in this order.
struct ScenarioOverrides {
  std::optional<std::string> variant;  ///< a member of "variants", merged as RFC 7386 says
  std::vector<std::string> sets;       ///< "/json/pointer=VALUE" each, see Settings
  std::optional<uint64_t> seed;
  std::optional<std::string> platform = std::nullopt;  ///< name or path, in place of the scenario's; before `sets`
};

/// Reads a scenario: a path, or the bare name of a shipped one. Throws InputError with every error found (file, JSON
/// pointer, what was expected), EnvironmentError if the file cannot be opened.
Scenario load_scenario(const std::string& name_or_path, const ScenarioOverrides& overrides = {});

/// Reads the keys of a scenario; errors go to the reader. `document`, what the reader reads, gets its platform
/// resolved.
Scenario read_scenario(ConfigReader reader, const std::string& file, nlohmann::json& document);

/// Reads a document that is parsed already; `file` stands for it in messages, and its folder is where file names are
/// looked for.
Scenario scenario_from_json(nlohmann::json document, const std::string& file);

/// The names of the scenario's variants, in the file's order; empty if it has none.
std::vector<std::string> scenario_variants(const std::string& name_or_path);

/// The file itself, with variant, sets and seed applied, not checked any further.
nlohmann::json read_scenario_json(const std::string& path, const ScenarioOverrides& overrides);

}  // namespace mmusim
