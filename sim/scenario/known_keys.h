// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "models/base/config_keys.h"

namespace mmusim {

// Keys of the program's configuration files: each function runs the reader of such a file.

/// Every key of a scenario; those of its platform are below "platform", those of the DRAM device below
/// "platform/dram/device".
const KeyNode& scenario_keys();
/// Every key of a platform.
const KeyNode& platform_keys();
/// The keys of an object that has nothing but a "platform": what a command without a scenario can set.
const KeyNode& machine_keys();
/// Every key of a DRAM device.
const KeyNode& dram_keys();

// Contents of a file, with all defaults filled in, as plain JSON. Names are those of shipped files, or paths. Each
// throws InputError for what is wrong in the file.

nlohmann::ordered_json whole_scenario(const std::string& name_or_path);
nlohmann::ordered_json whole_platform(const std::string& name_or_path);
nlohmann::ordered_json whole_dram_device(const std::string& name_or_path);
/// The "kernel" of a scenario that says nothing but the version.
nlohmann::ordered_json whole_kernel(const std::string& version);
/// A phase that runs this workload.
nlohmann::ordered_json whole_workload(const std::string& kind);

}  // namespace mmusim
