// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
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
  bool randomized = true;                ///< the kernel may have chosen its regions at random (no "nokaslr")
  std::optional<VirtAddr> vmemmap_base;  ///< where it is known nevertheless
  std::optional<VirtAddr> page_offset_base;
  unsigned struct_page_bytes = 64;
  std::vector<GuestMemoryRange> guest_memory;  ///< may be empty
  std::vector<std::string> notes;              ///< what was assumed, one sentence each
};

/// Names those tables of an image that the machine uses.
struct RootChoice {
  std::optional<uint64_t> cr3;  ///< missing: as recorded
  bool kernel = false;          ///< the kernel's own tables, where the image knows them
};
/// Reads "kernel", or the value of CR3; empty: as recorded. Throws InputError for anything else.
RootChoice parse_root_choice(const std::string& text);

/// A further kind of file that tables can be loaded from. Crash dumps are one, see sim/crashdump.
struct ImageKind {
  bool (*recognises)(const std::string& path);
  PageTableImage (*load)(const std::string& path, PhysMem& memory, const RootChoice& root);
};
/// Makes the two functions below know `kind` too. Call it before there are threads.
void add_image_kind(const ImageKind& kind);

/// True if `path` names one of the two files of an image (by its name), or a file of a further kind.
bool is_page_table_image(const std::string& path);

/// Stores the tables of an image into `memory`. `path` is either of its files. Throws EnvironmentError if one cannot be
/// opened, InputError (with JSON pointer, or record number and byte offset) if one is not what it should be: impossible
/// control registers, a truncated record, addresses that do not ascend or lie beyond phys_bits, no root table.
PageTableImage load_page_table_image(const std::string& path, PhysMem& memory, const RootChoice& root = {});

}  // namespace mmusim
