// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "mm/buddy.h"
#include "mm/kernel.h"
#include "mm/page_table.h"
#include "mm/user_flush.h"

namespace mmusim::mm {

/// A process whose threads share one address space.
struct Process {
  AddressSpace mm;
  std::map<VirtAddr, VirtAddr> areas;  ///< what is mapped: first address to the one behind the last
};

/// Processes with anonymous memory in pages of 4 KiB, and what the system calls that take it away do to their page tables
/// [mm/memory.c, mm/mprotect.c, mm/mmu_gather.c, arch/x86/mm/pgtable.c; S-18].
///
/// Models  page faults; mprotect, madvise and munmap with their flushes, of so many pages that mmu_gather flushes once.
/// Omits   transparent huge pages; the struct-page and LRU work of faults and of zapping; locks; exit.
class Processes {
 public:
  Processes(Context& context, PageTables& tables, Buddy& buddy, UserFlush& flush)
      : context_(context), tables_(tables), buddy_(buddy), flush_(flush) {}

  /// A process with the top-level table at `pgd`, without memory and threads. The reference lasts.
  Process& start(PhysAddr pgd) { return all_.emplace_back(Process{flush_.make(pgd), {}}); }
  /// As Kernel::run_threads().
  void run(Process& process, unsigned threads);

  /// Maps [start, start + pages), an area of its own, and writes to each page: a page fault for each that is not there.
  /// kNoMemory: what comes before is mapped.
  Errno touch(Process& process, VirtAddr start, uint64_t pages);
  /// The system call, for an area that touch() has mapped; kInvalid for anything else.
  Errno change(Process& process, UserOperation operation, VirtAddr start, uint64_t pages);

 private:
  /// mmu_gather: what is given back once all CPUs have flushed.
  struct Gather {
    std::vector<PhysAddr> pages;
    std::vector<PhysAddr> tables;
    VirtAddr first{~uint64_t{0}}, end{0};
    /// Something that maps the page at `va` goes or changes.
    void add(VirtAddr va);
  };

  VirtAddr user_end() const { return VirtAddr(level_bytes(tables_.levels()) * kEntriesPerTable / 2); }
  Table top(const Process& process) const { return tables_.table_at(process.mm.pgd); }
  void write_entry(const Process& process, Table table, unsigned level, VirtAddr va, uint64_t old, uint64_t value,
                   const char* cause);
  std::optional<Table> table_for(const Process& process, unsigned level, VirtAddr va, const char* cause,
                                 bool allocate = false);
  template <class Fn>
  void for_each_table(const Process& process, VirtAddr start, VirtAddr end, const char* cause, Fn&& fn);
  Errno fault(const Process& process, VirtAddr va);
  void zap(const Process& process, VirtAddr start, VirtAddr end, bool reclaim, Gather& gather);
  void protect(const Process& process, VirtAddr start, VirtAddr end, Gather& gather);
  /// The end of the area before one that goes, and the start of the area behind it.
  struct Neighbours {
    VirtAddr floor, ceiling;
  };
  void free_tables(const Process& process, Table table, unsigned level, VirtAddr start, VirtAddr end,
                   const Neighbours& neighbours, Gather& gather);
  void finish(Process& process, const Gather& gather, const char* cause);

  Context& context_;
  PageTables& tables_;
  Buddy& buddy_;
  UserFlush& flush_;
  std::deque<Process> all_;
};

}  // namespace mmusim::mm
