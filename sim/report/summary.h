// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/base/stats.h"
#include "sim/events/kernel_totals.h"
#include "sim/machine/perf_counters.h"
#include "sim/machine/totals.h"

namespace mmusim {

/// Counts of one core of several in a phase.
struct CoreSummary {
  MachineTotals machine;
  uint64_t interrupts = 0;        ///< from other cores
  uint64_t interrupt_cycles = 0;  ///< that they took from its program
};

/// One phase of the scenario, as in its `phases`.
struct PhaseSummary {
  std::string stage;      ///< label, unique in the run
  std::string name;       ///< kind: "boot", "hot_add", "hvo", "dax", "workload", "replay", ...
  bool workload = false;  ///< measures a program (else: the kernel builds or changes tables)
  bool timed = true;      ///< false: ran outside simulated time
  CycleTime begin;
  CycleTime end;
  MachineTotals machine;  ///< of this phase alone
  KernelTotals kernel;
  std::vector<CoreSummary> cores;       ///< empty on a machine with one
  std::vector<FunctionTime> functions;  ///< in the order of first_cycle
};

/// STLB misses and walks over time, in slices of equal length.
struct Timeseries {
  uint64_t slice_cycles = 0;  ///< length of a slice
  std::vector<uint64_t> stlb_misses;
  std::vector<uint64_t> walks;
};

/// Memory that the vmemmap took when the run was over.
struct MemmapBytes {
  uint64_t struct_pages = 0;  ///< pages that hold struct pages
  uint64_t tables = 0;        ///< its page-table pages, the top one left out

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("struct_pages", struct_pages, "bytes of memory that hold struct pages at the end of the run");
    v("tables", tables, "bytes of page tables that map them, the top one left out");
  }
};

/// Everything summary.json says. What may differ between two equal runs is not in here but added as `host` on writing.
struct RunSummary {
  std::string command;        ///< "run" or "replay"
  std::string name;           ///< of the scenario or trace
  std::string configuration;  ///< the effective one, as JSON text of an object
  uint64_t seed = 0;
  bool interrupted = false;
  double core_ghz = 0;  ///< core clock, so that reports can show time
  MachineTotals totals;
  KernelTotals kernel;
  std::optional<MemmapBytes> memmap_bytes;  ///< missing for replays, which build no vmemmap
  std::vector<PhaseSummary> phases;
  StatNode counters;                                    ///< the module tree
  CounterNames counter_names = CounterNames::kGeneric;  ///< whose names the counters of `perf` have
  Timeseries misses_over_time;
};

/// The phases that build or change tables, and those that measure programs.
enum class SectionKind { kBuild, kWorkload };

/// Sums over the phases of one kind.
struct Section {
  std::vector<std::string> stages;
  MachineTotals machine;
  KernelTotals kernel;
};
Section section_of(const RunSummary& summary, SectionKind kind);

/// Speed of this very run; goes into `host`.
struct HostTimes {
  double wall_seconds = 0;
  double cpu_seconds = 0;
};

inline constexpr unsigned kSummaryVersion = 1;

/// The contents of summary.json: see docs/outputs.md. Same input, same text, `host` apart.
nlohmann::ordered_json to_json(const RunSummary& summary, const HostTimes& host);
/// Writes DIR/summary.json (atomically). Throws EnvironmentError.
void write_summary(const std::string& path, const RunSummary& summary, const HostTimes& host);
/// The short report for people: aligned, with units, ratios computed here.
std::string text_report(const RunSummary& summary, const HostTimes& host);

/// Reads a summary.json. Throws InputError with what to do when it is missing or unfinished, of a newer version, or no
/// summary at all.
nlohmann::ordered_json read_summary(const std::string& directory);
/// Checks that the text of a summary.json holds what comparisons and reports read, and returns it. `place` stands for
/// the file in messages. Throws InputError with the JSON pointer.
nlohmann::ordered_json summary_from_text(const std::string& text, const std::string& place);

}  // namespace mmusim
