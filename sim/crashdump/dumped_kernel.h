// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "models/base/phys_mem.h"
#include "sim/crashdump/crash_dump.h"
#include "sim/crashdump/dump_tables.h"

namespace mmusim {

/// A section of memory, and the flags of its section_mem_map [Linux: include/linux/mmzone.h].
struct DumpedSection {
  uint64_t number = 0;  ///< of 128 MiB
  bool early = false;   ///< there at boot
  bool device = false;  ///< memory of a device (ZONE_DEVICE)
};

/// A node's pglist_data.
struct DumpedNode {
  unsigned node = 0;
  PhysAddr data;  ///< where the structure lies
  Pfn start;
  uint64_t pages = 0;  ///< from first to last, holes included
};

/// A dumped kernel, as its own data describe it.
struct DumpedKernel {
  KernelRoot root;
  VirtAddr image_text;  ///< _stext, at the start of the image
  VirtAddr vmemmap_base;
  VirtAddr page_offset_base;
  unsigned struct_page_bytes = 64;
  unsigned mem_section_bytes = 32;
  std::vector<DumpedSection> sections;  ///< those that have struct pages, ascending
  std::vector<DumpedNode> nodes;
  uint64_t missing_pages = 0;  ///< of these data, not in the dump: taken as zeros
  std::string log;             ///< its ring buffer of messages, as dmesg prints it; empty if the dump does not hold it
};

/// Loads the kernel's own tables into `memory` and reads sections, nodes and messages through them. Throws InputError
/// if the dump has no VMCOREINFO or lacks what that names.
DumpedKernel read_dumped_kernel(const CrashDump& dump, PhysMem& memory);

}  // namespace mmusim
