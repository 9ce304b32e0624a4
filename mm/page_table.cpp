// SPDX-License-Identifier: MIT
#include "mm/page_table.h"

namespace mmusim::mm {

void PageTables::report_read(Table table, unsigned level, VirtAddr va, unsigned index, uint64_t value,
                             const char* cause) {
  context_.observer().entry_read({level, va.align_down(level_bytes(level)), table.va + kEntryBytes * index,
                                  table.pa + kEntryBytes * index, index, value, cause});
}

void PageTables::report_write(Table table, unsigned level, VirtAddr va, unsigned index, uint64_t old, uint64_t value,
                              const char* cause) {
  context_.observer().entry_write({level, va.align_down(level_bytes(level)), level_bytes(level),
                                   table.va + kEntryBytes * index, table.pa + kEntryBytes * index, index, old, value,
                                   cause});
}

void TopLevelSync::sync_global_pgds(VirtAddr start, VirtAddr last) {
  const unsigned top = tables_.levels();
  const char* const cause = "sync_global_pgds";
  for (VirtAddr va = start; va <= last;) {
    const uint64_t reference = tables_.read(tables_.root(), top, va, cause);
    if (!entry_none(reference)) {
      for (auto pgd = pgd_list_.rbegin(); pgd != pgd_list_.rend(); ++pgd) {
        const Table process = tables_.table_at(*pgd);
        const uint64_t own = tables_.read(process, top, va, cause);
        MMUSIM_INVARIANT(entry_none(own) || entry_address(own) == entry_address(reference),
                         "processes share the kernel's lower tables");
        if (entry_none(own)) tables_.write(process, top, va, own, reference, cause);
      }
    }
    const VirtAddr next = (va + 1).align_up(level_bytes(top));
    if (next < va) break;  // wrapped at the top of the address space
    va = next;
  }
}

void TopLevelSync::add_process(PhysAddr pgd) {
  constexpr const char* kCause = "pgd_ctor";
  const unsigned top = tables_.levels();
  const uint64_t bytes = level_bytes(top);
  const VirtAddr first = context_.layout.page_offset_base().align_down(bytes);
  for (uint64_t i = level_index(first, top); i < kEntriesPerTable; ++i) {
    const VirtAddr va = first + (i - level_index(first, top)) * bytes;
    const uint64_t value = tables_.read(tables_.root(), top, va, kCause);
    if (!entry_none(value)) tables_.write(tables_.table_at(pgd), top, va, 0, value, kCause);
  }
  pgd_list_.push_back(pgd);
}

}  // namespace mmusim::mm
