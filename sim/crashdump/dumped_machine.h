// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/base/phys_mem.h"
#include "sim/bootlog/evidence.h"
#include "sim/crashdump/dumped_kernel.h"

namespace mmusim {

/// A machine as its crash dump tells of it: the boot log in it, the kernel's sections and nodes, its addresses.
struct DumpedMachine {
  DerivedScenario derived;  ///< boot, and a phase for memory that came later; never looks at the dumped vmemmap
  DumpedKernel kernel;
  std::unique_ptr<PhysMem> tables;    ///< the kernel's own
  bool addresses_determined = false;  ///< the log has memblock's lines (memblock=debug), and no memory came later
};

/// Reads a crash dump. Throws InputError if the dump lacks VMCOREINFO or what that names, or if its memory cannot be told.
DumpedMachine read_dumped_machine(const std::string& path);

/// The agreement of the sections and nodes of a dump with a memory map.
struct SectionAgreement {
  uint64_t dumped = 0;  ///< sections there at boot
  uint64_t model = 0;   ///< that the ranges touch
  uint64_t equal = 0;
  uint64_t nodes = 0;        ///< in the dump that have pages
  uint64_t equal_nodes = 0;  ///< whose first and last page are those of the ranges

  bool agrees() const { return dumped == equal && model == equal && nodes == equal_nodes; }
};
SectionAgreement compare_sections(const DumpedKernel& kernel, const std::vector<BootRange>& memory);

}  // namespace mmusim
