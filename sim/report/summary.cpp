// SPDX-License-Identifier: MIT
#include "sim/report/summary.h"

#include <sys/resource.h>

#include <algorithm>
#include <ctime>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

using nlohmann::ordered_json;

Section section_of(const RunSummary& summary, SectionKind kind) {
  Section section;
  for (const PhaseSummary& phase : summary.phases) {
    if (phase.workload != (kind == SectionKind::kWorkload)) continue;
    section.stages.push_back(phase.stage);
    section.machine.merge(phase.machine);
    section.kernel.merge(phase.kernel);
  }
  return section;
}

namespace {

/// Returns the counters of `stats` as a JSON object, in the order in which describe() lists them.
template <Statistics S>
ordered_json counters_of(const S& stats) {
  ordered_json j = ordered_json::object();
  stats.describe([&j](std::string_view name, const auto& value, std::string_view) {
    using T = std::remove_cvref_t<decltype(value)>;
    const std::string key(name);
    if constexpr (std::is_same_v<T, Histogram>) {
      j[key] = to_json(value);
    } else if constexpr (std::integral<T>) {
      j[key] = value;
    } else {
      j[key] = counters_of(value);
    }
  });
  return j;
}

/// Returns the counters of one list and, of a guest, those of another after them.
template <TotalsList kList, TotalsList kOfGuests>
ordered_json lists_json(const MachineTotals& m) {
  ordered_json j = counters_of(ListedTotals<kList>{m});
  if (m.guest()) j.update(counters_of(ListedTotals<kOfGuests>{m}));
  return j;
}
ordered_json totals_json(const MachineTotals& m) {
  return lists_json<TotalsList::kTotals, TotalsList::kGuestTotals>(m);
}
/// Returns the totals and, of several cores, what they sent each other.
ordered_json totals_json(const MachineTotals& m, const KernelTotals& kernel) {
  ordered_json j = totals_json(m);
  const ShootdownTotals& s = kernel.shootdowns;
  if (s.cpus == 1) return j;
  j["ipis_sent"] = s.ipis_sent;
  j["shootdowns"] = s.rounds();
  return j;
}
ordered_json machine_json(const MachineTotals& m) {
  return lists_json<TotalsList::kMachine, TotalsList::kGuestMachine>(m);
}

/// The processor's own counters. Without a clock those that count cycles are left out.
ordered_json perf_json(const RunSummary& s, const MachineTotals& m) {
  ordered_json j = ordered_json::object();
  for (const PerfCounter& c : perf_counters(s.counter_names, m.translation, m.flushes)) {
    if (s.core_ghz != 0 || !c.needs_time) j[c.name] = c.value;
  }
  return j;
}

/// Messages between cores only where there are several.
ordered_json kernel_json(const KernelTotals& kernel) {
  ordered_json json = counters_of(kernel);
  if (kernel.shootdowns.cpus > 1) json["shootdowns"] = counters_of(kernel.shootdowns);
  return json;
}

ordered_json phase_json(const RunSummary& summary, const PhaseSummary& p) {
  ordered_json functions = ordered_json::array();
  for (const FunctionTime& f : p.functions) {
    functions.push_back({{"function", f.function},
                         {"first_cycle", f.first_cycle},
                         {"last_cycle", f.last_cycle},
                         {"cycles", f.cycles},
                         {"entry_writes", f.entry_writes},
                         {"bytes_zeroed", f.bytes_zeroed}});
  }
  ordered_json json = {{"stage", p.stage},
                       {"name", p.name},
                       {"workload", p.workload},
                       {"timed", p.timed},
                       {"begin_cycle", p.begin.count},
                       {"end_cycle", p.end.count},
                       {"totals", totals_json(p.machine, p.kernel)},
                       {"machine", machine_json(p.machine)},
                       {"kernel", kernel_json(p.kernel)},
                       {"perf", perf_json(summary, p.machine)},
                       {"functions", std::move(functions)}};
  if (p.cores.empty()) return json;
  ordered_json cores = ordered_json::array();
  for (const CoreSummary& core : p.cores) {
    cores.push_back({{"accesses", core.machine.accesses},
                     {"cycles", core.machine.cycles},
                     {"stlb_misses", core.machine.stlb_misses},
                     {"walks", core.machine.walks},
                     {"walk_cycles", core.machine.walk_cycles},
                     {"interrupts", core.interrupts},
                     {"interrupt_cycles", core.interrupt_cycles}});
  }
  json["cores"] = std::move(cores);
  return json;
}

ordered_json section_json(const RunSummary& summary, const Section& s) {
  return {{"stages", s.stages},
          {"totals", totals_json(s.machine, s.kernel)},
          {"machine", machine_json(s.machine)},
          {"kernel", kernel_json(s.kernel)},
          {"perf", perf_json(summary, s.machine)}};
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

ordered_json host_json(const RunSummary& summary, const HostTimes& host) {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  ordered_json j = {{"date", date_now()},
                    {"wall_seconds", host.wall_seconds},
                    {"cpu_seconds", host.cpu_seconds},
                    {"peak_memory_kib", usage.ru_maxrss}};
  if (host.wall_seconds > 0) {
    j["accesses_per_second"] = static_cast<double>(summary.totals.accesses) / host.wall_seconds;
  }
  return j;
}

}  // namespace

ordered_json to_json(const RunSummary& s, const HostTimes& host) {
  ordered_json phases = ordered_json::array();
  for (const PhaseSummary& p : s.phases) phases.push_back(phase_json(s, p));
  return {{"format", "mmusim-summary"},
          {"version", kSummaryVersion},
          {"program", "mmusim " MMUSIM_VERSION},
          {"command", s.command},
          {"name", s.name},
          {"interrupted", s.interrupted},
          {"seed", s.seed},
          {"core_ghz", s.core_ghz},
          {"totals", totals_json(s.totals, s.kernel)},
          {"machine", machine_json(s.totals)},
          {"kernel", kernel_json(s.kernel)},
          {"memmap_bytes", s.memmap_bytes ? counters_of(*s.memmap_bytes) : ordered_json(nullptr)},
          {"sections",
           {{"build", section_json(s, section_of(s, SectionKind::kBuild))},
            {"workload", section_json(s, section_of(s, SectionKind::kWorkload))}}},
          {"phases", std::move(phases)},
          {"perf", perf_json(s, s.totals)},
          {"counters", to_json(s.counters)},
          {"counter_meanings", meanings_of(s.counters)},
          {"misses_over_time",
           {{"slice_cycles", s.misses_over_time.slice_cycles},
            {"stlb_misses", s.misses_over_time.stlb_misses},
            {"walks", s.misses_over_time.walks}}},
          {"configuration", ordered_json::parse(s.configuration)},
          {"host", host_json(s, host)}};
}

void write_summary(const std::string& path, const RunSummary& summary, const HostTimes& host) {
  write_file(path, to_json(summary, host).dump(1) + "\n");
}

}  // namespace mmusim
