// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/x86/control.h"

namespace mmusim {

/// A range of the recorded machine's physical memory.
struct GuestMemoryRange {
  PhysAddr begin;
  PhysAddr end;  ///< exclusive
  bool ram = true;
};

/// The page tables of a real process and its kernel, as they were when the machine was stopped: an image is a pair of
/// files, NAME.ptimg.xz (4104-byte records: physical address of a table page, its 512 entries; little endian;
/// ascending; any or no compression) and NAME.json (control registers and reference answers).
struct PageTableImage {
  std::string name;
  std::string json_path;
  ControlState control;  ///< 4- or 5-level paging; keys open, EFLAGS.AC clear
  uint64_t table_pages = 0;
  bool randomized = true;                      ///< the kernel may have chosen its regions at random (no "nokaslr")
  std::vector<GuestMemoryRange> guest_memory;  ///< may be empty
};

/// True if `path` names one of the two files of an image (by its name).
bool is_page_table_image(const std::string& path);

/// Stores the tables of an image into `memory`. `path` is either of its files. Throws EnvironmentError if one cannot be
/// opened, InputError (with JSON pointer, or record number and byte offset) if one is not what it should be: impossible
/// control registers, a truncated record, addresses that do not ascend or lie beyond phys_bits, no root table.
PageTableImage load_page_table_image(const std::string& path, PhysMem& memory);

}  // namespace mmusim
