// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mmusim {

/// Outcome of a point: one line of JSON between processes and in shards, a row of the database.
struct PointResult {
  std::string id;
  std::string message;  ///< why it failed; empty if it did not
  double wall_seconds = 0;
  double cpu_seconds = 0;
  std::string summary;  ///< JSON text of summary.json without `host`; empty if it failed

  bool failed() const { return summary.empty(); }
};

/// Returns the result as JSON in one line, without a line end.
std::string line_of(const PointResult& result);
/// Reads such a line; nullopt if it is none, or not whole.
std::optional<PointResult> result_of(std::string_view line);

}  // namespace mmusim
