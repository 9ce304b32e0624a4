// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Returns the folders in which configurations are looked for, the first that has a name wins: those that
/// add_folder_of_configs() added, the last one first; MMUSIM_CONFIGS if it is set and not empty; share/mmusim/configs
/// beside the folder of the program; `configs` of the source tree that the program was built from. Folders that do not
/// exist are left out.
std::vector<std::string> config_folders();
void add_folder_of_configs(const std::string& folder);

/// The file a user means by `name`, where a path or the bare name of a shipped configuration may be given.
///
/// A name with a '/' or the suffix ".json" is a path as it stands; "-" and existing files are paths too. Anything else
/// is `FOLDER/<kind>/<name>.json` of one of config_folders(), where `kind` is the folder ("dram", "platforms", "scenarios").
/// Throws InputError, which lists the names there are, if there is no such configuration.
std::string find_config(std::string_view kind, std::string_view name);

/// Returns the bare names of the configurations of `kind` in all folders, sorted, each once.
std::vector<std::string> config_names(std::string_view kind);

/// The platform of that name ("milan") or path as JSON; a "base" in it is resolved: what the file says is an RFC 7386
/// patch on that platform. Throws InputError or EnvironmentError.
nlohmann::json platform_document(const std::string& name_or_path);

}  // namespace mmusim
