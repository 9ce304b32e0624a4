// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/report/metrics.h"
#include "sim/sweep/database.h"
#include "sim/sweep/plan.h"
#include "sim/sweep/point_columns.h"

namespace mmusim {

/// An axis as the report shows it.
struct TableAxis {
  std::string name;
  std::vector<nlohmann::json> values;  ///< each once, in the order of the sweep
  std::vector<std::optional<double>>
      positions;  ///< of the values on a scale; nullopt if one of them is no number or size
};

/// One combination, its runs taken together.
struct TableRow {
  std::vector<size_t> at;         ///< index of its value on each axis
  std::vector<Estimate> metrics;  ///< mean over the seeds, with the 95 % interval; count 0: nothing to measure
};

/// The points of a sweep that are done, without the seeds.
struct SweepTable {
  std::vector<TableAxis> axes;
  std::vector<MetricColumn> metrics;
  std::vector<TableRow> rows;
};
SweepTable table_of(const SweepPlan& plan, const std::vector<PointRow>& rows);

/// The value of an axis after which a curve gets little better.
struct Knee {
  size_t metric = 0;
  size_t axis = 0;
  size_t row = 0;
};

struct SweepFindings {
  std::vector<std::optional<size_t>> best;  ///< for each metric the row with the least mean, the first of equals
  std::vector<Knee> knees;                  ///< of each curve that has one: by metric, axis, and the row it lies in
};
SweepFindings findings_of(const SweepTable& table);

/// Returns the point of a curve (x ascending) that lies farthest from the line between its ends, on the side of a curve
/// that flattens; nullopt for less than three points, or if that is less than a tenth of the height. x is taken as
/// logarithm if it spans a factor of eight or more.
std::optional<size_t> knee_of(const std::vector<std::pair<double, double>>& curve);

/// Best points and knees, for people.
std::string findings_text(const SweepTable& table, const SweepFindings& findings);

}  // namespace mmusim
