// SPDX-License-Identifier: MIT
#include "sim/report/comparison.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/text_output.h"
#include "sim/report/units.h"

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

/// The words of a headline for a metric: "fewer walks", "as much time".
struct Words {
  const char* less;
  const char* same;
  const char* things;
};
constexpr Words many(const char* things) { return {"fewer", "as many", things}; }
constexpr Words kTime{"less", "as much", "time"};

/// A ratio in words: "2.5 times fewer walks" for 0.4, "2 % fewer" for 0.98, "3 times as many" for 3.
std::string change(double ratio, const Words& w) {
  if (ratio == 0) return fmt::format("no {}", w.things);
  if (std::abs(ratio - 1) < 0.0005) return fmt::format("{} {}", w.same, w.things);
  const auto factor = [](double f) {
    return f >= 100 ? grouped(static_cast<uint64_t>(f + 0.5)) : fmt::format("{:.3g}", f);
  };
  if (ratio <= 0.5) return fmt::format("{} times {} {}", factor(1 / ratio), w.less, w.things);
  if (ratio >= 2) return fmt::format("{} times {} {}", factor(ratio), w.same, w.things);
  return fmt::format("{:.2g} % {} {}", 100 * std::abs(ratio - 1), ratio < 1 ? w.less : "more", w.things);
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

/// "It takes 256 KiB less memory for struct pages and page tables (128 MiB against 128.3 MiB)."; empty if no more or less.
std::string Comparison::memory_sentence(size_t run) const {
  const auto bytes = [this](size_t i) -> std::optional<double> {
    const auto pages = value(metric_of("memmap_struct_pages"), i);
    const auto tables = value(metric_of("memmap_tables"), i);
    if (!pages || !tables) return std::nullopt;
    return pages->mean + tables->mean;
  };
  const auto base = bytes(*baseline_);
  const auto mine = bytes(run);
  if (!base || !mine || *base == *mine) return "";
  const auto text = [](double b) { return human_bytes(static_cast<uint64_t>(b + 0.5)); };
  return fmt::format(" It takes {} {} memory for struct pages and page tables ({} against {}).",
                     text(std::abs(*mine - *base)), *mine < *base ? "less" : "more", text(*mine), text(*base));
}

std::string Comparison::headline() const {
  if (!baseline_) return "No run succeeded.";
  // Cycles of different clocks do not compare, times do.
  const bool by_time = clocks_differ();
  const Metric& cost = metric_of(by_time ? "time" : "cycles");
  std::optional<size_t> best;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (i == *baseline_ || !ratio(cost, i)) continue;
    if (!best || *ratio(cost, i) < *ratio(cost, *best)) best = i;
  }
  if (!best) return fmt::format("{}: nothing to compare it with.", runs_[*baseline_].label);
  const auto against = [&](const Metric& m) {
    return fmt::format("({} against {})", shown(m, value(m, *best)->mean), shown(m, value(m, *baseline_)->mean));
  };
  const auto accesses = value(metric_of("accesses"), *best);
  const auto others = std::count_if(runs_.begin(), runs_.end(), [](const auto& r) { return !r.summaries.empty(); }) - 1;
  std::string text = fmt::format("{}{} against {}, over {} accesses: {} {}", runs_[*best].label,
                                 others > 1 ? fmt::format(", the fastest of {},", others) : "", runs_[*baseline_].label,
                                 grouped(static_cast<uint64_t>(accesses->mean)),
                                 change(*ratio(cost, *best), by_time ? kTime : many("cycles")), against(cost));
  const Metric& walks = metric_of("walks");
  if (const auto r = ratio(walks, *best)) {
    text += fmt::format(", {} {}", change(*r, many("page walks")), against(walks));
  } else if (value(walks, *best) && value(walks, *baseline_)) {
    text += fmt::format(", {} page walks against none", shown(walks, value(walks, *best)->mean));
  }
  text += "." + memory_sentence(*best);
  const Metric& writes = metric_of("entry_writes");
  if (const auto r = ratio(writes, *best); r && *r != 1) {
    text += fmt::format(" Building its tables takes {} {}", change(*r, many("entry writes")), against(writes));
    if (const auto populate = ratio(metric_of(by_time ? "populate_time" : "populate_cycles"), *best)) {
      text += fmt::format(" and {}", change(*populate, by_time ? kTime : many("cycles")));
    }
    text += ".";
  }
  return text;
}

std::string Comparison::block(size_t first, size_t last) const {
  TextTable table;
  std::vector<size_t> columns;
  if (*baseline_ < first || *baseline_ >= last) columns.push_back(*baseline_);
  for (size_t i = first; i < last; ++i) columns.push_back(i);
  std::vector<std::string> head = {""};
  for (const size_t c : columns) {
    head.push_back(runs_[c].label);
    if (c != *baseline_) head.push_back("ratio");
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
  const bool by_time = clocks_differ();
  std::vector<std::string> head = {by_time ? "time of each phase" : "cycles of each phase"};
  for (const ComparedRun& r : runs_) {
    head.push_back(r.label);
    if (&r != &runs_[*baseline_]) head.push_back("ratio");
  }
  table.row(head);
  // Nanoseconds or cycles.
  const auto cost = [by_time](const json& summary, size_t phase) {
    const double cycles = summary.at("phases")[phase].at("totals").at("cycles").get<double>();
    return by_time ? cycles / summary.at("core_ghz").get<double>() : cycles;
  };
  const json& first = runs_[*baseline_].summaries[0];
  for (size_t p = 0; p < first.at("phases").size(); ++p) {
    const double base = cost(first, p);
    std::vector<std::string> row = {"  " + first.at("phases")[p].at("stage").get<std::string>()};
    for (const ComparedRun& r : runs_) {
      const bool there = !r.summaries.empty() && r.summaries[0].at("phases").size() > p;
      const double mine = there ? cost(r.summaries[0], p) : 0;
      row.push_back(!there ? "-" : by_time ? human_time(mine * 1e-9) : grouped(static_cast<uint64_t>(mine)));
      if (&r != &runs_[*baseline_]) row.push_back(there && base > 0 ? shown_ratio(mine / base) : "-");
    }
    table.row(row);
  }
  return table.text();
}

std::string Comparison::table() const {
  std::string text = visible_text(headline(), LineBreaks::kShown) + "\n\n";
  if (baseline_) {
    constexpr size_t kColumns = 4;  // of runs beside each other
    for (size_t first = 0; first < runs_.size(); first += kColumns) {
      text += block(first, std::min(first + kColumns, runs_.size())) + "\n";
    }
    if (runs_.size() <= kColumns && runs_[*baseline_].summaries[0].at("phases").size() > 1)
      text += phase_table() + "\n";
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
