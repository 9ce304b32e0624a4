// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>

#include "models/base/phys_mem.h"
#include "sim/crashdump/crash_dump.h"
#include "sim/recorded/page_table_image.h"

namespace mmusim {

/// Copies page tables of a dump into simulated memory: those that can be reached from one or more roots.
class TableCopier {
 public:
  /// Both outlive the copier.
  TableCopier(const CrashDump& dump, PhysMem& memory) : dump_(dump), memory_(memory) {}

  /// Copies the table at `root`, whose entries are of `level`, and all below. Throws InputError if the root itself is
  /// not in the dump.
  void copy(PhysAddr root, unsigned level);
  uint64_t tables() const { return seen_.size(); }
  /// Tables that the dump does not hold: makedumpfile leaves pages of zeros out. They read as zero.
  uint64_t missing() const { return missing_; }

 private:
  void copy_below(PhysAddr table, unsigned level);

  const CrashDump& dump_;
  PhysMem& memory_;
  std::set<std::pair<PhysAddr, unsigned>> seen_;
  uint64_t missing_ = 0;
};

/// __START_KERNEL_map: where the kernel maps its image.
inline constexpr VirtAddr kImageMapping{0xffffffff80000000};

/// The place of the kernel's own tables, as VMCOREINFO tells it.
struct KernelRoot {
  PhysAddr root;
  unsigned levels = 4;
  int64_t phys_base = 0;  ///< physical address of 0xffffffff80000000
};
/// Reads it. Throws InputError if the dump has no VMCOREINFO, or not these parts of it, or if memory is encrypted.
KernelRoot kernel_root(const CrashDump& dump);

/// Loads the tables of a dump: those of CR3 as the dump's first processor had it, of `root`, or the kernel's own where
/// the dump holds no registers. Throws InputError.
PageTableImage load_crash_dump(const std::string& path, PhysMem& memory, const RootChoice& root);

/// Makes crash dumps page-table images too, for every command that takes one.
void register_crash_dumps();

}  // namespace mmusim
