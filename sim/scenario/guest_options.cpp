// SPDX-License-Identifier: MIT
#include "sim/scenario/guest_options.h"

#include <nlohmann/json.hpp>

namespace mmusim {

nlohmann::json take_virtualization(ScenarioOverrides& overrides) {
  nlohmann::json document = nlohmann::json::object();
  std::erase_if(overrides.sets, [&](const std::string& set) {
    if (!set.starts_with("/virtualization/") && !set.starts_with("/virtualization=")) return false;
    apply_set(document, set);
    return true;
  });
  return document;
}

VirtualizationConfig virtualization_of(const nlohmann::json& document) {
  ConfigErrors errors("--set");
  ConfigReader reader(document, "", errors);
  VirtualizationConfig config = read_virtualization(reader.child("virtualization"));
  errors.throw_if_any();
  return config;
}

}  // namespace mmusim
