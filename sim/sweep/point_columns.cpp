// SPDX-License-Identifier: MIT
#include "sim/sweep/point_columns.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/machine/totals.h"
#include "sim/report/metrics.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

/// One total over another, times a factor; more are in compared_metrics().
struct Ratio {
  const char* name;
  const char* label;
  const char* part;
  const char* whole;
  double factor = 1;
};

constexpr std::array kRatios = {
    Ratio{"l1_dtlb_miss_ratio", "L1 DTLB misses per lookup", "l1_dtlb_misses", "lookups"},
    Ratio{"stlb_miss_ratio", "STLB misses per L1 DTLB miss", "stlb_misses", "l1_dtlb_misses"},
    Ratio{"l1_dtlb_misses_per_1000_accesses", "L1 DTLB misses per 1000 accesses", "l1_dtlb_misses", "accesses", 1000},
    Ratio{"stlb_misses_per_1000_accesses", "STLB misses per 1000 accesses", "stlb_misses", "accesses", 1000},
    Ratio{"entry_reads_per_walk", "entries read per walk", "entry_reads", "walks"},
};

constexpr std::array kOtherColumns = {"id",      "number",       "seed",        "status", "message",
                                      "command", "wall_seconds", "cpu_seconds", "summary"};

/// Names of the totals of a run, those of guests included.
const std::vector<std::string>& total_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    MachineTotals().describe_all([&names](TotalsList list, std::string_view name, const auto&, const char*) {
      if (list == TotalsList::kTotals || list == TotalsList::kGuestTotals) names.emplace_back(name);
    });
    return names;
  }();
  return kNames;
}

bool is_time(std::string_view unit) { return unit == "cycles" || unit == "ns" || unit == "%"; }

std::optional<double> number(const ordered_json& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::optional<double> quotient(const ordered_json& totals, const Ratio& ratio) {
  const std::optional<double> part = number(totals, ratio.part);
  const std::optional<double> whole = number(totals, ratio.whole);
  if (!part || !whole || *whole == 0) return std::nullopt;
  return ratio.factor * *part / *whole;
}

}  // namespace

const std::vector<MetricColumn>& metric_columns() {
  static const std::vector<MetricColumn> kColumns = [] {
    std::vector<MetricColumn> columns;
    for (const std::string& name : total_names()) {
      columns.push_back({"totals_" + name, name + " of the whole run", name == "cycles" ? "cycles" : ""});
    }
    for (const Metric& m : compared_metrics()) columns.push_back({m.key, m.label, m.unit});
    for (const Ratio& r : kRatios) columns.push_back({r.name, r.label, ""});
    return columns;
  }();
  return kColumns;
}

bool is_metric_column(std::string_view name) {
  const auto& columns = metric_columns();
  return std::any_of(columns.begin(), columns.end(), [name](const MetricColumn& c) { return c.name == name; });
}

std::string metric_names() {
  std::string names;
  for (const MetricColumn& column : metric_columns()) names += (names.empty() ? "" : ", ") + column.name;
  return names;
}

bool is_result_column(std::string_view name) {
  return is_metric_column(name) || std::find(kOtherColumns.begin(), kOtherColumns.end(), name) != kOtherColumns.end();
}

std::vector<std::optional<double>> metrics_of(const ordered_json& summary) {
  const bool timed = number(summary, "core_ghz").value_or(0) != 0;
  std::vector<std::optional<double>> values;
  for (const std::string& name : total_names()) {
    values.push_back(name == "cycles" && !timed ? std::nullopt : number(summary.at("totals"), name));
  }
  for (const Metric& m : compared_metrics()) {
    values.push_back(is_time(m.unit) && !timed ? std::nullopt : m.value(summary));
  }
  const ordered_json& totals = measured_section(summary).at("totals");
  for (const Ratio& r : kRatios) values.push_back(quotient(totals, r));
  return values;
}

std::vector<std::string> usual_metrics(bool timed) {
  if (timed) return {"cycles", "walk_latency_mean", "stlb_misses", "walks"};
  return {"stlb_misses", "l1_dtlb_misses", "walks", "entry_reads_per_walk"};
}

}  // namespace mmusim
