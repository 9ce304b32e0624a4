// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include "mm/cpus.h"
#include "models/base/types.h"

namespace mmusim::mm {

/// One 8-byte store to a paging-structure entry.
struct EntryWrite {
  unsigned level;      ///< 1 = PTE ... 4 = PGD (4-level, the folded P4D) or P4D, 5 = PGD (5-level)
  VirtAddr va;         ///< first address the entry maps
  uint64_t bytes;      ///< bytes the entry maps: 4 KiB << 9 * (level - 1)
  VirtAddr entry_va;   ///< where the kernel stored: in the direct map, or in the kernel image for the top level
  PhysAddr entry_pa;   ///< the same place in physical memory
  unsigned index;      ///< 0..511 within its table
  uint64_t old_value;  ///< before the store
  uint64_t new_value;
  const char* cause;  ///< kernel function, static storage
};

/// One 8-byte load of a paging-structure entry by the kernel's own page-table code.
struct EntryRead {
  unsigned level;
  VirtAddr va;
  VirtAddr entry_va;
  PhysAddr entry_pa;
  unsigned index;
  uint64_t value;
  const char* cause;
};

/// The allocator that gave the memory.
enum class AllocSource : uint8_t { kMemblock, kSparseBuffer, kBuddy, kAltmap, kSlab };
constexpr const char* name_of(AllocSource source) {
  constexpr const char* kNames[] = {"memblock", "sparse_buffer", "buddy", "altmap", "slab"};
  return kNames[static_cast<unsigned>(source)];
}

/// An allocation that succeeded, or a piece that was given back.
struct AllocEvent {
  AllocSource source;
  PhysAddr pa;
  uint64_t bytes;
  unsigned node;
  const char* cause;
};

/// Memory filled with one byte: new tables with 0, poison with 0xff, sub-PMD markers with 0xfd.
struct FillEvent {
  VirtAddr va;
  PhysAddr pa;  ///< of the first byte, where it is in the direct map; 0 for vmemmap addresses
  uint64_t bytes;
  uint8_t value;
  const char* cause;
};

/// What a flush removes.
enum class FlushScope : uint8_t {
  kAll,      ///< everything
  kRange,    ///< the pages of a range
  kProcess,  ///< everything but global pages, of one process or (reset_global_asid_space) of all
};
constexpr const char* name_of(FlushScope scope) {
  constexpr const char* kNames[] = {"all", "range", "process"};
  return kNames[static_cast<unsigned>(scope)];
}

/// One CPU's part in a flush: all CPUs that take part report the same round, each when it has done its own. Kernel addresses
/// are flushed on all CPUs online.
struct FlushEvent {
  FlushScope scope = FlushScope::kAll;
  VirtAddr va{};   ///< the range that was asked for, also where it made the flush one of everything; 0, 0: none was
  VirtAddr end{};  ///< first address behind it
  /// The kernel's interface: flush_tlb_all, flush_tlb_kernel_range, __flush_tlb_all, cpa_flush; of user addresses
  /// flush_tlb_mm_range, invlpgb_flush_all_nonglobals.
  const char* entry = "";
  const char* cause = "";  ///< the function that asked
  uint64_t round = 0;      ///< counts flushes of all CPUs from 1; 0: of this CPU alone
  unsigned initiator = 0;  ///< CPU whose code asked
  unsigned cpu = 0;        ///< CPU that did it
  bool user = false;       ///< of user addresses: the CPUs that need it take part, or all if it is broadcast
  bool broadcast = false;  ///< by INVLPGB: `cpu` executed nothing
  // Instructions that `cpu` executed for it.
  uint64_t invlpg = 0;
  uint64_t invpcid = 0;
  uint64_t cr4 = 0;  ///< writes
  uint64_t cr3 = 0;  ///< writes
  uint64_t invlpgb = 0;
  uint64_t tlbsync = 0;

  uint64_t pages() const { return (end - va + kPageBytes - 1) >> kPageShift; }
};

/// A call-function interrupt was handled.
struct IpiEvent {
  CallDelivery delivery;
  unsigned to;
};

/// A kernel function that edits page tables, or asks for it, begins.
struct CallEvent {
  const char* function;  ///< static storage
  VirtAddr va{};         ///< what it works on; 0, 0: a list
  VirtAddr end{};
};

/// Levels of the kernel log, as in <linux/kern_levels.h>.
enum class LogLevel : uint8_t { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };

/// Kinds of event an observer may ask for; a kernel function checks the bit before it builds the record.
enum EventMask : uint32_t {
  kNoEvents = 0,
  kEntryWrites = 1u << 0,
  kEntryReads = 1u << 1,
  kAllocs = 1u << 2,  ///< alloc and free
  kFills = 1u << 3,
  kFlushes = 1u << 4,
  kLogLines = 1u << 5,
  kPhases = 1u << 6,
  kCalls = 1u << 7,
  kInterrupts = 1u << 8,
  kAllEvents = ~0u,
};

/// Hears what the kernel model does, in program order; each event comes after the memory access it reports.
/// `mask()` is read once, when the Kernel is constructed.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual uint32_t mask() const = 0;

  virtual void entry_write(const EntryWrite&) {}
  virtual void entry_read(const EntryRead&) {}
  virtual void alloc(const AllocEvent&) {}
  virtual void free(const AllocEvent&) {}
  virtual void fill(const FillEvent&) {}
  virtual void flush(const FlushEvent&) {}
  virtual void call(const CallEvent&) {}
  /// Interrupts were sent to other CPUs.
  virtual void interrupts(const CallInterrupts&) {}
  /// One of them was handled, and what it was sent for acknowledged.
  virtual void ipi(const IpiEvent&) {}
  /// One line of the kernel log, without time stamp and newline.
  virtual void log(LogLevel, std::string_view) {}
  /// A step of the boot or of an operation begins: "init_mem_mapping", "sparse_init", "memmap_init", ...
  virtual void phase(const char*) {}
};

}  // namespace mmusim::mm
