// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/bootlog/boot_facts.h"

namespace mmusim {

/// The machine's memory as one witness tells it, in whole pages from the second page of memory on.
struct MemoryAccount {
  std::string name;               ///< "the node ranges (lines 25 to 28)"
  std::vector<BootRange> ranges;  ///< ascending, without overlaps
  bool knows_nodes = false;       ///< false: all is given as node 0
  bool first_page = false;        ///< the witness counts the first page of memory as well, which `ranges` leaves out
  uint64_t granule = kPageBytes;  ///< what it counts in: memory blocks for lsmem, whose holes it does not know

  uint64_t pages() const;
};

/// Compares the pages, or also their nodes; where one account counts in blocks, the blocks.
bool same_pages(const MemoryAccount& a, const MemoryAccount& b);
bool same_nodes(const MemoryAccount& a, const MemoryAccount& b);

/// The kernel's own list, "Early memory node ranges". Empty if the log has none.
MemoryAccount node_range_account(const BootFacts& facts);
/// The RAM of the firmware's map as the kernel left it to memblock, cut by node. Empty if the log has no map.
MemoryAccount firmware_account(const BootFacts& facts);
/// memblock's own list, "memory[0x0]" of memblock=debug. Empty if the log has none.
MemoryAccount memblock_account(const BootFacts& facts);

/// Byte ranges of RAM as whole pages: adjacent ones are joined first, as memblock does, the first page is left out.
std::vector<PhysRange> whole_pages(std::vector<PhysRange> ranges);
/// `pages` cut by the nodes that the log tells: the SRAT or AMD's northbridge, else where nodes were set up. `known` is
/// set if it tells any, or that there is only one.
std::vector<BootRange> cut_by_nodes(const std::vector<PhysRange>& pages, const BootFacts& facts, bool& known);

}  // namespace mmusim
