// SPDX-License-Identifier: MIT
#pragma once

#include "mm/context.h"

namespace mmusim::mm {

/// One table page, as the kernel reaches it: the top table through the kernel image, all others through the direct
/// map [P-12].
struct Table {
  PhysAddr pa;
  VirtAddr va;
};

/// Reads and writes entries of page tables, init_mm's and those of processes; the one place where the kernel model touches
/// them.
class PageTables {
 public:
  explicit PageTables(Context& context)
      : context_(context),
        root_{context.config.init_top_pgt_pa, context.layout.image(context.config.init_top_pgt_pa)} {}

  Table root() const { return root_; }
  unsigned levels() const { return context_.layout.levels(); }
  Table table_at(PhysAddr pa) const { return {pa, context_.layout.direct_map(pa)}; }
  /// The table a non-leaf entry points to.
  Table child(uint64_t entry) const { return table_at(entry_address(entry)); }

  /// One 8-byte load of the entry for `va` in `table`, a table of `level`.
  uint64_t read(Table table, unsigned level, VirtAddr va, const char* cause) {
    const unsigned index = level_index(va, level);
    const uint64_t value = context_.load(table.va + kEntryBytes * index, kEntryBytes);
    if (context_.wants(kEntryReads)) report_read(table, level, va, index, value, cause);
    return value;
  }
  /// One 8-byte store; `old` is what the entry held.
  void write(Table table, unsigned level, VirtAddr va, uint64_t old, uint64_t value, const char* cause) {
    const unsigned index = level_index(va, level);
    context_.store(table.va + kEntryBytes * index, value, kEntryBytes);
    if (context_.wants(kEntryWrites)) report_write(table, level, va, index, old, value, cause);
  }
  /// ptep_get_and_clear: a locked exchange with 0; returns what the entry held.
  uint64_t take(Table table, unsigned level, VirtAddr va, const char* cause) {
    const unsigned index = level_index(va, level);
    const uint64_t old = context_.memory().read_modify_write(table.va + kEntryBytes * index, RmwOp::kAnd, 0,
                                                             kEntryBytes, /*locked=*/true);
    if (context_.wants(kEntryWrites)) report_write(table, level, va, index, old, 0, cause);
    return old;
  }

 private:
  void report_read(Table table, unsigned level, VirtAddr va, unsigned index, uint64_t value, const char* cause);
  void report_write(Table table, unsigned level, VirtAddr va, unsigned index, uint64_t old, uint64_t value,
                    const char* cause);

  Context& context_;
  Table root_;
};

/// sync_global_pgds: copies top-level kernel entries of init_mm into the top tables of all processes [P-14].
class TopLevelSync {
 public:
  TopLevelSync(Context& context, PageTables& tables) : context_(context), tables_(tables) {}

  void sync_global_pgds(VirtAddr start, VirtAddr last);
  /// pgd_ctor: takes the kernel half of the top table over into the (zeroed) page of a new process.
  void add_process(PhysAddr pgd);
  const std::vector<PhysAddr>& processes() const { return pgd_list_; }  ///< oldest first

 private:
  Context& context_;
  PageTables& tables_;
  std::vector<PhysAddr> pgd_list_;
};

}  // namespace mmusim::mm
