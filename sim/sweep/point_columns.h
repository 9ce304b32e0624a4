// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// A number of each point: a column of the results.
struct MetricColumn {
  std::string name;
  std::string label;  ///< for people
  std::string unit;   ///< "cycles", "walks", ...; empty for ratios
};

/// All of them, in the order of the table: totals of the whole run ("totals_..."), what `compare` compares, ratios.
const std::vector<MetricColumn>& metric_columns();
bool is_metric_column(std::string_view name);
/// Their names, for messages.
std::string metric_names();

/// True for the columns that every sweep has: no axis can have such a name.
bool is_result_column(std::string_view name);

/// Returns the numbers of a summary in the order of metric_columns(); nullopt where there is nothing to measure, and,
/// without simulated time, for all that is made of cycles.
std::vector<std::optional<double>> metrics_of(const nlohmann::ordered_json& summary);

/// Returns the columns that a report is about if the user names none: those that can differ. `timed`: cycles count.
std::vector<std::string> usual_metrics(bool timed);

}  // namespace mmusim
