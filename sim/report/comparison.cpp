// SPDX-License-Identifier: MIT
#include "sim/report/comparison.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <set>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/text_output.h"
#include "sim/report/answer.h"
#include "sim/report/units.h"
#include "sim/report/what_if_curves.h"

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

/// What a replay measures: its trace, whatever that is called, the part of it, and how.
json replay_signature(const json& configuration) {
  json signature = json::object();
  const std::string file = std::filesystem::path(configuration.at("trace").get<std::string>()).filename().string();
  signature["trace"] = configuration.value("content", file);  // a pipe has only its name
  for (const char* key : {"window", "model", "fetches", "core_traces"}) {
    if (configuration.contains(key)) signature[key] = configuration[key];
  }
  return signature;
}

}  // namespace

std::string workload_signature(const json& configuration) {
  if (configuration.contains("trace")) return replay_signature(configuration).dump();
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
      "\"replay\" phases (variants of one scenario share them), or the same part of one trace and one model, or report "
      "them one by one with `mmusim report`",
      a, b));
}

Comparison::Comparison(std::vector<ComparedRun> runs) : runs_(std::move(runs)) {
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].summaries.empty()) continue;
    if (!baseline_) baseline_ = i;
    bases_.try_emplace(runs_[i].family, i);
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

std::optional<size_t> Comparison::base_of(size_t run) const {
  if (runs_[run].summaries.empty()) return std::nullopt;
  return bases_.at(runs_[run].family);
}

std::optional<double> Comparison::ratio(const Metric& metric, size_t run) const {
  if (!base_of(run)) return std::nullopt;
  const auto base = value(metric, *base_of(run));
  const auto mine = value(metric, run);
  if (!base || !mine || base->mean == 0) return std::nullopt;
  return mine->mean / base->mean;
}

bool Comparison::measured(const Metric& metric) const {
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (value(metric, i)) return true;
  }
  return false;
}

bool Comparison::clocks_differ() const {
  const auto ghz = [](const ComparedRun& r) { return r.summaries[0].value("core_ghz", 0.0); };
  return std::any_of(runs_.begin(), runs_.end(),
                     [&](const ComparedRun& r) { return !r.summaries.empty() && ghz(r) != ghz(runs_[*baseline_]); });
}

std::vector<std::string> Comparison::notes() const {
  std::vector<std::string> notes;
  std::set<std::string> programs, scenarios;
  for (const ComparedRun& run : runs_) {
    for (const json& summary : run.summaries) {
      programs.insert(summary.value("program", ""));
      if (summary.contains("replay") && metric_named("accesses").value(summary).value_or(0) == 0) {
        notes.push_back(fmt::format("{} measured no access.", run.label));
      }
      if (!summary.contains("replay")) scenarios.insert(summary.value("name", ""));
      if (!summary.value("interrupted", false)) continue;
      notes.push_back(fmt::format("{} was interrupted: its numbers are those of a part.", run.label));
    }
  }
  if (programs.size() > 1) {
    notes.push_back(fmt::format("The runs are of different programs: {}.", fmt::join(programs, ", ")));
  }
  if (scenarios.size() > 1) {
    notes.push_back(fmt::format("The runs are of different scenarios: {}.", fmt::join(scenarios, ", ")));
  }
  return notes;
}

std::string Comparison::headline() const { return answer_of(*this); }

std::string Comparison::block(size_t first, size_t last) const {
  TextTable table;
  std::vector<size_t> columns;
  if (bases_.size() == 1 && (*baseline_ < first || *baseline_ >= last)) columns.push_back(*baseline_);
  for (size_t i = first; i < last; ++i) columns.push_back(i);
  std::vector<std::string> head = {""};
  for (const size_t c : columns) {
    head.push_back(runs_[c].label);
    if (!is_base(c)) head.push_back("ratio");
  }
  table.row(head);
  const char* group = "";
  for (const Metric& metric : compared_metrics()) {
    if (!measured(metric)) continue;
    if (std::string_view(group) != metric.group) table.row({group = metric.group});
    std::vector<std::string> row = {std::string("  ") + metric.label};
    for (const size_t c : columns) {
      const auto v = value(metric, c);
      std::string cell = v ? shown(metric, v->mean) : runs_[c].summaries.empty() ? "failed" : "-";
      if (v && v->count > 1) cell += " +- " + shown_interval(metric, v->half_width);
      row.push_back(cell);
      if (is_base(c)) continue;
      const auto r = ratio(metric, c);
      row.push_back(r ? shown_ratio(*r) : "-");
    }
    table.row(row);
  }
  return table.text();
}

std::optional<double> Comparison::phase_cost(size_t run, size_t phase) const {
  if (runs_[run].summaries.empty()) return std::nullopt;
  const json& s = runs_[run].summaries[0];
  if (phase >= s.at("phases").size()) return std::nullopt;
  const double cycles = s.at("phases")[phase].at("totals").at("cycles").get<double>();
  return clocks_differ() ? cycles / s.at("core_ghz").get<double>() : cycles;
}

std::optional<double> Comparison::phase_ratio(size_t run, size_t phase) const {
  const auto mine = phase_cost(run, phase);
  if (!mine || phase_cost(*base_of(run), phase).value_or(0) == 0) return std::nullopt;
  return *mine / *phase_cost(*base_of(run), phase);
}

std::string Comparison::phase_table(size_t first, size_t last) const {
  TextTable table;
  const bool by_time = clocks_differ();
  std::vector<std::string> head = {by_time ? "time of each phase" : "cycles of each phase"};
  for (size_t i = first; i < last; ++i) {
    head.push_back(runs_[i].label);
    if (!is_base(i)) head.emplace_back("ratio");
  }
  table.row(head);
  for (size_t p = 0; p < phase_names().size(); ++p) {
    std::vector<std::string> row = {"  " + phase_names()[p]};
    for (size_t i = first; i < last; ++i) {
      const auto mine = phase_cost(i, p);
      row.push_back(!mine ? "-" : by_time ? human_time(*mine * 1e-9) : grouped(static_cast<uint64_t>(*mine)));
      if (!is_base(i)) row.push_back(phase_ratio(i, p) ? shown_ratio(*phase_ratio(i, p)) : "-");
    }
    table.row(row);
  }
  return table.text();
}

std::vector<std::string> Comparison::phase_names() const {
  std::vector<std::string> names;
  if (!baseline_) return names;
  for (const json& phase : runs_[*baseline_].summaries[0].at("phases")) names.push_back(phase.at("stage"));
  return names;
}

std::string Comparison::table() const {
  std::string text = visible_text(headline(), LineBreaks::kShown) + "\n";
  if (baseline_) text += visible_text(not_simulated(*this), LineBreaks::kShown) + "\n";
  for (const std::string& note : notes()) text += visible_text(note, LineBreaks::kShown) + "\n";
  text += "\n";
  if (baseline_) {
    constexpr size_t kColumns = 4;  // of runs beside each other
    for (size_t first = 0; first < runs_.size(); first += kColumns) {
      const size_t last = std::min(first + kColumns, runs_.size());
      text += block(first, last) + "\n";
      if (phase_names().size() > 1) text += phase_table(first, last) + "\n";
    }
  }
  for (const ComparedRun& r : runs_) {
    for (const std::string& why : r.failures) {
      text += visible_text(fmt::format("{}: failed: {}", r.label, why), LineBreaks::kShown) + "\n";
    }
  }
  return text;
}

json Comparison::to_json() const {
  json runs = json::array();
  for (const ComparedRun& r : runs_) {
    runs.push_back({{"label", r.label},
                    {"family", r.family},
                    {"options", r.options},
                    {"succeeded", r.failures.empty()},
                    {"failures", r.failures},
                    {"repeats", r.summaries.size()},
                    {"directories", r.directories}});
  }
  json bases = json::object();
  for (size_t i = 0; i < runs_.size(); ++i) {
    bases[runs_[i].label] = base_of(i) ? json(runs_[*base_of(i)].label) : json(nullptr);
  }
  json phases = json::array();
  for (size_t p = 0; p < phase_names().size(); ++p) {
    json values = json::object();
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto cost = phase_cost(i, p);
      const auto r = phase_ratio(i, p);
      values[runs_[i].label] = cost ? json{{"cost", *cost}, {"ratio", r ? json(*r) : json(nullptr)}} : json(nullptr);
    }
    phases.push_back({{"phase", phase_names()[p]}, {"unit", phase_unit()}, {"runs", std::move(values)}});
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
          {"bases", std::move(bases)},
          {"headline", headline()},
          {"not_simulated", not_simulated(*this)},
          {"notes", notes()},
          {"runs", std::move(runs)},
          {"metrics", std::move(metrics)},
          {"phases", std::move(phases)},
          {"what_if", what_if_curves(runs_)}};
}

std::string Comparison::to_csv() const {
  const auto number = [](const std::optional<double>& v) { return v ? fmt::format("{:.6g}", *v) : ""; };
  std::string text = "metric,unit,run,mean,ci95,n,ratio\n";
  for (const Metric& m : compared_metrics()) {
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto v = value(m, i);
      const auto r = ratio(m, i);
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", m.key, m.unit, csv_field(runs_[i].label),
                     v ? fmt::format("{}", v->mean) : "", v ? fmt::format("{}", v->half_width) : "", v ? v->count : 0,
                     number(r));
    }
  }
  for (size_t p = 0; p < phase_names().size(); ++p) {
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto cost = phase_cost(i, p);
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", csv_field("phase " + phase_names()[p]),
                     phase_unit(), csv_field(runs_[i].label), cost ? fmt::format("{}", *cost) : "", cost ? "0" : "",
                     cost ? 1 : 0, number(phase_ratio(i, p)));
    }
  }
  for (const json& curve : what_if_curves(runs_)) text += what_if_csv(curve);
  return text;
}

}  // namespace mmusim
