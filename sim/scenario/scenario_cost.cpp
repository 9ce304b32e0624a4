// SPDX-License-Identifier: MIT
#include "sim/scenario/scenario_cost.h"

#include <algorithm>

#include "mm/layout.h"

namespace mmusim {

namespace {

constexpr const char* kStructPages = "struct pages";
constexpr const char* kVmemmapTables = "page tables of the vmemmap";
constexpr const char* kCollectedTables = "the tables that --tables collects";

// Host memory of the kernel model for each section, outside simulated memory: 32 free blocks, presence, usage. From
// the resident size of boots of 1 GiB and 16 TiB (2,367 bytes).
constexpr uint64_t kHostBytesOfSection = 2400;
constexpr uint64_t kHostBytesOfTableEntry = 64;  // of a stage that is written to a file
constexpr uint64_t kEntry = 8;

/// Memory the kernel of the scenario ever sees, how much of it has its struct pages stored, and how much processes write.
struct Sizes {
  uint64_t memory = 0;
  uint64_t stored = 0;
  uint64_t user = 0;
};

Sizes sizes_of(const Scenario& s) {
  Sizes sizes;
  for (const mm::MemoryRange& r : s.memory.memory) sizes.memory += (r.end - r.start) << kPageShift;
  if (s.kernel.memmap_init || s.kernel.debug_vm) sizes.stored = sizes.memory;
  for (const Phase& phase : s.phases) {
    if (const auto* p = std::get_if<MemoryPhase>(&phase.what)) {
      if (p->kind == MemoryPhase::Kind::kHotAdd) sizes.memory += p->bytes;
      if (p->kind == MemoryPhase::Kind::kOnline || (p->kind == MemoryPhase::Kind::kHotAdd && s.kernel.debug_vm)) {
        sizes.stored += p->bytes;
      }
    }
    if (const auto* p = std::get_if<DevicePhase>(&phase.what)) {
      sizes.memory += p->device.bytes;
      sizes.stored += p->device.bytes;
    }
    if (const auto* p = std::get_if<HugetlbPhase>(&phase.what)) {
      // The head page of each folio's struct pages is copied.
      const uint64_t folios = std::min(p->allocate, sizes.memory >> (kPageShift + p->order)) + p->optimise.size();
      sizes.stored += folios * (kPageBytes / s.kernel.struct_page_bytes) << kPageShift;
    }
    if (const auto* p = std::get_if<ProcessPhase>(&phase.what)) {
      const uint64_t areas = p->operation == mm::UserOperation::kProtect ? p->repeat : 1;
      sizes.user += std::min(p->heap + areas * p->pages * kPageBytes, sizes.memory);
    }
    // One table for each area that is alone in its 2 MiB, and one for each 1 GiB.
    if (const auto* p = std::get_if<SetMemoryPhase>(&phase.what))
      sizes.stored += (std::min(p->allocate, sizes.memory >> kPageShift) + (sizes.memory >> 30)) << kPageShift;
  }
  sizes.stored = std::min(sizes.stored, sizes.memory);
  return sizes;
}

/// Bytes of the tables that map `bytes` with leaves of `leaf` bytes, all levels.
uint64_t table_bytes(uint64_t bytes, uint64_t leaf) {
  uint64_t sum = 0;
  for (uint64_t span = leaf; span < bytes; span *= kEntriesPerTable) {
    sum += (bytes / span / kEntriesPerTable + 1) * kPageBytes;
  }
  return sum;
}

}  // namespace

HostMemoryCost cost_of(const Scenario& s, const PlatformConfig& platform, bool tables) {
  HostMemoryCost cost = cost_of(platform);
  const Sizes sizes = sizes_of(s);
  const uint64_t vmemmap = sizes.memory / kPageBytes * s.kernel.struct_page_bytes;
  const bool base_pages = !s.kernel.cpu.pse || s.kernel.vmemmap_pages == mm::VmemmapPages::kBase;
  cost.add(kVmemmapTables, table_bytes(vmemmap, base_pages ? 4 * kKiB : 2 * kMiB));
  const uint64_t direct_leaf = !s.kernel.cpu.pse ? 4 * kKiB : !s.kernel.cpu.gbpages ? 2 * kMiB : kGiB;
  cost.add("page tables of the direct map", table_bytes(sizes.memory, direct_leaf));
  cost.add(kStructPages, sizes.stored / kPageBytes * s.kernel.struct_page_bytes);
  cost.add("memory of processes", sizes.user);
  cost.add("lists of the kernel", (sizes.memory / mm::kSectionBytes + 1) * kHostBytesOfSection);
  if (tables) {
    const uint64_t entries = vmemmap / (base_pages ? 4 * kKiB : 2 * kMiB);
    cost.add(kCollectedTables, 2 * entries * std::max(kHostBytesOfTableEntry, kEntry));
  }
  return cost;
}

std::string cheaper(const Scenario& s, const HostMemoryCost& cost) {
  const std::string& what = cost.largest().what;
  if (what == "TLBs" || what == "caches") return "a smaller /platform takes less";
  if (what == kCollectedTables) return "without --tables it takes less";
  if (what == kStructPages && s.kernel.memmap_init) {
    return "without /kernel/memmap_init the struct pages of boot memory stay untouched";
  }
  if (what == kVmemmapTables && s.kernel.vmemmap_pages == mm::VmemmapPages::kBase) {
    return "with /kernel/vmemmap_pages \"auto\" the vmemmap has larger pages and fewer tables";
  }
  return "less memory in /memory/ranges takes less";
}

}  // namespace mmusim
