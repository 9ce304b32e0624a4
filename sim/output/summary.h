// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/base/histogram.h"
#include "models/base/records.h"
#include "models/base/stats.h"
#include "models/base/translation_counts.h"
#include "models/base/types.h"
#include "sim/output/perf_counters.h"

namespace mmusim {

/// What the machine did in a stretch of time. Times are core cycles.
struct MachineTotals {
  uint64_t accesses = 0;        ///< data accesses of programs and of kernel code
  uint64_t lookups = 0;         ///< of the first-level data TLB (an access over a page boundary makes two)
  uint64_t l1_dtlb_misses = 0;  ///< lookups that missed there
  uint64_t stlb_misses = 0;     ///< of these, those that missed the second-level TLB as well
  uint64_t walks = 0;           ///< page walks, faults included
  uint64_t entry_reads = 0;     ///< paging-structure entries fetched by walks
  uint64_t cycles = 0;          ///< elapsed
  uint64_t walk_cycles = 0;     ///< sum over walks of end - begin
  std::array<uint64_t, kStages> stage_cycles{};  ///< sum over accesses, by stage
  /// Entry reads of walks by level (index 1 = PTE ... 5) and by where they hit.
  std::array<std::array<uint64_t, kHitLevels>, 6> reads_by_level{};
  Histogram walk_latency;                 ///< end - begin of each walk
  TranslationCountsByKind translation{};  ///< as the processors' own counters count
  uint64_t flushes = 0;                   ///< operations that remove translations

  void merge(const MachineTotals& other);
  /// Cycles of the stages that translate (all but data and stall), and of all stages.
  uint64_t translation_cycles() const;
  uint64_t all_stage_cycles() const;

  template <class Visitor>
  void describe(Visitor&& v) const;
};

/// What the kernel model did in a stretch of time. Filled by KernelRecorder.
struct KernelTotals {
  uint64_t entry_writes = 0;        ///< entries stored that map parts of the vmemmap
  uint64_t other_entry_writes = 0;  ///< entries stored that map something else (the direct map)
  uint64_t entry_reads = 0;         ///< entries loaded by kernel code
  uint64_t table_pages = 0;         ///< table pages hooked into the vmemmap's tree
  uint64_t tables_freed = 0;        ///< table pages unhooked from it
  uint64_t bytes_allocated = 0;     ///< while populating
  uint64_t bytes_zeroed = 0;        ///< while populating
  uint64_t flushes = 0;             ///< of translations, by instruction
  uint64_t populate_cycles = 0;     ///< elapsed while the vmemmap was populated or changed
  uint64_t direct_map_cycles = 0;   ///< elapsed while the direct map was built
  uint64_t struct_page_cycles = 0;  ///< elapsed while struct pages were initialised

  void merge(const KernelTotals& other);

  template <class Visitor>
  void describe(Visitor&& v) const;
};

/// Cycles spent in one kernel function, callees that are listed themselves not included.
struct FunctionTime {
  std::string function;
  uint64_t first_cycle = 0;  ///< when it first ran in this phase
  uint64_t last_cycle = 0;   ///< when it last returned
  uint64_t cycles = 0;
  uint64_t entry_writes = 0;
  uint64_t bytes_zeroed = 0;
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

template <class Visitor>
void MachineTotals::describe(Visitor&& v) const {
  v("accesses", accesses, "data accesses of programs and of kernel code");
  v("lookups", lookups, "lookups of the first-level data TLB");
  v("l1_dtlb_misses", l1_dtlb_misses, "lookups that missed the first-level data TLB");
  v("stlb_misses", stlb_misses, "lookups that missed the second-level TLB as well");
  v("walks", walks, "page walks, faults included");
  v("entry_reads", entry_reads, "paging-structure entries fetched by walks");
  v("cycles", cycles, "elapsed core cycles");
}

template <class Visitor>
void KernelTotals::describe(Visitor&& v) const {
  v("entry_writes", entry_writes, "page-table entries of the vmemmap stored by kernel code");
  v("other_entry_writes", other_entry_writes, "page-table entries of other regions stored by kernel code");
  v("entry_reads", entry_reads, "page-table entries loaded by kernel code");
  v("table_pages", table_pages, "page-table pages hooked into the vmemmap's tree");
  v("tables_freed", tables_freed, "page-table pages unhooked from it");
  v("bytes_allocated", bytes_allocated, "bytes allocated while populating the vmemmap");
  v("bytes_zeroed", bytes_zeroed, "bytes set to zero while populating the vmemmap");
  v("flushes", flushes, "instructions that flushed cached translations");
  v("populate_cycles", populate_cycles, "cycles in which the vmemmap was populated or changed");
  v("direct_map_cycles", direct_map_cycles, "cycles in which the direct map was built");
  v("struct_page_cycles", struct_page_cycles, "cycles in which struct pages were initialised");
}

}  // namespace mmusim
