// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config_keys.h"
#include "sim/machine/platform.h"

namespace mmusim {

/// Changes a document whose keys are known before it is read: the one implementation of --platform and --set.
///
/// An assignment is "/json/pointer=VALUE". The pointer (RFC 6901) names a key of `mmusim keys`; it reaches into arrays,
/// where an index equal to their size, or "-", adds an element, and into a platform or DRAM device that is given by name,
/// which is then resolved first. VALUE is JSON, or a word or number as it stands where a text is expected
/// (/kernel/version=6.1); null takes a key away. Every error is an InputError that names the assignment and, where a
/// name is misspelt, the nearest one that is known.
class Settings {
 public:
  /// Changes `document`, which has the keys `keys` (scenario_keys() or machine_keys()). Files of platforms are looked
  /// for in the current folder, in `folder`, and beside the configurations.
  Settings(nlohmann::json& document, const KeyNode& keys, std::string folder);

  /// Takes another platform: a name or a path.
  void use_platform(const std::string& name_or_path);
  void apply(const std::string& assignment);
  void apply_all(const std::vector<std::string>& assignments);

 private:
  nlohmann::json& document_;
  const KeyNode& keys_;
  std::string folder_;
};

/// A platform after --platform and --set, for commands without a scenario.
struct ChosenPlatform {
  nlohmann::json document;
  PlatformConfig config;
};
/// Takes the platform of that name or path and changes it. Throws InputError or EnvironmentError.
ChosenPlatform choose_platform(const std::string& name_or_path, const std::vector<std::string>& sets);
/// Changes `document`, a platform that stands at `pointer` of `file`, which errors name.
ChosenPlatform choose_platform(nlohmann::json document, const std::string& file, const std::string& pointer,
                               const std::vector<std::string>& sets);

/// The platform that a scenario's "platform" stands for: the name of a shipped one, a path, an object, or an object
/// with "base" (a name or path) whose other members are merged into the base as RFC 7386 says.
nlohmann::json resolve_platform(const nlohmann::json& value, const std::string& folder);

/// `name` as a file: as it stands if absolute, else in `folder`, else in the data directory (the parent of the shipped
/// configurations). nullopt if there is none.
std::optional<std::string> find_data_file(const std::string& name, const std::string& folder);

/// The platform of a scenario that names none.
inline constexpr const char* kDefaultPlatform = "milan";

}  // namespace mmusim
