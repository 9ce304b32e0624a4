// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include "models/base/histogram.h"
#include "models/base/records.h"
#include "models/base/translation_counts.h"

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
  EnumArray<Stage, uint64_t> stage_cycles{};  ///< sum over accesses, by stage
  /// Entry reads of walks by level (index 1 = PTE ... 5) and by where they hit.
  std::array<EnumArray<HitLevel, uint64_t>, 6> reads_by_level{};
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

/// Returns what the machine counted between two moments; `earlier` is a former state of `later`.
MachineTotals difference(const MachineTotals& later, const MachineTotals& earlier);

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

}  // namespace mmusim
