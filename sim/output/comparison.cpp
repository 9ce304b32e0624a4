// SPDX-License-Identifier: MIT
#include "sim/output/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "models/base/errors.h"
#include "sim/output/units.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

/// A ratio as tables show it: "0.39x", "2,554x", and below a hundredth "1/2,554".
std::string shown_ratio(double ratio) {
  if (ratio == 0) return "0x";
  if (ratio < 0.01) return "1/" + grouped(static_cast<uint64_t>(1 / ratio + 0.5));
  if (ratio >= 1000) return grouped(static_cast<uint64_t>(ratio + 0.5)) + "x";
  return fmt::format("{:.3g}x", ratio);
}

const Metric& metric_of(std::string_view key) {
  for (const Metric& m : compared_metrics()) {
    if (key == m.key) return m;
  }
  internal_error(__FILE__, __LINE__, "no metric " + std::string(key));
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// "2.5x fewer walks" for a ratio of 0.4: as a factor of at least 1.
std::string change(double ratio, const char* things) {
  if (ratio == 0) return fmt::format("no {}", things);
  if (ratio > 0.995 && ratio < 1.005) return fmt::format("about as many {}", things);
  return fmt::format("{} {} {}", shown_ratio(ratio < 1 ? 1 / ratio : ratio), ratio < 1 ? "fewer" : "more", things);
}

}  // namespace

std::string workload_signature(const json& configuration) {
  json signature = json::array();
  const auto phases = configuration.find("phases");
  if (phases == configuration.end() || !phases->is_array()) return signature.dump();
  for (const json& phase : *phases) {
    const std::string kind = phase.value("phase", "");
    if (kind != "workload" && kind != "replay") continue;
    json same = phase;
    same.erase("comment");
    signature.emplace_back(nlohmann::json(same));  // keys sorted: their order in the file does not matter
  }
  return signature.dump();
}

void check_same_workload(const std::string& a, const json& configuration_a, const std::string& b,
                         const json& configuration_b) {
  if (workload_signature(configuration_a) == workload_signature(configuration_b)) return;
  throw InputError(fmt::format(
      "{} and {} measure different workloads, so their numbers do not compare: give both the same \"workload\" and "
      "\"replay\" phases (variants of one scenario share them), or report them one by one with `mmusim report`",
      a, b));
}

Comparison::Comparison(std::vector<ComparedRun> runs) : runs_(std::move(runs)) {
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].summaries.empty()) continue;
    if (!baseline_) baseline_ = i;
    const ComparedRun& base = runs_[*baseline_];
    check_same_workload(base.label, base.summaries[0].at("configuration"), runs_[i].label,
                        runs_[i].summaries[0].at("configuration"));
  }
}

bool Comparison::any_failed() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const ComparedRun& r) { return !r.failures.empty(); });
}

std::optional<Estimate> Comparison::value(const Metric& metric, size_t run) const {
  std::vector<double> values;
  for (const json& summary : runs_[run].summaries) {
    if (const auto v = metric.value(summary)) values.push_back(*v);
  }
  if (values.empty()) return std::nullopt;
  return estimate(values);
}

std::optional<double> Comparison::ratio(const Metric& metric, size_t run) const {
  if (!baseline_) return std::nullopt;
  const auto base = value(metric, *baseline_);
  const auto mine = value(metric, run);
  if (!base || !mine || base->mean == 0) return std::nullopt;
  return mine->mean / base->mean;
}

std::string Comparison::headline() const {
  if (!baseline_) return "No run succeeded.";
  const Metric& cycles = metric_of("cycles");
  std::optional<size_t> best;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (i == *baseline_ || !ratio(cycles, i)) continue;
    if (!best || *ratio(cycles, i) < *ratio(cycles, *best)) best = i;
  }
  if (!best) return fmt::format("{}: nothing to compare it with.", runs_[*baseline_].label);
  const std::string& base_label = runs_[*baseline_].label;
  const double total = *ratio(cycles, *best);
  const auto [accesses, walks] = std::pair(value(metric_of("accesses"), *best), value(metric_of("walks"), *best));
  const auto base_walks = value(metric_of("walks"), *baseline_);
  std::string text = fmt::format("{} against {}, over {} accesses: ", runs_[*best].label, base_label,
                                 grouped(static_cast<uint64_t>(accesses->mean)));
  text += change(total, "cycles");
  text += fmt::format(" ({} against {}), {} page walks against {}.", shown(cycles, value(cycles, *best)->mean),
                      shown(cycles, value(cycles, *baseline_)->mean), shown(metric_of("walks"), walks->mean),
                      shown(metric_of("walks"), base_walks->mean));
  const Metric& writes = metric_of("entry_writes");
  if (const auto r = ratio(writes, *best); r && *r != 1) {
    text += fmt::format(" Building its tables takes {} ({} against {})", change(*r, "entry writes"),
                        shown(writes, value(writes, *best)->mean), shown(writes, value(writes, *baseline_)->mean));
    if (const auto populate = ratio(metric_of("populate_cycles"), *best)) {
      text += fmt::format(" and {}", change(*populate, "cycles"));
    }
    text += ".";
  }
  return text;
}

std::string Comparison::block(size_t first, size_t last) const {
  TextTable table;
  std::vector<size_t> columns;
  if (first != *baseline_) columns.push_back(*baseline_);
  for (size_t i = first; i < last; ++i) columns.push_back(i);
  std::vector<std::string> head = {""};
  for (const size_t c : columns) {
    head.push_back(runs_[c].label);
    if (c != *baseline_) head.push_back("ratio");
  }
  table.row(head);
  const char* group = "";
  for (const Metric& metric : compared_metrics()) {
    if (std::string_view(group) != metric.group) table.row({group = metric.group});
    std::vector<std::string> row = {std::string("  ") + metric.label};
    for (const size_t c : columns) {
      const auto v = value(metric, c);
      std::string cell = v ? shown(metric, v->mean) : runs_[c].summaries.empty() ? "failed" : "-";
      if (v && v->count > 1) cell += fmt::format(" +- {:.2g}", v->half_width);
      row.push_back(cell);
      if (c == *baseline_) continue;
      const auto r = ratio(metric, c);
      row.push_back(r ? shown_ratio(*r) : "-");
    }
    table.row(row);
  }
  return table.text();
}

std::string Comparison::phase_table() const {
  TextTable table;
  std::vector<std::string> head = {"cycles of each phase"};
  for (const ComparedRun& r : runs_) {
    head.push_back(r.label);
    if (&r != &runs_[*baseline_]) head.push_back("ratio");
  }
  table.row(head);
  const json& base_phases = runs_[*baseline_].summaries[0].at("phases");
  for (size_t p = 0; p < base_phases.size(); ++p) {
    const std::string stage = base_phases[p].at("stage");
    const double base = base_phases[p].at("totals").at("cycles").get<double>();
    std::vector<std::string> row = {"  " + stage};
    for (const ComparedRun& r : runs_) {
      const bool there = !r.summaries.empty() && r.summaries[0].at("phases").size() > p;
      const double mine = there ? r.summaries[0].at("phases")[p].at("totals").at("cycles").get<double>() : 0;
      row.push_back(there ? grouped(static_cast<uint64_t>(mine)) : "-");
      if (&r != &runs_[*baseline_]) row.push_back(there && base > 0 ? shown_ratio(mine / base) : "-");
    }
    table.row(row);
  }
  return table.text();
}

std::string Comparison::table() const {
  std::string text;
  if (baseline_) {
    constexpr size_t kColumns = 4;  // of runs beside each other
    for (size_t first = 0; first < runs_.size(); first += kColumns) {
      text += block(first, std::min(first + kColumns, runs_.size())) + "\n";
    }
    if (runs_.size() <= kColumns && runs_[*baseline_].summaries[0].at("phases").size() > 1)
      text += phase_table() + "\n";
  }
  for (const ComparedRun& r : runs_) {
    for (const std::string& why : r.failures) text += fmt::format("{}: failed: {}\n", r.label, why);
  }
  return text + headline() + "\n";
}

json Comparison::to_json() const {
  json runs = json::array();
  for (const ComparedRun& r : runs_) {
    runs.push_back({{"label", r.label},
                    {"succeeded", r.failures.empty()},
                    {"failures", r.failures},
                    {"repeats", r.summaries.size()},
                    {"directories", r.directories}});
  }
  json metrics = json::array();
  for (const Metric& m : compared_metrics()) {
    json values = json::object();
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto v = value(m, i);
      const auto r = ratio(m, i);
      values[runs_[i].label] =
          v ? json{{"mean", v->mean}, {"ci95", v->half_width}, {"n", v->count}, {"ratio", nullptr}} : json(nullptr);
      if (v && r) values[runs_[i].label]["ratio"] = *r;
    }
    metrics.push_back({{"key", m.key}, {"label", m.label}, {"unit", m.unit}, {"group", m.group}, {"runs", values}});
  }
  return {{"format", "mmusim-compare"},
          {"version", 1},
          {"baseline", baseline_ ? json(runs_[*baseline_].label) : json(nullptr)},
          {"headline", headline()},
          {"runs", std::move(runs)},
          {"metrics", std::move(metrics)}};
}

std::string Comparison::to_csv() const {
  std::string text = "metric,unit,run,mean,ci95,n,ratio\n";
  for (const Metric& m : compared_metrics()) {
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto v = value(m, i);
      const auto r = ratio(m, i);
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", m.key, m.unit, csv_field(runs_[i].label),
                     v ? fmt::format("{}", v->mean) : "", v ? fmt::format("{}", v->half_width) : "", v ? v->count : 0,
                     r ? fmt::format("{:.6g}", *r) : "");
    }
  }
  return text;
}

}  // namespace mmusim
