// SPDX-License-Identifier: MIT
#pragma once

#include "mm/buddy.h"
#include "mm/kernel.h"
#include "mm/page_table.h"

namespace mmusim::mm {

/// Changes of protection in the direct map [arch/x86/mm/pat/set_memory.c; S-41]: a large page of which only a part changes is
/// split into a table of its own first, with a flush of everything on all CPUs.
///
/// Omits  the kernel image's second mapping; static protections of kernel text; CPA_COLLAPSE, which puts large pages
///        together again (set_memory_rox of 7.x); cpa_lock.
class SetMemory {
 public:
  SetMemory(Context& context, PageTables& tables, Buddy& buddy) : context_(context), tables_(tables), buddy_(buddy) {}

  /// change_page_attr_set_clr for `pages` pages from `start`: set_memory_ro or set_memory_rw. `alias`: the direct map is the
  /// alias of a mapping that was changed, page by page. Holes of the direct map are passed over. kNoMemory if there is no
  /// page for a table: what comes before stays changed.
  Errno set(PhysAddr start, uint64_t pages, MemoryProtection protection, bool alias);

 private:
  struct Change {
    uint64_t set, clear;  ///< bits of leaves
    uint64_t of(uint64_t entry) const { return (entry & ~clear) | set; }
  };
  struct Step {
    uint64_t pages;  ///< done
    bool changed = false;
    Errno result = Errno::kSuccess;
  };
  /// An entry that maps an address: a leaf, or none.
  struct Entry {
    Table table;
    unsigned level;
    uint64_t value;
  };

  Change change_of(MemoryProtection protection) const;
  Entry lookup_address(VirtAddr va);
  Step change_page_attr(VirtAddr va, uint64_t pages, const Change& change);
  bool split_large_page(const Entry& large, VirtAddr va);

  Context& context_;
  PageTables& tables_;
  Buddy& buddy_;
};

}  // namespace mmusim::mm
