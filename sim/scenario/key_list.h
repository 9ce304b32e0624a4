// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/base/config_keys.h"

namespace mmusim {

/// One line of `mmusim keys`: a key of a scenario, of its platform or of its DRAM device.
struct KeyLine {
  /// As for --set, from the scenario down; N stands for an index. "/phases/N[hot_add]/start" is a key of phases of that
  /// kind, "/phases/N[workload,zipf]/parameters/exponent" one of that workload.
  std::string path;
  std::string type;
  std::string unit;
  std::string range;
  std::string by_default;  ///< a value, what holds instead, or "required"
  std::string meaning;
};

/// Lists the keys below `root` in the order in which they are read, objects included. A selector whose cases were
/// listed above (the workloads within "mix") is not gone through again.
std::vector<KeyLine> list_keys(const KeyNode& root);

/// Keeps the keys that a user means by `prefix`: those whose path begins with it; if there are none, those with a part
/// of the path that begins with it ("stlb"), or those of the kind of that name ("zipf"). Dots may stand for slashes,
/// numbers for N, and the first slash may be left out. Throws InputError with the nearest name if nothing is meant.
std::vector<KeyLine> keys_below(const std::vector<KeyLine>& lines, std::string_view prefix);

/// Aligned columns: path, type, range, default, unit, meaning.
std::string key_text(const std::vector<KeyLine>& lines);
/// An array of objects with the members of KeyLine.
nlohmann::ordered_json key_json(const std::vector<KeyLine>& lines);

/// Writes the tables of configs/README.md for the object at `path` ("/platform") in `root`: one for each object below
/// it that has no files of its own; for "/", one table. Objects that have the same keys as one before refer to it and
/// list the defaults that differ.
std::string key_tables(const KeyNode& root, const std::string& path);

}  // namespace mmusim
