// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mm/config.h"
#include "sim/bootlog/boot_facts.h"
#include "sim/recorded/stage_tables.h"

namespace mmusim {

/// The vmemmap that a boot log tells, "[A-B] PMD -> [C-D] on node N" (up to 4.x), beside the one that was built. Counts
/// 2 MiB leaves.
struct VmemmapComparison {
  uint64_t told = 0;
  uint64_t same_place = 0;    ///< a 2 MiB leaf was built there
  uint64_t same_address = 0;  ///< and maps the same memory
  uint64_t extra = 0;         ///< built, but not told
  std::string first_difference;

  bool agrees() const { return same_place == told && extra == 0; }
};

/// Compares with the level-2 leaves of `built`. Addresses behind the leaves are known where `page_offset_base` is that
/// of the log; they agree only if the log told all reservations. A log without such lines gives `told` 0.
VmemmapComparison compare_vmemmap(const BootFacts& facts, const StageTables& built, VirtAddr page_offset_base);

/// A number that the log tells, beside what the model has.
struct TotalComparison {
  std::string what;
  uint64_t told = 0;
  uint64_t model = 0;
};

/// Pages in all ("Memory:"), of each node ("On node N totalpages:") and zone ("... zone: N pages"), and the last page of
/// each node, beside those of the scenario's memory.
std::vector<TotalComparison> compare_totals(const BootFacts& facts, const mm::MemoryMap& memory);

}  // namespace mmusim
