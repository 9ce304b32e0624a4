// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "models/base/enum_array.h"
#include "models/base/histogram.h"
#include "models/base/records.h"
#include "models/base/stats.h"
#include "models/base/translation_counts.h"

namespace mmusim {

struct NestedCounts;

/// Counters for each value of an enumeration with name_of(): the members of one object in JSON.
template <class E, class T = uint64_t>
struct CountsBy : EnumArray<E, T> {
  template <class Visitor>
  void describe(Visitor&& v) const {
    for (const E e : kAllOf<E>) v(name_of(e), (*this)[e], "");
  }
};
using StageCounts = CountsBy<Stage>;
using HitCounts = CountsBy<HitLevel>;
using KindCounts = CountsBy<AccessKind, TranslationCounts>;

/// Counters by level of a paging-structure entry (index 1 = PTE ... 5) and by where it was found.
struct LevelCounts : std::array<HitCounts, 6> {
  template <class Visitor>
  void describe(Visitor&& v) const {
    for (size_t level = 1; level < size(); ++level) v(std::to_string(level), (*this)[level], "");
  }
};

/// The lists of a summary. Each counter of the machine stands in one of them.
enum class TotalsList : uint8_t {
  kTotals,        ///< "totals"
  kMachine,       ///< "machine"
  kGuestTotals,   ///< "totals" of a guest, after the others
  kGuestMachine,  ///< "machine" of a guest, after the others
  kProcessor,     ///< the source of "perf"; not shown itself
};

/// Counts of the machine in a stretch of time. Times are core cycles.
struct MachineTotals {
  uint64_t accesses = 0, lookups = 0, l1_dtlb_misses = 0, stlb_misses = 0, walks = 0, entry_reads = 0, cycles = 0;
  uint64_t walk_cycles = 0;
  StageCounts stage_cycles{};
  LevelCounts reads_by_level{};
  Histogram walk_latency;
  KindCounts translation{};
  uint64_t flushes = 0;
  uint64_t nested_lookups = 0, nested_walks = 0, host_entry_reads = 0, exits = 0;
  uint64_t nested_read_cycles = 0, exit_cycles = 0;
  LevelCounts host_reads_by_level{};

  /// A guest ran: the lists of guests mean something.
  bool guest() const { return nested_lookups != 0; }
  /// Adds what the nested dimension of one core counted.
  void add_nested(const NestedCounts& counts);

  /// Calls v(list, name, value, meaning) for each counter: the one place that lists them. merge(), difference() and the
  /// lists of the summary are made from it.
  template <class Visitor>
  void describe_all(Visitor&& v) const;
  /// Calls v(name, value, meaning) for all counters, as other statistics do.
  template <class Visitor>
  void describe(Visitor&& v) const {
    describe_all(
        [&v](TotalsList, std::string_view name, const auto& value, const char* meaning) { v(name, value, meaning); });
  }

  void merge(const MachineTotals& other) { *this = sum(*this, other); }
  /// Cycles of the stages that translate (all but data and stall), and of all stages.
  uint64_t translation_cycles() const;
  uint64_t all_stage_cycles() const;
};

/// The counters of one list, as statistics of their own.
template <TotalsList kList>
struct ListedTotals {
  const MachineTotals& totals;

  template <class Visitor>
  void describe(Visitor&& v) const {
    totals.describe_all([&v](TotalsList list, std::string_view name, const auto& value, const char* meaning) {
      if (list == kList) v(name, value, meaning);
    });
  }
};

template <class Visitor>
void MachineTotals::describe_all(Visitor&& v) const {
  using enum TotalsList;
  v(kTotals, "accesses", accesses, "data accesses of programs and of kernel code");
  v(kTotals, "lookups", lookups, "lookups of the first-level data TLB");
  v(kTotals, "l1_dtlb_misses", l1_dtlb_misses, "lookups that missed the first-level data TLB");
  v(kTotals, "stlb_misses", stlb_misses, "lookups that missed the second-level TLB as well");
  v(kTotals, "walks", walks, "page walks, faults included");
  v(kTotals, "entry_reads", entry_reads, "paging-structure entries fetched by walks");
  v(kTotals, "cycles", cycles, "elapsed core cycles");
  v(kMachine, "walk_cycles", walk_cycles, "cycles of all walks added up, from begin to end");
  v(kMachine, "stage_cycles", stage_cycles, "cycles of all accesses by stage");
  v(kMachine, "walk_reads_by_level", reads_by_level, "entries read by walks, by level and by where they were found");
  v(kMachine, "walk_latency_cycles", walk_latency, "cycles of each walk");
  v(kProcessor, "translation", translation, "as the processor's own counters count");
  v(kGuestTotals, "nested_lookups", nested_lookups, "guest-physical addresses translated");
  v(kGuestTotals, "nested_walks", nested_walks, "of these, by a walk of the nested tables");
  v(kGuestTotals, "host_entry_reads", host_entry_reads, "entries of the nested tables fetched");
  v(kGuestTotals, "exits", exits, "exits to the hypervisor");
  v(kGuestMachine, "nested_reads_by_level", host_reads_by_level,
    "nested entries read by walks, by level and by where they were found");
  v(kGuestMachine, "nested_read_cycles", nested_read_cycles, "cycles of these reads");
  v(kGuestMachine, "exit_cycles", exit_cycles, "cycles of the exits");
  v(kProcessor, "flushes", flushes, "operations that remove translations");
}

}  // namespace mmusim
