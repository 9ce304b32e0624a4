// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "models/base/records.h"
#include "models/base/types.h"

namespace mmusim {

// What the kernel model does, stamped with the cycle at which it did it. Text fields are views: they need to live only
// for the call that reports them. Times are core cycles since the start of the simulation.

/// Kernel code stored a page-table entry.
struct EntryWriteEvent {
  CycleTime cycle;
  uint32_t core = 0;
  uint8_t level = 1;   ///< 1 = PTE ... 5
  VirtAddr va;         ///< first address the entry maps
  uint64_t bytes = 0;  ///< that the entry maps
  VirtAddr entry_va;
  PhysAddr entry_pa;
  uint16_t index = 0;  ///< in its table
  uint64_t old_value = 0;
  uint64_t new_value = 0;
  std::string_view cause;  ///< the kernel function
};

/// Kernel code loaded a page-table entry.
struct EntryReadEvent {
  CycleTime cycle;
  uint32_t core = 0;
  uint8_t level = 1;
  VirtAddr va;
  uint64_t bytes = 0;
  VirtAddr entry_va;
  PhysAddr entry_pa;
  uint16_t index = 0;
  uint64_t value = 0;
  std::string_view cause;
};

/// Physical memory was handed out or given back.
struct MemoryEvent {
  CycleTime cycle;
  uint32_t core = 0;
  PhysAddr pa;
  uint64_t bytes = 0;
  int node = 0;
  std::string_view purpose;  ///< "page_table", "memmap", "sparse_buffer", ...
  std::string_view cause;    ///< the kernel function
};

/// Memory was set to zero.
struct ZeroEvent {
  CycleTime cycle;
  uint32_t core = 0;
  VirtAddr va;
  std::optional<PhysAddr> pa;
  uint64_t bytes = 0;
  std::string_view cause;
};

/// Cached translations were thrown away.
struct FlushEvent {
  CycleTime cycle;
  uint32_t core = 0;
  FlushKind kind = FlushKind::kInvlpg;
  VirtAddr va;         ///< first address of the range (kInvlpg, kInvpcid)
  uint64_t bytes = 0;  ///< 0: everything
  std::string_view cause;
};

/// A phase of the scenario begins.
struct PhaseEvent {
  CycleTime cycle;
  std::string_view stage;  ///< the stage's label in the scenario and in --tables
  std::string_view name;   ///< what kind of phase: "boot", "hot_add", "hvo", "workload", ...
};

/// A line of the kernel's log.
struct KernelLogEvent {
  CycleTime cycle;
  std::string_view text;
};

/// "invlpg", "invpcid", "cr3", "cr4", "all".
const char* name_of(FlushKind kind);

/// Kinds of records an event log may hold; values are bits.
enum class EventCategory : unsigned {
  kEntryWrites = 1,  ///< pte: entry writes, and what goes with them: alloc, free, zero, flush, kernel_log
  kEntryReads = 2,   ///< tables: entry reads of kernel code as well
  kWalks = 4,
  kAccesses = 8,
};

/// A set of categories. Phases, header and totals are always logged.
class EventSelection {
 public:
  constexpr EventSelection() = default;
  constexpr EventSelection& add(EventCategory c) {
    bits_ |= static_cast<unsigned>(c);
    return *this;
  }
  constexpr bool has(EventCategory c) const { return (bits_ & static_cast<unsigned>(c)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

  /// "none", or a comma list of pte, tables, walks, accesses, all. Throws InputError naming the word it does not know.
  static EventSelection parse(std::string_view text);

 private:
  unsigned bits_ = 0;
};

}  // namespace mmusim
