// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mm/config.h"
#include "models/base/access.h"
#include "models/base/config.h"

namespace mmusim {

/// A stream of accesses. The same configuration, seed and machine give the same stream everywhere.
class Workload {
 public:
  static constexpr size_t kBatch = 4096;

  virtual ~Workload() = default;
  /// Replaces the contents of `batch` by the next accesses, about kBatch of them; false at the end, with an empty
  /// batch.
  virtual bool next(std::vector<MemAccess>& batch) = 0;
};

/// The words of a section that pfn_to_online_page reads, as addresses in the direct map.
struct SectionWords {
  VirtAddr section_mem_map;
  VirtAddr usage;           ///< the pointer beside it
  VirtAddr subsection_map;  ///< in what it points to
};

/// The facts that a workload needs about the machine it runs on.
struct WorkloadContext {
  VirtAddr vmemmap_base;
  unsigned struct_page_bytes = 64;
  VirtAddr page_offset_base;
  /// Page frames of boot memory, ascending; those of HugeTLB folios are left out.
  std::vector<mm::MemoryRange> memory;
  /// By section, a missing one empty; reads of sections beyond the end are left out.
  std::vector<std::optional<SectionWords>> sections;
  uint64_t seed = 1;
};

/// Makes the workload once the machine is there. Throws InputError if it does not fit the machine.
using WorkloadPlan = std::function<std::unique_ptr<Workload>(const WorkloadContext&)>;

/// A kind of workload, as scenarios name it.
struct WorkloadKind {
  std::string_view name;
  std::string_view description;                ///< one line
  WorkloadPlan (*read)(ConfigReader& reader);  ///< reads the parameters; the caller calls finish()
};

/// All kinds, in the order in which `presets` lists them.
std::span<const WorkloadKind> workload_kinds();
/// nullptr if there is no such kind.
const WorkloadKind* find_workload_kind(std::string_view name);

}  // namespace mmusim
