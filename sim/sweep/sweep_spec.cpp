// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep_spec.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/scenario/settings.h"
#include "sim/sweep/point_columns.h"
#include "sim/sweep/replay_keys.h"

namespace mmusim {

using nlohmann::json;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMostPoints = 1'000'000;

/// The text of a setting that gives the key this value.
std::string value_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// RFC 6901.
std::string escaped(const std::string& token) {
  std::string text;
  for (const char c : token) text += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return text;
}

/// The settings that do what a merge patch does (RFC 7386).
void sets_of_patch(const json& patch, const std::string& pointer, std::vector<std::string>& sets) {
  for (const auto& [key, value] : patch.items()) {
    const std::string at = pointer + "/" + escaped(key);
    if (value.is_object() && !value.empty()) {
      sets_of_patch(value, at, sets);
    } else if (!value.is_object()) {
      sets.push_back(at + "=" + value_text(value));
    }
  }
}

bool is_scalar(const json& value) { return value.is_number() || value.is_string() || value.is_boolean(); }

/// One text or a list of them.
std::vector<std::string> read_texts(ConfigReader& reader, const ConfigKey& key) {
  std::vector<std::string> texts;
  const json* value = reader.raw(key);
  if (value == nullptr) return texts;
  const json list = value->is_array() ? *value : json::array({*value});
  for (const json& text : list) {
    if (!text.is_string()) {
      reader.error(key.name, "expected a text or a list of texts");
      return {};
    }
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

/// A file that is named in a SWEEP.json, as an absolute path; a name that is no file's stays.
std::string found_file(const std::string& name, const std::string& folder) {
  std::error_code ignored;
  if (fs::is_regular_file(fs::path(folder) / name, ignored)) return fs::absolute(fs::path(folder) / name).string();
  if (fs::is_regular_file(name, ignored)) return fs::absolute(name).string();
  const auto found = name.find('/') == std::string::npos ? std::nullopt : find_data_file(name, folder);
  return found ? fs::absolute(*found).string() : name;
}

void read_patches(ConfigReader& r, SweepAxis& axis) {
  const json* patches = r.raw({"patches", "Merge patches (RFC 7386) on the scenario by label, in the labels' order."},
                              ValueForm::map(ValueForm::of(ValueForm::Kind::kObject)));
  if (patches == nullptr) return;
  if (!patches->is_object()) return r.error("patches", "expected an object of merge patches");
  for (const auto& [label, patch] : patches->items()) {
    if (!patch.is_object()) r.error("patches", fmt::format("\"{}\": expected an object", label));
    AxisValue value{label, {}};
    if (patch.is_object()) sets_of_patch(patch, "", value.sets);
    axis.values.push_back(std::move(value));
  }
}

SweepAxis read_axis(ConfigReader& r) {
  SweepAxis axis;
  std::string pointer;
  r.read({"name", "Column of the results.", "", "made of the pointer"}, axis.name);
  r.read({"set", "JSON pointer of the key that varies, as --set takes it; /replay/KEY: an option of `replay`."},
         pointer);
  const json* values = r.raw({"values", "What the key is set to, in order."}, ValueForm::list({}));
  if (!pointer.empty()) {
    if (pointer[0] != '/') r.error("set", "expected a JSON pointer");
    if (values == nullptr || !values->is_array() || values->empty()) {
      r.error("values", "expected a list of at least one value");
    } else {
      axis = axis_of_key(axis.name, pointer, values->get<std::vector<json>>());
    }
  }
  read_patches(r, axis);
  const ConfigKey choices("choices", "Values that change several keys each.");
  const auto read_choice = [&axis](ConfigReader one) {
    const json* label = one.raw({"label", "What the value is called in the results: number or text."});
    if (label == nullptr || !is_scalar(*label)) one.error("label", "expected a number or a text");
    axis.values.push_back({label == nullptr ? json() : *label, {}});
    axis.values.back().sets = read_texts(one, {"set", "Settings, \"/json/pointer=VALUE\" each."});
    one.finish();
  };
  r.for_each(choices, read_choice);
  return axis;
}

std::vector<SweepAxis> read_group(ConfigReader r) {
  std::vector<SweepAxis> group;
  const bool zipped = r.has("zip");
  const ConfigKey key("zip", "Axes that advance together: as many values each.");
  const auto read_one = [&group](ConfigReader one) {
    group.push_back(read_axis(one));
    one.check(!group.back().values.empty(), "set",
              "expected \"set\" with \"values\", or \"name\" with \"patches\" or \"choices\"");
    one.finish();
  };
  r.for_each(key, read_one);
  if (!zipped) {
    group.push_back(read_axis(r));
    r.check(r.records_all() || !group.back().values.empty(), "set",
            "expected \"set\" with \"values\", \"name\" with \"patches\" or \"choices\", or \"zip\"");
  }
  r.finish();
  return group;
}

json axis_document(const SweepAxis& axis) {
  json values = json::array();
  for (const AxisValue& value : axis.values) values.push_back({{"label", value.label}, {"set", value.sets}});
  return {{"name", axis.name}, {"choices", std::move(values)}};
}

}  // namespace

SweepAxis axis_of_key(std::string name, const std::string& pointer, const std::vector<json>& values) {
  SweepAxis axis{std::move(name), {}};
  if (axis.name.empty()) {
    axis.name = pointer.substr(pointer.starts_with("/platform/") ? 10 : 1);
    std::replace(axis.name.begin(), axis.name.end(), '/', '_');
    if (pointer.starts_with("/replay/")) axis.name = pointer.substr(8);
  }
  for (const json& value : values) {
    axis.values.push_back({is_scalar(value) ? value : json(value.dump()), {pointer + "=" + value_text(value)}});
  }
  return axis;
}

SweepSpec read_sweep_spec(ConfigReader reader, const std::string& folder) {
  SweepSpec spec;
  const std::vector<std::string> scenarios =
      read_texts(reader, {"scenario", "Scenario that is run: name or path, or a list of them (an axis)."});
  const std::vector<std::string> traces =
      read_texts(reader, {"trace", "Trace that is replayed: a path, or a list of them (an axis)."});
  if (!reader.records_all() && scenarios.empty() == traces.empty()) {
    reader.error(traces.empty() ? "scenario" : "trace", "expected either \"scenario\" or \"trace\"");
  }
  spec.of_traces = !traces.empty();
  for (const std::string& name : spec.of_traces ? traces : scenarios) spec.inputs.push_back(found_file(name, folder));
  reader.read({"platform", "Platform of all points: name or path.", "", "that of the scenario or trace"},
              spec.platform);
  if (!spec.platform.empty()) spec.platform = found_file(spec.platform, folder);
  reader.read({"variant", "Variant of the scenario.", "", "none"}, spec.variant);
  spec.sets = read_texts(reader, {"set", "Settings of all points, \"/json/pointer=VALUE\" each."});
  reader.for_each({"axes", "What varies: crossed, the last axis fastest."},
                  [&spec](ConfigReader r) { spec.axes.push_back(read_group(std::move(r))); });
  reader.read({"repeat", "Runs of each combination, with seeds counting up.", "runs"}, spec.repeat, 1, 1'000'000);
  reader.read({"seed", "Seed of the first run of each combination.", "", "that of the scenario, 1 for traces"},
              spec.seed);
  spec.metrics = read_texts(reader, {"metrics", "Columns that the report is about.", "", "cycles, misses and walks"});
  const ConfigKey replay_key{"replay", "Options of `mmusim replay` for all points."};
  if (const json* replay = reader.raw(replay_key); replay != nullptr && replay->is_object()) spec.replay = *replay;
  reader.optional_child(replay_key, [](ConfigReader r) {
    ReplayOptions checked;
    read_sweep_replay(std::move(r), checked);
  });
  reader.check(!reader.has("replay") || !traces.empty(), "replay", "is for traces, this sweep runs scenarios");
  reader.ignore({"description", "Text for the human reader."});
  reader.finish();
  return spec;
}

SweepSpec load_sweep_spec(const std::string& path) {
  const json document = parse_json_file(path);
  if (!document.is_object()) throw InputError(fmt::format("{}: /: expected a sweep, an object", path));
  ConfigErrors errors(path);
  SweepSpec spec = read_sweep_spec(ConfigReader(document, "", errors), fs::path(path).parent_path().string());
  errors.throw_if_any();
  check_axes(spec, path + ": /axes");
  return spec;
}

bool is_sweep_document(const json& document) {
  return document.is_object() && !document.contains("phases") &&
         (document.contains("scenario") || document.contains("trace"));
}

uint64_t points_of(const SweepSpec& spec) {
  uint64_t points = spec.inputs.size() * uint64_t{spec.repeat};
  for (const auto& group : spec.axes) {
    const uint64_t values = group.empty() ? 0 : group.front().values.size();
    if (values != 0 && points > 1000 * kMostPoints / values) return 1000 * kMostPoints;
    points *= values;
  }
  return points;
}

void check_axes(const SweepSpec& spec, const std::string& place) {
  std::set<std::string> names;
  if (spec.inputs.size() > 1) names.insert(spec.of_traces ? "trace" : "scenario");
  for (const auto& group : spec.axes) {
    for (const SweepAxis& axis : group) {
      const bool plain =
          !axis.name.empty() && axis.name.size() <= 100 &&
          std::all_of(axis.name.begin(), axis.name.end(), [](unsigned char c) { return c > ' ' && c < 127; });
      if (!plain) throw InputError(fmt::format("{}: \"{}\": expected a name of up to 100 letters", place, axis.name));
      if (is_result_column(axis.name)) {
        throw InputError(
            fmt::format("{}: \"{}\" is a column of every sweep: give the axis another name", place, axis.name));
      }
      if (!names.insert(axis.name).second) throw InputError(fmt::format("{}: two axes \"{}\"", place, axis.name));
      if (axis.values.empty()) throw InputError(fmt::format("{}: \"{}\" has no values", place, axis.name));
      if (axis.values.size() != group.front().values.size()) {
        throw InputError(fmt::format("{}: zipped axes need as many values each: \"{}\" has {}, \"{}\" has {}", place,
                                     group.front().name, group.front().values.size(), axis.name, axis.values.size()));
      }
    }
  }
  for (const std::string& metric : spec.metrics) {
    if (!is_metric_column(metric))
      throw InputError(fmt::format("{}: no metric \"{}\", expected some of {}", place, metric, metric_names()));
  }
  if (points_of(spec) > kMostPoints) {
    throw InputError(fmt::format("{}: more than {} points", place, kMostPoints));
  }
}

ordered_json document_of(const SweepSpec& spec) {
  const auto list = [](const std::vector<std::string>& texts) {
    return texts.size() == 1 ? json(texts[0]) : json(texts);
  };
  ordered_json document = {{spec.of_traces ? "trace" : "scenario", list(spec.inputs)}};
  if (!spec.platform.empty()) document["platform"] = spec.platform;
  if (spec.variant) document["variant"] = *spec.variant;
  if (!spec.sets.empty()) document["set"] = spec.sets;
  if (spec.of_traces) document["replay"] = spec.replay;
  ordered_json axes = ordered_json::array();
  for (const auto& group : spec.axes) {
    ordered_json zipped = ordered_json::array();
    for (const SweepAxis& axis : group) zipped.push_back(ordered_json(axis_document(axis)));
    if (group.size() == 1) {
      axes.push_back(zipped[0]);
    } else {
      axes.push_back(ordered_json::object({{"zip", std::move(zipped)}}));
    }
  }
  document["axes"] = std::move(axes);
  document["repeat"] = spec.repeat;
  if (spec.seed) document["seed"] = *spec.seed;
  if (!spec.metrics.empty()) document["metrics"] = spec.metrics;
  return document;
}

}  // namespace mmusim
