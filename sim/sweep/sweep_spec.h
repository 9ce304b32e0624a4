// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"

namespace mmusim {

/// One value of an axis: what it is called in results, and the settings that make it.
struct AxisValue {
  nlohmann::json label;           ///< number, text or flag
  std::vector<std::string> sets;  ///< "/json/pointer=VALUE" each, see Settings
};

/// One thing that a sweep varies.
struct SweepAxis {
  std::string name;  ///< a column of the results
  std::vector<AxisValue> values;
};

/// Points of a sweep: each combination of its inputs and axes, `repeat` times.
///
/// Pointers are those of `mmusim run --set`, or of `mmusim replay --set`; for traces, /replay/KEY is an option of
/// `replay` (read_sweep_replay()).
struct SweepSpec {
  bool of_traces = false;              ///< the inputs are traces, else scenarios
  std::vector<std::string> inputs;     ///< at least one; more are an axis "scenario" or "trace", which varies slowest
  std::string platform;                ///< name or path; empty: that of the input
  std::optional<std::string> variant;  ///< of the scenarios
  std::vector<std::string> sets;       ///< of all points, before those of the axes
  std::vector<std::vector<SweepAxis>>
      axes;                          ///< axes of one group advance together, groups are crossed, the last fastest
  unsigned repeat = 1;               ///< runs of each combination, with seeds counting up
  std::optional<uint64_t> seed;      ///< the first; missing: that of the input
  std::vector<std::string> metrics;  ///< columns that the report is about; empty: those that fit
  nlohmann::json replay = nlohmann::json::object();  ///< options of `replay` for all points
};

/// Reads the keys of a SWEEP.json. Errors go to the reader.
SweepSpec read_sweep_spec(ConfigReader reader, const std::string& folder);

/// Reads a SWEEP.json. File names are looked for in its folder, in the current one, and beside the configurations.
/// Throws InputError with every error found.
SweepSpec load_sweep_spec(const std::string& path);

/// True if a document is a sweep, not a scenario.
bool is_sweep_document(const nlohmann::json& document);

/// Returns the SWEEP.json that says the same, with absolute file names.
nlohmann::ordered_json document_of(const SweepSpec& spec);

/// Reads "[NAME=]/json/pointer=V1,V2,...": commas within brackets, braces and quotes belong to a value. Throws
/// InputError.
SweepAxis parse_vary(const std::string& text);

/// Returns the axis that sets one key to each of the values. `name` empty: made of the pointer.
SweepAxis axis_of_key(std::string name, const std::string& pointer, const std::vector<nlohmann::json>& values);

/// Throws InputError for axes without values, of one name or of a column's, for zipped axes of different lengths, and
/// for more than a million points. `place` begins the message.
void check_axes(const SweepSpec& spec, const std::string& place);

/// Returns the number of points.
uint64_t points_of(const SweepSpec& spec);

}  // namespace mmusim
