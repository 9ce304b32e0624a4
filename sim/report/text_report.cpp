// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "models/base/format.h"
#include "sim/report/summary.h"
#include "sim/report/units.h"

namespace mmusim {

namespace {

std::string phase_table(const RunSummary& s) {
  TextTable table;
  table.row({"phase", "cycles", "time", "accesses", "walks", "entry writes", "table pages", "zeroed"});
  for (const PhaseSummary& p : s.phases) {
    table.row({p.stage + (p.timed ? "" : " (untimed)"), grouped(p.machine.cycles),
               cycles_as_time(p.machine.cycles, s.core_ghz), grouped(p.machine.accesses), grouped(p.machine.walks),
               grouped(p.kernel.entry_writes), grouped(p.kernel.table_pages), human_bytes(p.kernel.bytes_zeroed)});
  }
  return table.text();
}

/// Appends the cost of flushes on other cores: for the core that asked for them, and for the others.
std::string cores_table(const RunSummary& s) {
  TextTable table;
  table.row({"flushes of other cores", "full", "of ranges", "of a process", "interrupts", "wait, mean",
             "cycles lost on others", "cycles an access beside"});
  for (const PhaseSummary& p : s.phases) {
    const ShootdownTotals& f = p.kernel.shootdowns;
    uint64_t accesses = 0;
    uint64_t cycles = 0;
    for (size_t i = 1; i < p.cores.size(); ++i) {
      if (p.cores[i].machine.accesses == 0) continue;
      accesses += p.cores[i].machine.accesses;
      cycles += p.cores[i].machine.cycles;
    }
    if (f.rounds() == 0 && accesses == 0) continue;
    const auto beside = static_cast<double>(cycles) / static_cast<double>(std::max<uint64_t>(accesses, 1));
    table.row({p.stage, grouped(f.flush_rounds_full), grouped(f.flush_rounds_range), grouped(f.flush_rounds_user),
               grouped(f.ipis_sent), f.wait_cycles.count() == 0 ? "-" : fmt::format("{:.0f}", f.wait_cycles.mean()),
               grouped(f.interrupt_cycles), accesses == 0 ? "-" : fmt::format("{:.2f}", beside)});
  }
  return table.text();
}

std::string per_thousand(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  return plain_number(1000.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string latency_text(const Histogram& h) {
  return fmt::format("mean {:.1f}, p50 {}, p95 {}, p99 {}, max {} cycles", h.mean(), h.percentile(50), h.percentile(95),
                     h.percentile(99), h.max());
}

std::string hits_text(const LevelCounts& reads_by_level) {
  EnumArray<HitLevel, uint64_t> by_hit{};
  uint64_t all = 0;
  for (const auto& level : reads_by_level) {
    by_hit += level;
    for (const uint64_t reads : level) all += reads;
  }
  std::string text;
  for (const HitLevel hit : kAllOf<HitLevel>) {
    if (by_hit[hit] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name_of(hit), percent(by_hit[hit], all));
  }
  return text.empty() ? "-" : text;
}

/// Returns the parts that are not 0, as "3 loads, 1 store".
std::string parts(const std::vector<std::pair<const char*, uint64_t>>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), name);
  }
  return text;
}

/// Returns what the accesses of the totals are made of. Fetches of a program are none of them.
std::string accesses_by_kind(const MachineTotals& m) {
  const auto& by = m.translation;
  std::string text = parts({{"loads", by[AccessKind::kRead].accesses}, {"stores", by[AccessKind::kWrite].accesses}});
  const uint64_t fetches = by[AccessKind::kFetch].accesses;
  if (fetches != 0) text += fmt::format("; {} instruction fetches beside them", grouped(fetches));
  return text;
}

/// Returns what asked for the walks, with ": " before it. More walks than STLB misses, which count data accesses alone,
/// come from fetches and prefetches.
std::string walks_by_cause(const MachineTotals& m) {
  const auto& by = m.translation;
  uint64_t prefetches = m.walks;
  for (const AccessKind kind : kAllOf<AccessKind>) prefetches -= std::min(prefetches, by[kind].walks.started);
  const std::string text = parts({{"for loads", by[AccessKind::kRead].walks.started},
                                  {"for stores", by[AccessKind::kWrite].walks.started},
                                  {"for fetches", by[AccessKind::kFetch].walks.started},
                                  {"prefetches", prefetches}});
  return text.empty() ? text : ": " + text;
}

/// Appends the cost of the nested dimension of a guest.
template <class Line>
void nested_lines(const MachineTotals& m, Line& line) {
  const auto ratio = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? std::string("-")
                      : fmt::format("{:.2f}", static_cast<double>(part) / static_cast<double>(whole));
  };
  line("nested walks", grouped(m.nested_walks),
       percent(m.nested_walks, m.nested_lookups) + " of guest-physical lookups");
  line("nested entry reads", grouped(m.host_entry_reads), "hit in " + hits_text(m.host_reads_by_level));
  line("references per walk", ratio(m.entry_reads + m.host_entry_reads, m.walks), "entries of both dimensions");
  if (m.walk_cycles != 0) {
    line("nested read cycles", grouped(m.nested_read_cycles),
         percent(m.nested_read_cycles, m.walk_cycles) + " of walk cycles");
  }
  if (m.exits != 0) line("exits", grouped(m.exits), grouped(m.exit_cycles) + " cycles");
}

std::string machine_text(const std::string& title, const MachineTotals& m, double core_ghz) {
  TextTable table;
  const auto line = [&](const char* name, const std::string& value, const std::string& note) {
    table.row({fmt::format("{:<22}", name) + fmt::format("{:>18}", value) + "  " + note});
  };
  const bool timed = core_ghz > 0;  // the functional model counts only
  if (timed) line("cycles", grouped(m.cycles), cycles_as_time(m.cycles, core_ghz));
  line("accesses", grouped(m.accesses), accesses_by_kind(m));
  line("L1 DTLB misses", grouped(m.l1_dtlb_misses), percent(m.l1_dtlb_misses, m.lookups) + " of lookups");
  line("STLB misses", grouped(m.stlb_misses), percent(m.stlb_misses, m.lookups) + " of lookups");
  line("page walks", grouped(m.walks), per_thousand(m.walks, m.accesses) + " per 1000 accesses" + walks_by_cause(m));
  line("entry reads by walks", grouped(m.entry_reads), timed ? "hit in " + hits_text(m.reads_by_level) : "");
  if (m.guest()) nested_lines(m, line);
  if (!timed) return title + "\n" + table.text(2);
  line("walk cycles", grouped(m.walk_cycles), per_thousand(m.walk_cycles, m.accesses) + " per 1000 accesses");
  if (m.walks != 0) line("walk latency", fmt::format("{:.1f}", m.walk_latency.mean()), latency_text(m.walk_latency));
  line("translation", percent(m.translation_cycles(), m.all_stage_cycles()), "of the cycles of all accesses");
  return title + "\n" + table.text(2);
}

}  // namespace

std::string text_report(const RunSummary& s, const HostTimes& host) {
  std::string text = fmt::format("{}: {}, seed {}", s.name, s.command, s.seed);
  if (s.core_ghz > 0) text += fmt::format(", core at {:.4g} GHz", s.core_ghz);
  if (s.interrupted) text += ", INTERRUPTED";
  text += "\n\n";
  if (!s.phases.empty()) text += phase_table(s) + "\n";
  if (s.kernel.shootdowns.cpus > 1) text += cores_table(s) + "\n";
  const Section workload = section_of(s, SectionKind::kWorkload);
  if (!workload.stages.empty() && workload.stages.size() < s.phases.size()) {
    text += machine_text("workload", workload.machine, s.core_ghz) + "\n";
  }
  text += machine_text("whole run", s.totals, s.core_ghz);
  if (host.wall_seconds > 0) {
    text += fmt::format("\nsimulated in {}, {:.3g} million accesses per second\n", human_time(host.wall_seconds),
                        static_cast<double>(s.totals.accesses) / host.wall_seconds / 1e6);
  }
  return text;
}

}  // namespace mmusim
