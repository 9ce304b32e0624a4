// SPDX-License-Identifier: MIT
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/report/json_shape.h"
#include "sim/report/summary.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

void check_version(const JsonShape& summary) {
  const ordered_json& node = summary.node();
  const bool ours = node.is_object() && summary.has("format") && node["format"] == "mmusim-summary" &&
                    summary.has("version") && node["version"].is_number_unsigned();
  if (!ours) {
    throw InputError(fmt::format("{}: not a summary of mmusim (no \"format\": \"mmusim-summary\")", summary.place()));
  }
  const auto version = node["version"].get<uint64_t>();
  if (version <= kSummaryVersion) return;
  throw InputError(
      fmt::format("{}: /version: summary of version {}, this mmusim reads up to {}: use the mmusim that wrote it "
                  "({}), or run the scenario again with this one",
                  summary.place(), version, kSummaryVersion,
                  summary.has("program") ? summary.at("program").text() : "newer than this one"));
}

/// Numbers of machine and kernel, of the whole run, a section or a phase.
void check_counts(const JsonShape& part) {
  part.at("totals").object();
  part.at("machine").at("walk_latency_cycles").object();
  const JsonShape stages = part.at("machine").at("stage_cycles").object();
  for (const auto& [name, cycles] : stages.node().items()) stages.at(name).number();
  part.at("kernel").object();
}

}  // namespace

ordered_json summary_from_text(const std::string& text, const std::string& place) {
  ordered_json document = parse_ordered_json(text, place);
  const JsonShape summary(document, place);
  check_version(summary);
  summary.at("configuration").object();
  if (summary.has("core_ghz")) summary.at("core_ghz").number();
  for (const char* section : {"build", "workload"}) {
    check_counts(summary.at("sections").at(section));
    summary.at("sections").at(section).at("stages").array();
  }
  const JsonShape phases = summary.at("phases").array();
  for (size_t i = 0; i < phases.node().size(); ++i) {
    (void)phases.at(i).at("stage").text();
    phases.at(i).at("totals").at("cycles").number();
  }
  const JsonShape configuration = summary.at("configuration");
  if (configuration.has("phases") && configuration.node()["phases"].is_array()) {
    const JsonShape list = configuration.at("phases");
    for (size_t i = 0; i < list.node().size(); ++i) {
      if (list.at(i).object().has("phase")) (void)list.at(i).at("phase").text();
    }
  }
  return document;
}

ordered_json read_summary(const std::string& directory) {
  const std::string path = directory + "/summary.json";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    throw InputError(fmt::format("{}: no such directory, expected one that `mmusim run --out` wrote", directory));
  }
  if (!std::filesystem::exists(path, error)) {
    const bool begun = std::filesystem::exists(directory + "/events.jsonl.zst", error);
    throw InputError(fmt::format("{}: no summary.json: {}", directory,
                                 begun ? "the run is unfinished or was killed; run it again (its event log can be read "
                                         "with `mmusim trace info`)"
                                       : "this is no run; give a directory that `mmusim run --out` wrote"));
  }
  return summary_from_text(read_json_file_text(path), path);
}

}  // namespace mmusim
