// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mm/config.h"
#include "mm/kernel.h"
#include "mm/result.h"
#include "models/base/config.h"
#include "sim/trace/trace_window.h"
#include "sim/workloads/workload.h"

namespace mmusim {

/// The kernel boots: direct map, sparse_init, and struct-page initialisation where the kernel section asks for it.
struct BootPhase {};

/// The kernel's initcall hugetlb_init, which takes over the gigantic folios that boot reserved. Without this phase, the
/// boot does it at its end.
struct HugetlbInitPhase {};

/// Memory appears or disappears: [start, start + bytes). `step` splits it into so many bytes per call; calls that are
/// not whole memory blocks go to arch_add_memory itself, as sub-section hotplug does (multiples of 2 MiB).
struct MemoryPhase {
  enum class Kind : uint8_t { kHotAdd, kOnline, kOffline, kHotRemove };
  Kind kind = Kind::kHotAdd;
  PhysAddr start;
  uint64_t bytes = 0;
  uint64_t step = 0;  ///< 0: one call
  unsigned node = 0;
  std::optional<bool> memmap_on_memory;            ///< empty: as the kernel section says
  mm::OnlineZone zone = mm::OnlineZone::kMovable;  ///< kOnline
};

/// Device memory gets struct pages (persistent memory, device-DAX).
struct DevicePhase {
  mm::DeviceMemory device;
};
struct DeviceRemovePhase {
  PhysAddr start;
};

/// HugeTLB folios come and go; optimised ones give most of their struct pages back.
struct HugetlbPhase {
  unsigned order = 9;  ///< of allocate and free: 9 = 2 MiB, 18 = 1 GiB
  unsigned node = 0;
  uint64_t allocate = 0;            ///< folios to take from the free lists and to optimise
  bool scattered = false;           ///< `allocate` takes them spread over the node's memory
  uint64_t free = 0;                ///< folios to restore and give back, those taken last first
  std::vector<mm::Folio> optimise;  ///< these very folios (recorded boots)
  std::vector<mm::Folio> restore;
  std::vector<mm::Folio> demote;  ///< 1 GiB folios that become 2 MiB ones
  bool surplus = false;           ///< pages beyond the pool: each is optimised and restored by itself
};

/// Pages that the kernel allocates and protects against writes, as code of modules and BPF programs: large pages of the
/// direct map are split.
struct SetMemoryPhase {
  uint64_t allocate = 0;  ///< areas to allocate and to protect
  uint64_t free = 0;      ///< areas to make writable again and to give back, those taken last first
  uint64_t pages = 1;     ///< of each area
  unsigned node = 0;
  bool scattered = false;  ///< areas lie all over the node's memory
  bool alias = false;      ///< the direct map follows a mapping elsewhere
};

/// A process with threads on the cores changes its memory with system calls on the first one, which tells the others.
struct ProcessPhase {
  mm::UserOperation operation = mm::UserOperation::kDontNeed;
  uint64_t pages = 1;   ///< of each call
  uint64_t repeat = 1;  ///< calls
  uint64_t heap = 0;    ///< bytes, memory of the process that stays, at kHeap
  bool asleep = false;  ///< all threads but the first one

  static constexpr VirtAddr kArea{0x7e0000000000};  ///< the memory that the calls change
  static constexpr VirtAddr kHeap{0x7f0000000000};
};

/// The rest of deferred struct-page initialisation, on the first `workers` cores; missing: on all.
struct DeferredInitPhase {
  std::optional<unsigned> workers;
};

/// A program or a kernel path runs.
struct WorkloadPhase {
  std::string kind;
  WorkloadPlan plan;
  uint64_t warmup = 0;  ///< accesses before the counting begins
  std::optional<uint64_t> limit;
};

/// Programs on the cores behind the first one, which run while kernel code does.
struct Beside {
  std::optional<unsigned> cores;  ///< missing: all of them
  std::string kind;
  WorkloadPlan plan;
};

/// Recorded accesses are made again.
struct ReplayPhase {
  std::string trace;  ///< path, resolved
  TraceWindowConfig window;
  bool fetches = false;  ///< instruction fetches of the trace take part
};

/// Only opens a stage: nothing happened to the tables in it.
struct MarkPhase {};

/// One step of a scenario.
struct Phase {
  std::string name;              ///< what the file calls it: "boot", "hot_add", ...
  std::string stage;             ///< label of the snapshot taken after it; several phases may share one
  bool timed = true;             ///< false: runs outside simulated time
  std::optional<Beside> beside;  ///< of timed phases of the kernel
  std::optional<mm::FailAllocation> fail_allocation;  ///< set before the phase begins
  mm::Errno expect = mm::Errno::kSuccess;             ///< what its operations return; anything else fails the run
  std::variant<BootPhase, HugetlbInitPhase, MemoryPhase, DevicePhase, DeviceRemovePhase, HugetlbPhase, SetMemoryPhase,
               ProcessPhase, DeferredInitPhase, WorkloadPhase, ReplayPhase, MarkPhase>
      what;
};

/// Reads one element of "phases". Files are looked for in `folder` (of the scenario), then beside the configurations.
/// A phase without "stage" belongs to `previous_stage`, or opens one of its own name if that is empty.
Phase read_phase(ConfigReader reader, const std::string& folder, const std::string& previous_stage);

/// Errors of order and of overlap between phases: boot first and once, nothing removed that was not added, nothing
/// added twice.
void check_phases(const std::vector<Phase>& phases, const mm::MemoryMap& memory, ConfigErrors& errors);

}  // namespace mmusim
