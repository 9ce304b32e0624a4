// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep_report.h"

#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/host/text_output.h"
#include "sim/report/html_report.h"
#include "sim/report/report_assets.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

/// The shortest text that reads back as the same number.
std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 9e15) return fmt::format("{}", static_cast<int64_t>(value));
  return fmt::format("{}", value);
}

std::string label_text(const nlohmann::json& value) {
  return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
}

ordered_json table_json(const SweepTable& table) {
  ordered_json axes = ordered_json::array();
  for (const TableAxis& axis : table.axes) {
    ordered_json positions = ordered_json::array();
    for (const auto& p : axis.positions) positions.push_back(p ? ordered_json(*p) : ordered_json(nullptr));
    axes.push_back({{"name", axis.name}, {"values", axis.values}, {"positions", std::move(positions)}});
  }
  ordered_json metrics = ordered_json::array();
  for (const MetricColumn& m : table.metrics)
    metrics.push_back({{"key", m.name}, {"label", m.label}, {"unit", m.unit}});
  ordered_json rows = ordered_json::array();
  for (const TableRow& row : table.rows) {
    ordered_json values = ordered_json::array();
    for (const Estimate& e : row.metrics) {
      values.push_back(e.count == 0 ? ordered_json(nullptr) : ordered_json::array({e.mean, e.half_width}));
    }
    rows.push_back({row.at, std::move(values)});
  }
  return {{"axes", std::move(axes)}, {"metrics", std::move(metrics)}, {"rows", std::move(rows)}};
}

}  // namespace

std::string csv_of(const std::vector<std::string>& axes, const std::vector<PointRow>& rows) {
  std::string text;
  for (const std::string& axis : axes) text += csv_field(axis) + ",";
  text += "seed,id,status";
  for (const MetricColumn& column : metric_columns()) text += "," + column.name;
  text += ",message\n";
  for (const PointRow& row : rows) {
    for (const nlohmann::json& value : row.axes) text += label_text(value) + ",";
    text += fmt::format("{},{},{}", row.seed, row.id, row.status);
    for (const auto& metric : row.metrics) text += "," + (metric ? number_text(*metric) : "");
    text += "," + (row.message.empty() ? "" : csv_field(row.message)) + "\n";
  }
  return text;
}

std::string sweep_html(const SweepPlan& plan, const SweepTable& table, const SweepFindings& findings,
                       const SweepCounts& counts) {
  ordered_json best = ordered_json::array();
  for (const auto& row : findings.best) best.push_back(row ? ordered_json(*row) : ordered_json(nullptr));
  ordered_json knees = ordered_json::array();
  for (const Knee& knee : findings.knees) knees.push_back({knee.metric, knee.axis, knee.row});
  ordered_json inputs = ordered_json::array();
  for (const std::string& input : plan.spec.inputs) inputs.push_back(std::filesystem::path(input).filename().string());
  ordered_json data = {{"sweep", table_json(table)},
                       {"best", std::move(best)},
                       {"knees", std::move(knees)},
                       {"inputs", std::move(inputs)},
                       {"of_traces", plan.spec.of_traces},
                       {"repeat", plan.spec.repeat},
                       {"settings", plan.spec.sets},
                       {"counts", {{"done", counts.done}, {"failed", counts.failed}, {"pending", counts.pending}}}};
  const std::string name = std::filesystem::path(plan.spec.inputs.front()).filename().string();
  return html_page("mmusim: sweep of " + name, sweep_report_script(), data);
}

}  // namespace mmusim
