// SPDX-License-Identifier: MIT
#include "sim/scenario/guest_options.h"

#include <nlohmann/json.hpp>

#include "sim/scenario/settings.h"

namespace mmusim {

namespace {

const KeyNode& guest_keys() {
  static const KeyNode keys =
      record_all_keys([](ConfigReader reader) { read_virtualization(reader.child(kVirtualizationKey)); });
  return keys;
}

}  // namespace

nlohmann::json take_virtualization(ScenarioOverrides& overrides, nlohmann::json document) {
  Settings settings(document, guest_keys(), "");
  std::erase_if(overrides.sets, [&](const std::string& set) {
    if (!set.starts_with("/virtualization/") && !set.starts_with("/virtualization=")) return false;
    settings.apply(set);
    return true;
  });
  return document;
}

VirtualizationConfig virtualization_of(const nlohmann::json& document) {
  ConfigErrors errors("--set");
  ConfigReader reader(document, "", errors);
  VirtualizationConfig config = read_virtualization(reader.child(kVirtualizationKey));
  errors.throw_if_any();
  return config;
}

}  // namespace mmusim
