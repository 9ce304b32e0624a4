// SPDX-License-Identifier: MIT
#include "sim/report/metrics.h"

#include <cmath>
#include <string_view>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/report/units.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

using Value = std::optional<double>;

double number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0.0;
}

template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&t)[N]) { std::copy(t, t + N, text); }
};

/// A counter of the kernel model while it built or changed tables; a replay has none.
template <Name key>
Value kernel(const json& summary) {
  if (summary.contains("replay")) return std::nullopt;
  return number(summary.at("sections").at("build").at("kernel"), key.text);
}

/// False for the functional model, which counts and has no time.
bool has_time(const json& summary) { return summary.at("configuration").value("model", "cycle") != "functional"; }

/// A counter of the machine in the measured section.
template <Name key>
Value total(const json& summary) {
  return number(measured_section(summary).at("totals"), key.text);
}

template <Name key>
Value latency(const json& summary) {
  const json& histogram = measured_section(summary).at("machine").at("walk_latency_cycles");
  if (number(histogram, "count") == 0) return std::nullopt;
  if (std::string_view(key.text) == "mean") return number(histogram, "sum") / number(histogram, "count");
  return number(histogram, key.text);
}

/// Cycles of the measured section.
Value cycles(const json& summary) {
  if (!has_time(summary)) return std::nullopt;
  return total<"cycles">(summary);
}

/// A counter of the machine for each access, times `scale`.
template <Name key, int scale>
Value per_access(const json& summary) {
  const double accesses = *total<"accesses">(summary);
  if (accesses == 0) return std::nullopt;
  return scale * *total<key>(summary) / accesses;
}

Value cycles_per_access(const json& summary) {
  if (!has_time(summary)) return std::nullopt;
  return per_access<"cycles", 1>(summary);
}

Value walk_cycles_per_thousand(const json& summary) {
  if (!has_time(summary)) return std::nullopt;
  const json& section = measured_section(summary);
  const double accesses = number(section.at("totals"), "accesses");
  if (accesses == 0) return std::nullopt;
  return 1000 * number(section.at("machine"), "walk_cycles") / accesses;
}

/// Entries of both dimensions where a guest ran.
Value reads_per_walk(const json& summary) {
  const json& totals = measured_section(summary).at("totals");
  const double walks = number(totals, "walks");
  if (walks == 0) return std::nullopt;
  return (number(totals, "entry_reads") + number(totals, "host_entry_reads")) / walks;
}

/// Share of the walks' cycles that went to reads of nested entries; only of guests.
Value nested_share(const json& summary) {
  const json& machine = measured_section(summary).at("machine");
  if (!machine.contains("nested_read_cycles") || number(machine, "walk_cycles") == 0) return std::nullopt;
  return 100 * number(machine, "nested_read_cycles") / number(machine, "walk_cycles");
}

Value translation_share(const json& summary) {
  double translation = 0;
  double all = 0;
  for (const auto& [stage, cycles] : measured_section(summary).at("machine").at("stage_cycles").items()) {
    all += cycles.get<double>();
    if (stage != "data" && stage != "stall") translation += cycles.get<double>();
  }
  if (all == 0) return std::nullopt;
  return 100 * translation / all;
}

/// Bytes of memory at the end of the run; old summaries do not say.
template <Name key>
Value memmap(const json& summary) {
  const auto bytes = summary.find("memmap_bytes");
  if (bytes == summary.end() || !bytes->is_object()) return std::nullopt;
  return number(*bytes, key.text);
}

Value memmap_total(const json& summary) {
  const Value pages = memmap<"struct_pages">(summary);
  const Value tables = memmap<"tables">(summary);
  if (!pages || !tables) return std::nullopt;
  return *pages + *tables;
}

/// Cycles as time, so that processors of different clocks compare.
Value as_time(const json& summary, Value cycles) {
  const double ghz = number(summary, "core_ghz");
  if (!cycles || ghz == 0) return std::nullopt;
  return *cycles / ghz;
}

Value populate_time(const json& summary) { return as_time(summary, kernel<"populate_cycles">(summary)); }
Value time(const json& summary) { return as_time(summary, cycles(summary)); }
Value time_per_access(const json& summary) { return as_time(summary, cycles_per_access(summary)); }

/// A counter of flushes of other cores; nothing on a machine with one.
template <Name key>
Value shootdown(const json& summary) {
  const json& kernel = summary.at("kernel");
  const auto counters = kernel.find("shootdowns");
  if (counters == kernel.end()) return std::nullopt;
  if (std::string_view(key.text) == "flush_rounds") {
    return number(*counters, "flush_rounds_full") + number(*counters, "flush_rounds_range") +
           number(*counters, "flush_rounds_user");
  }
  return number(*counters, key.text);
}

Value shootdown_wait(const json& summary) {
  const json& kernel = summary.at("kernel");
  const auto counters = kernel.find("shootdowns");
  if (counters == kernel.end()) return std::nullopt;
  const auto waits = counters->find("shootdown_wait_cycles");
  if (waits == counters->end() || number(*waits, "count") == 0) return std::nullopt;
  return number(*waits, "sum") / number(*waits, "count");
}

/// Of the programs that ran on other cores while kernel code did.
Value beside_cycles_per_access(const json& summary) {
  double cycles = 0, accesses = 0;
  for (const json& phase : summary.at("phases")) {
    const auto cores = phase.find("cores");
    if (cores == phase.end()) continue;
    for (size_t i = 1; i < cores->size(); ++i) {
      if (number(cores->at(i), "accesses") == 0) continue;
      accesses += number(cores->at(i), "accesses");
      cycles += number(cores->at(i), "cycles");
    }
  }
  if (accesses == 0) return std::nullopt;
  return cycles / accesses;
}

constexpr const char* kBuild = "building the tables";
constexpr const char* kMeasured = "accesses measured";

constexpr const char* kSeveralCores = "several cores";

constexpr Metric kMetrics[] = {
    {"entry_writes", "entry writes", "entries", kBuild, kernel<"entry_writes">},
    {"table_pages", "table pages", "pages", kBuild, kernel<"table_pages">},
    {"bytes_zeroed", "bytes zeroed", "bytes", kBuild, kernel<"bytes_zeroed">},
    {"memmap_struct_pages", "memory for struct pages", "bytes", kBuild, memmap<"struct_pages">},
    {"memmap_tables", "memory for their tables", "bytes", kBuild, memmap<"tables">},
    {"memmap_total", "memory for struct pages and tables", "bytes", kBuild, memmap_total},
    {"populate_cycles", "populate cycles", "cycles", kBuild, kernel<"populate_cycles">},
    {"populate_time", "populate time", "ns", kBuild, populate_time},
    {"accesses", "accesses", "accesses", kMeasured, total<"accesses">},
    {"l1_dtlb_misses", "L1 DTLB misses", "lookups", kMeasured, total<"l1_dtlb_misses">},
    {"stlb_misses", "STLB misses", "lookups", kMeasured, total<"stlb_misses">},
    {"walks", "page walks", "walks", kMeasured, total<"walks">},
    {"walks_per_1000_accesses", "page walks per 1000 accesses", "walks", kMeasured, per_access<"walks", 1000>},
    {"reads_per_walk", "entry reads per walk", "reads", kMeasured, reads_per_walk},
    {"walk_latency_mean", "walk latency, mean", "cycles", kMeasured, latency<"mean">},
    {"walk_latency_p50", "walk latency, p50", "cycles", kMeasured, latency<"p50">},
    {"walk_latency_p99", "walk latency, p99", "cycles", kMeasured, latency<"p99">},
    {"walk_cycles_per_1000_accesses", "walk cycles per 1000 accesses", "cycles", kMeasured, walk_cycles_per_thousand},
    {"nested_share", "nested share of walk cycles", "%", kMeasured, nested_share},
    {"translation_share", "translation share of cycles", "%", kMeasured, translation_share},
    {"cycles_per_access", "cycles per access", "cycles", kMeasured, cycles_per_access},
    {"time_per_access", "time per access", "ns", kMeasured, time_per_access},
    {"cycles", "total cycles", "cycles", kMeasured, cycles},
    {"time", "total time", "ns", kMeasured, time},
    {"flush_rounds", "flushes of other cores", "flushes", kSeveralCores, shootdown<"flush_rounds">},
    {"ipis", "interrupts for them", "interrupts", kSeveralCores, shootdown<"ipis_sent">},
    {"shootdown_wait", "wait for the other cores, mean", "cycles", kSeveralCores, shootdown_wait},
    {"interrupt_cycles", "cycles lost on other cores", "cycles", kSeveralCores, shootdown<"interrupt_cycles">},
    {"beside_cycles_per_access", "cycles an access beside", "cycles", kSeveralCores, beside_cycles_per_access},
};

/// Two-sided 95 % quantile of Student's t for `freedom` degrees of freedom (tables; 1.96 in the limit).
double t_quantile(size_t freedom) {
  static constexpr double kTable[] = {0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                      2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
  if (freedom < std::size(kTable)) return kTable[freedom];
  const auto n = static_cast<double>(freedom);
  return 1.960 + 2.372 / n + 2.82 / (n * n);  // Cornish-Fisher expansion
}

}  // namespace

std::span<const Metric> compared_metrics() { return kMetrics; }

const Metric& metric_named(std::string_view key) {
  for (const Metric& m : kMetrics) {
    if (key == m.key) return m;
  }
  internal_error(__FILE__, __LINE__, "no metric " + std::string(key));
}

const json& measured_section(const json& summary) {
  const json& sections = summary.at("sections");
  const json& workload = sections.at("workload");
  return workload.at("stages").empty() ? sections.at("build") : workload;
}

Estimate estimate(const std::vector<double>& values) {
  Estimate e;
  e.count = values.size();
  if (values.empty()) return e;
  for (const double v : values) e.mean += v;
  e.mean /= static_cast<double>(values.size());
  if (values.size() < 2) return e;
  double squares = 0;
  for (const double v : values) squares += (v - e.mean) * (v - e.mean);
  const auto n = static_cast<double>(values.size());
  e.half_width = t_quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return e;
}

std::string shown_interval(const Metric& metric, double half_width) {
  const std::string_view unit = metric.unit;
  if (unit == "ns") return human_time(half_width * 1e-9);
  if (unit == "bytes") return human_bytes(static_cast<uint64_t>(half_width + 0.5));
  return half_width >= 1000 ? grouped(static_cast<uint64_t>(half_width + 0.5)) : fmt::format("{:.2g}", half_width);
}

std::string shown(const Metric& metric, double value) {
  const std::string_view unit = metric.unit;
  if (unit == "%") return plain_number(value, 3) + " %";
  if (unit == "ns") return human_time(value * 1e-9);
  if (unit == "bytes") return human_bytes(static_cast<uint64_t>(std::llround(value)));
  return plain_number(value);
}

}  // namespace mmusim
