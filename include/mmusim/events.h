// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mmusim {
inline namespace v0 {

/// One paging-structure entry that a walk read.
struct WalkRead {
  unsigned level = 0;     ///< 1 = PTE ... 5 = PML5E
  uint64_t entry_pa = 0;  ///< physical address of the entry
  uint64_t value = 0;     ///< as read
  std::string hit;        ///< "L1", "L2", "L3", "DRAM" or "uncached"
  uint64_t cycles = 0;
};

/// One page walk. Cycles are those of the core clock.
struct WalkEvent {
  unsigned core = 0;
  uint64_t begin_cycle = 0;
  uint64_t end_cycle = 0;
  uint64_t va = 0;
  std::string cause;                              ///< "load", "store", "fetch" or "prefetch"
  unsigned start_level = 0;                       ///< of the first entry read, after the paging-structure caches
  std::vector<WalkRead> reads;                    ///< in order
  uint64_t queue_cycles = 0;                      ///< of the total, waiting for a free walker
  uint64_t page_bytes = 0;                        ///< of the page found; 0 if the walk faulted
  std::optional<uint32_t> page_fault_error_code;  ///< when it faulted
};

/// One access, when it is done.
struct AccessEvent {
  unsigned core = 0;
  uint64_t number = 0;  ///< 1, 2, ... in program order of its core
  uint64_t begin_cycle = 0;
  uint64_t end_cycle = 0;
  uint64_t va = 0;
  uint64_t pa = 0;
  std::string data_hit;    ///< where the line was found, as WalkRead::hit
  bool tlb_miss = false;   ///< missed the first-level TLB
  bool stlb_miss = false;  ///< and the second-level TLB
  std::optional<uint32_t> page_fault_error_code;
};

/// One store of the kernel model to a page-table entry.
struct EntryWriteEvent {
  unsigned level = 0;     ///< 1 = PTE ... 5
  uint64_t va = 0;        ///< first address that the entry maps
  uint64_t bytes = 0;     ///< that it maps
  uint64_t entry_pa = 0;  ///< physical address of the entry
  unsigned index = 0;     ///< in its table
  uint64_t old_value = 0;
  uint64_t new_value = 0;
  std::string cause;  ///< the kernel function
};

/// Receives what happens, in the order in which it happens on each core. Override what you want to hear of.
class EventObserver {
 public:
  virtual ~EventObserver() = default;
  virtual void walk(const WalkEvent&) {}
  virtual void access(const AccessEvent&) {}
  virtual void entry_write(const EntryWriteEvent&) {}
};

}  // namespace v0
}  // namespace mmusim
