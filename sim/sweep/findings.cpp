// SPDX-License-Identifier: MIT
#include "sim/sweep/findings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "models/base/format.h"
#include "models/base/json_input.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr double kLogarithmFrom = 8;      // the factor that x spans
constexpr double kLeastPartOfKnee = 0.1;  // of the height of the curve

std::optional<double> position_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::optional<uint64_t> size = parse_size(value.get<std::string>());
  return size ? std::optional(static_cast<double>(*size)) : std::nullopt;
}

std::vector<TableAxis> axes_of(const SweepPlan& plan) {
  std::vector<TableAxis> axes;
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    TableAxis axis{plan.axes[i], {}, {}};
    for (const Combination& one : plan.combinations) {
      const json& value = one.labels[i];
      if (std::find(axis.values.begin(), axis.values.end(), value) == axis.values.end()) axis.values.push_back(value);
    }
    for (const json& value : axis.values) axis.positions.push_back(position_of(value));
    const bool all =
        std::all_of(axis.positions.begin(), axis.positions.end(), [](const auto& p) { return p.has_value(); });
    if (!all) std::fill(axis.positions.begin(), axis.positions.end(), std::nullopt);
    axes.push_back(std::move(axis));
  }
  return axes;
}

/// The metrics that the sweep names, else the usual ones that were measured.
std::vector<size_t> metrics_for(const SweepPlan& plan, const std::vector<PointRow>& rows) {
  const auto& columns = metric_columns();
  const auto measured = [&rows](size_t column) {
    return std::any_of(rows.begin(), rows.end(), [column](const PointRow& r) { return r.metrics[column].has_value(); });
  };
  std::vector<std::string> names = plan.spec.metrics;
  const bool usual = names.empty();
  size_t cycles = 0;
  while (columns[cycles].name != "cycles") ++cycles;
  if (usual) names = usual_metrics(measured(cycles));
  std::vector<size_t> chosen;
  for (const std::string& name : names) {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const MetricColumn& c) { return c.name == name; });
    const auto column = static_cast<size_t>(found - columns.begin());
    if (!usual || measured(column)) chosen.push_back(column);
  }
  return chosen;
}

/// A curve: rows that differ in one axis alone.
using Curve = std::vector<size_t>;

std::vector<Curve> curves_over(const SweepTable& table, size_t axis) {
  std::map<std::vector<size_t>, Curve> curves;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    std::vector<size_t> others = table.rows[row].at;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(axis));
    curves[others].push_back(row);
  }
  std::vector<Curve> list;
  for (auto& [others, curve] : curves) {
    std::sort(curve.begin(), curve.end(), [&](size_t a, size_t b) {
      return *table.axes[axis].positions[table.rows[a].at[axis]] < *table.axes[axis].positions[table.rows[b].at[axis]];
    });
    list.push_back(std::move(curve));
  }
  return list;
}

bool is_numeric(const TableAxis& axis) { return axis.positions.size() >= 3 && axis.positions[0].has_value(); }

void find_knees(const SweepTable& table, size_t metric, size_t axis, std::vector<Knee>& knees) {
  for (const Curve& curve : curves_over(table, axis)) {
    std::vector<std::pair<double, double>> points;
    for (const size_t row : curve) {
      const Estimate& value = table.rows[row].metrics[metric];
      if (value.count != 0) points.emplace_back(*table.axes[axis].positions[table.rows[row].at[axis]], value.mean);
    }
    if (points.size() != curve.size()) continue;
    if (const auto knee = knee_of(points)) knees.push_back({metric, axis, curve[*knee]});
  }
}

std::string label_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string row_text(const SweepTable& table, const TableRow& row) {
  std::string text;
  for (size_t i = 0; i < table.axes.size(); ++i) {
    const TableAxis& axis = table.axes[i];
    if (axis.values.size() < 2) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", axis.name, label_text(axis.values[row.at[i]]));
  }
  return text.empty() ? "the only point" : text;
}

}  // namespace

SweepTable table_of(const SweepPlan& plan, const std::vector<PointRow>& rows) {
  SweepTable table;
  table.axes = axes_of(plan);
  const std::vector<size_t> metrics = metrics_for(plan, rows);
  for (const size_t metric : metrics) table.metrics.push_back(metric_columns()[metric]);
  for (size_t i = 0; i < rows.size();) {
    const size_t combination = plan.points[i].combination;
    TableRow row;
    for (size_t k = 0; k < plan.axes.size(); ++k) {
      const auto& values = table.axes[k].values;
      const auto at = std::find(values.begin(), values.end(), plan.combinations[combination].labels[k]);
      row.at.push_back(static_cast<size_t>(at - values.begin()));
    }
    std::vector<std::vector<double>> values(metrics.size());
    bool any = false;
    for (; i < rows.size() && plan.points[i].combination == combination; ++i) {
      any = any || rows[i].status == "done";
      for (size_t m = 0; m < metrics.size(); ++m) {
        if (const auto& value = rows[i].metrics[metrics[m]]) values[m].push_back(*value);
      }
    }
    for (const auto& list : values) row.metrics.push_back(estimate(list));
    if (any) table.rows.push_back(std::move(row));
  }
  return table;
}

std::optional<size_t> knee_of(const std::vector<std::pair<double, double>>& curve) {
  if (curve.size() < 3) return std::nullopt;
  const bool logarithm = curve.front().first > 0 && curve.back().first >= kLogarithmFrom * curve.front().first;
  const auto place = [logarithm](double x) { return logarithm ? std::log2(x) : x; };
  const double left = place(curve.front().first);
  const double width = place(curve.back().first) - left;
  const double height = curve.back().second - curve.front().second;
  if (width == 0 || height == 0) return std::nullopt;
  std::optional<size_t> knee;
  double most = kLeastPartOfKnee;
  for (size_t i = 1; i + 1 < curve.size(); ++i) {
    // Share of the way up or down that is done, beyond the share of the way to the right.
    const double ahead = (curve[i].second - curve.front().second) / height - (place(curve[i].first) - left) / width;
    if (ahead <= most) continue;
    most = ahead;
    knee = i;
  }
  return knee;
}

SweepFindings findings_of(const SweepTable& table) {
  SweepFindings findings;
  for (size_t m = 0; m < table.metrics.size(); ++m) {
    std::optional<size_t> best;
    for (size_t row = 0; row < table.rows.size(); ++row) {
      const Estimate& value = table.rows[row].metrics[m];
      if (value.count != 0 && (!best || value.mean < table.rows[*best].metrics[m].mean)) best = row;
    }
    findings.best.push_back(best);
    for (size_t axis = 0; axis < table.axes.size(); ++axis) {
      if (is_numeric(table.axes[axis])) find_knees(table, m, axis, findings.knees);
    }
  }
  return findings;
}

std::string findings_text(const SweepTable& table, const SweepFindings& findings) {
  std::string text;
  for (size_t m = 0; m < table.metrics.size(); ++m) {
    if (!findings.best[m]) continue;
    const TableRow& row = table.rows[*findings.best[m]];
    text += fmt::format("least {}: {:.6g} at {}\n", table.metrics[m].label, row.metrics[m].mean, row_text(table, row));
    for (size_t axis = 0; axis < table.axes.size(); ++axis) {
      std::map<size_t, size_t> knees;  // how often, by value
      for (const Knee& knee : findings.knees) {
        if (knee.metric == m && knee.axis == axis) ++knees[table.rows[knee.row].at[axis]];
      }
      if (knees.empty()) continue;
      const auto most = std::max_element(knees.begin(), knees.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      text +=
          fmt::format("  its knee over {}: {} (in {} of {} curves)\n", table.axes[axis].name,
                      label_text(table.axes[axis].values[most->first]), most->second, curves_over(table, axis).size());
    }
  }
  return text;
}

}  // namespace mmusim
