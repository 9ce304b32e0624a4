// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mmusim/events.h"
#include "mmusim/machine.h"

namespace mmusim {
inline namespace v0 {

/// Memory of one node, in bytes: a line of "Early memory node ranges".
struct NodeMemory {
  uint64_t start = 0;
  uint64_t end = 0;  ///< exclusive
  unsigned node = 0;
};

/// Machine that a kernel boots on.
struct KernelSetup {
  std::string version = "6.1";     ///< a profile of `mmusim presets`
  std::vector<NodeMemory> memory;  ///< whole pages, no overlaps
  std::string options = "{}";      ///< further keys of a scenario's "kernel", as the JSON text of an object
};

/// One entry of the page tables that map the vmemmap.
struct TableEntry {
  unsigned level = 0;  ///< 1 = PTE ... 5
  uint64_t va = 0;     ///< first address that it covers
  unsigned index = 0;
  uint64_t table_pa = 0;
  uint64_t value = 0;
};

/// The kernel's memory management around the vmemmap, on a machine of the cycle model: its loads, stores and flushes are
/// accesses of the machine's first core, and the page tables it writes are those that the machine walks.
///
/// Functions return 0 or a negative errno value as the kernel's own do (-12 is -ENOMEM), and throw std::runtime_error
/// for ranges that no kernel would be asked for.
class Kernel {
 public:
  /// `machine` outlives the kernel and has run nothing yet. `observer` hears of entry writes; nullptr: nothing does.
  Kernel(Machine& machine, const KernelSetup& setup, EventObserver* observer = nullptr);
  ~Kernel();
  Kernel(Kernel&&) noexcept;

  /// Direct map, sparse_init with the vmemmap, memblock_free_all. `timed`: with simulated time, else at once.
  int boot(bool timed = true);
  /// Adds memory in whole memory blocks, as add_memory_resource() does; then the same range can be brought online, taken
  /// offline and removed.
  int hot_add(uint64_t start, uint64_t bytes, unsigned node = 0);
  int online(uint64_t start, uint64_t bytes);
  int hot_remove(uint64_t start, uint64_t bytes);

  /// Returns the address of the struct page of a physical address.
  uint64_t struct_page(uint64_t pa) const;
  /// Returns the address at which the direct map has a physical address.
  uint64_t direct_map(uint64_t pa) const;
  /// Returns every non-zero entry that maps part of the vmemmap, depth first.
  std::vector<TableEntry> vmemmap_tables() const;
  /// Returns what the kernel printed so far, one line each.
  std::string log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace v0
}  // namespace mmusim
