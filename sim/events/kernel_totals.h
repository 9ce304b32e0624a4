// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/events/shootdown_totals.h"

namespace mmusim {

/// Counts of the kernel model in a stretch of time. Filled by KernelRecorder.
struct KernelTotals {
  uint64_t entry_writes = 0;
  uint64_t other_entry_writes = 0;
  uint64_t entry_reads = 0;
  uint64_t table_pages = 0;
  uint64_t tables_freed = 0;
  uint64_t bytes_allocated = 0;
  uint64_t bytes_zeroed = 0;
  uint64_t flushes = 0;
  uint64_t populate_cycles = 0;
  uint64_t direct_map_cycles = 0;
  uint64_t struct_page_cycles = 0;
  ShootdownTotals shootdowns;  ///< of machines with several cores, a group of its own

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

/// Counts of the kernel model in one phase of a scenario.
struct KernelPhase {
  KernelTotals totals;
  std::vector<FunctionTime> functions;  ///< in the order of first_cycle
};

template <class Visitor>
void KernelTotals::describe(Visitor&& v) const {
  v("entry_writes", entry_writes, "page-table entries of the vmemmap stored by kernel code");
  v("other_entry_writes", other_entry_writes, "page-table entries of other regions stored by kernel code");
  v("entry_reads", entry_reads, "page-table entries loaded by kernel code");
  v("table_pages", table_pages, "page-table pages hooked into the vmemmap's tree");
  v("tables_freed", tables_freed, "page-table pages unhooked from it");
  v("bytes_allocated", bytes_allocated, "bytes allocated while populating the vmemmap");
  v("bytes_zeroed", bytes_zeroed, "bytes set to zero while populating the vmemmap");
  v("flushes", flushes, "times that kernel code flushed cached translations");
  v("populate_cycles", populate_cycles, "cycles in which the vmemmap was populated or changed");
  v("direct_map_cycles", direct_map_cycles, "cycles in which the direct map was built");
  v("struct_page_cycles", struct_page_cycles, "cycles in which struct pages were initialised");
}

}  // namespace mmusim
