// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// The folder with the shipped configurations: environment variable MMUSIM_CONFIGS if set and not empty, else
/// `configs` of the source tree the program was built from.
std::string config_dir();

/// The file a user means by `name`, where a path or the bare name of a shipped configuration may be given.
///
/// A name with a '/' or the suffix ".json" is a path as it stands; "-" and existing files are paths too. Anything else
/// is `<config_dir()>/<kind>/<name>.json`, where `kind` is the folder ("dram", "platforms", "scenarios").
/// Throws InputError, which lists the names there are, if there is no such configuration.
std::string find_config(std::string_view kind, std::string_view name);

/// The bare names of the shipped configurations of `kind`, sorted. Empty if there is no such folder.
std::vector<std::string> config_names(std::string_view kind);

/// The platform of that name ("milan") or path as JSON; a "base" in it is resolved: what the file says is an RFC 7386
/// patch on that platform. Throws InputError or EnvironmentError.
nlohmann::json platform_document(const std::string& name_or_path);

}  // namespace mmusim
