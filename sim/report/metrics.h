// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// A number that users compare, computed from a summary.json.
struct Metric {
  const char* key;    ///< in compare.json and CSV
  const char* label;  ///< for people
  const char* unit;   ///< "entries", "pages", "bytes", "cycles", "accesses", "lookups", "walks", "%", ...
  const char* group;  ///< heading it stands under
  /// nullopt where there is nothing to measure (latency of no walks).
  std::optional<double> (*value)(const nlohmann::ordered_json& summary);
};

/// All of them, in the order of tables.
std::span<const Metric> compared_metrics();

/// The metric of this key, which there must be.
const Metric& metric_named(std::string_view key);

/// The section that answers for accesses: the workload phases if the run has any, else those that build tables.
const nlohmann::ordered_json& measured_section(const nlohmann::ordered_json& summary);

/// Mean of repeated measurements and its 95 % confidence interval (Student's t; equal to the mean for one value).
struct Estimate {
  double mean = 0;
  double half_width = 0;
  size_t count = 0;
};
Estimate estimate(const std::vector<double>& values);

/// The value with its unit, as tables show it: "1,234", "8.2 MiB", "12.3 %".
std::string shown(const Metric& metric, double value);
/// Half the width of a confidence interval, as tables show it.
std::string shown_interval(const Metric& metric, double half_width);

}  // namespace mmusim
