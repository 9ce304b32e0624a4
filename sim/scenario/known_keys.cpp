// SPDX-License-Identifier: MIT
#include "sim/scenario/known_keys.h"

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/dram/dram_config.h"
#include "sim/machine/platform.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

using nlohmann::json;
using nlohmann::ordered_json;

const KeyNode& scenario_keys() {
  static const KeyNode kKeys = record_all_keys([](ConfigReader reader) {
    json document = json::object();
    read_scenario(std::move(reader), "", document);
  });
  return kKeys;
}

const KeyNode& platform_keys() {
  static const KeyNode kKeys = record_all_keys([](ConfigReader reader) { read_platform(std::move(reader)); });
  return kKeys;
}

const KeyNode& machine_keys() {
  static const KeyNode kKeys = [] {
    KeyNode root;
    root.form.kind = ValueForm::Kind::kObject;
    root.keys.push_back(*scenario_keys().find("platform"));
    return root;
  }();
  return kKeys;
}

const KeyNode& dram_keys() {
  static const KeyNode kKeys = record_all_keys([](ConfigReader reader) { read_dram_config(std::move(reader)); });
  return kKeys;
}

namespace {

/// Records what `read` finds in `document`. Throws InputError for all that is wrong.
template <class Read>
ordered_json whole(const json& document, const std::string& file, Read&& read) {
  ConfigErrors errors(file);
  KeyNode root;
  read(ConfigReader(document, "", errors, root, Record::kDocument));
  errors.throw_if_any();
  return document_of(root);
}

}  // namespace

ordered_json whole_scenario(const std::string& name_or_path) {
  const std::string file = find_config("scenarios", name_or_path);
  json document = parse_json_file(file);
  if (!document.is_object()) throw InputError(fmt::format("{}: /: expected a scenario, an object", file));
  const json source = document;
  return whole(source, file, [&](ConfigReader reader) { read_scenario(std::move(reader), file, document); });
}

ordered_json whole_platform(const std::string& name_or_path) {
  return whole(platform_document(name_or_path), find_config("platforms", name_or_path),
               [](ConfigReader reader) { read_platform(std::move(reader)); });
}

ordered_json whole_dram_device(const std::string& name_or_path) {
  const std::string file = find_config("dram", name_or_path);
  return whole(parse_json_file(file), file, [](ConfigReader reader) { read_dram_config(std::move(reader)); });
}

ordered_json whole_kernel(const std::string& version) {
  return whole({{"version", version}}, version, [](ConfigReader reader) { mm::read_kernel_config(std::move(reader)); });
}

ordered_json whole_workload(const std::string& kind) {
  json phase = {{"phase", "workload"}, {"kind", kind}};
  if (kind == "mix") phase["parameters"]["parts"] = {{{"kind", "uniform"}}};  // it cannot do without a part
  return whole(phase, kind, [](ConfigReader reader) { read_phase(std::move(reader), "", ""); });
}

}  // namespace mmusim
