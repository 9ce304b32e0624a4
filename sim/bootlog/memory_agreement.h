// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/bootlog/memory_account.h"

namespace mmusim {

/// Agreement of all that is told of the memory.
enum class Agreement : uint8_t {
  kConfirmed,    ///< told at least twice, in the same way, nodes included; nothing says otherwise
  kUnconfirmed,  ///< told once, or not its nodes twice
  kDisputed,     ///< something says otherwise: the notes name it
};

/// The memory that is taken, and what was compared for it.
struct AgreedMemory {
  std::vector<BootRange> ranges;
  Agreement agreement = Agreement::kUnconfirmed;
  std::string summary;             ///< one line: nodes, GiB, pages, the account, what agrees
  std::vector<std::string> notes;  ///< one sentence for each thing that does not
};

/// Compares what a boot log tells of memory: the kernel's list of node ranges, the firmware's map, memblock's list, the
/// accounts of `others`, the line "Memory:", pages per node and zone, first and last page of each node, the last page
/// of all, the number of zonelists.
///
/// Taken is the account that nothing contradicts and most confirms, of equals the kernel's own list. An exact confirmation is the total of "Memory:", that of all nodes, or a second account
/// with the same pages. Throws InputError, naming `name` and what disagrees, if there is no account at all, or if the
/// one to take lacks memory that something else tells of, and nothing confirms it.
AgreedMemory agree_on_memory(const BootFacts& facts, const std::vector<MemoryAccount>& others, const std::string& name);

}  // namespace mmusim
