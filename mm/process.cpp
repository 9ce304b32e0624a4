// SPDX-License-Identifier: MIT
#include "mm/process.h"

#include <algorithm>
#include <iterator>

namespace mmusim::mm {

namespace {

/// A page that a program has written to: present, writable, user, accessed, dirty, soft-dirty (CONFIG_MEM_SOFT_DIRTY, as
/// distributions have it), not executable.
constexpr uint64_t kAnonymousPage = 0x8000000000000867;

VirtAddr end_of(VirtAddr start, uint64_t pages) { return start + pages * kPageBytes; }

/// The first address behind the part of [va, end) that one entry of `level` maps.
VirtAddr entry_end(VirtAddr va, VirtAddr end, unsigned level) {
  return std::min(end, va.align_down(level_bytes(level)) + level_bytes(level));
}

}  // namespace

void Processes::Gather::add(VirtAddr va) {
  first = std::min(first, va);
  end = std::max(end, va + kPageBytes);
}

void Processes::run(Process& process, unsigned threads) {
  for (unsigned cpu = 0; cpu < process.mm.cpumask.size(); ++cpu) {
    if (cpu < threads) {
      flush_.switch_mm(cpu, process.mm);
    } else if (flush_.loaded(cpu, process.mm)) {
      flush_.enter_lazy_tlb(cpu);
    }
  }
}

/// With page-table isolation the entries of the top-level table that map user addresses are written twice: for user mode,
/// and not executable for the kernel [pti_set_user_pgtbl].
void Processes::write_entry(const Process& process, Table table, unsigned level, VirtAddr va, uint64_t old,
                            uint64_t value, const char* cause) {
  if (context_.config.pti && table.pa == process.mm.pgd) {
    const Table user = tables_.table_at(table.pa + kPageBytes);
    tables_.write(user, level, va, old & ~kPageNx, value, cause);
    if (value != 0 && context_.config.cpu.nx) value |= kPageNx;
  }
  tables_.write(table, level, va, old, value, cause);
}

/// The table of `level` that maps `va`; nullopt if one is missing on the way. `allocate`: missing ones are made, or nullopt.
std::optional<Table> Processes::table_for(const Process& process, unsigned level, VirtAddr va, const char* cause,
                                          bool allocate) {
  Table table = top(process);
  for (unsigned l = tables_.levels(); l > level; --l) {
    const uint64_t entry = tables_.read(table, l, va, cause);
    if (!entry_none(entry)) {
      table = tables_.child(entry);
      continue;
    }
    if (!allocate) return std::nullopt;
    const auto page = buddy_.alloc_pages(0, 0, "pte_alloc_one");
    if (!page) return std::nullopt;
    const Table child = tables_.table_at(address_of(*page));
    context_.fill(child.va, 0, kPageBytes, "pte_alloc_one");
    write_entry(process, table, l, va, 0, child.pa.raw() | kPageTable, cause);
    table = child;
  }
  return table;
}

Errno Processes::fault(const Process& process, VirtAddr va) {
  constexpr const char* kCause = "do_anonymous_page";
  const auto table = table_for(process, 1, va, "__handle_mm_fault", /*allocate=*/true);
  if (!table) return Errno::kNoMemory;
  if (!entry_none(tables_.read(*table, 1, va, kCause))) return Errno::kSuccess;
  const auto page = buddy_.alloc_pages(0, 0, kCause);
  if (!page) return Errno::kNoMemory;
  context_.fill(context_.layout.direct_map(address_of(*page)), 0, kPageBytes, "clear_page");
  const uint64_t supported = context_.config.cpu.nx ? ~uint64_t{0} : ~kPageNx;
  tables_.write(*table, 1, va, 0, (address_of(*page).raw() | kAnonymousPage) & supported, kCause);
  return Errno::kSuccess;
}

Errno Processes::touch(Process& process, VirtAddr start, uint64_t pages) {
  const VirtAddr end = end_of(start, pages);
  VirtAddr& mapped = process.areas[start];
  mapped = std::max(mapped, end);
  for (VirtAddr va = start; va < end; va += kPageBytes) {
    if (const Errno result = fault(process, va); !ok(result)) return result;
  }
  return Errno::kSuccess;
}

/// Calls fn(parent, entry, va, next) for each table of pages of [start, end): `entry` of `parent` points to it, and it maps
/// the part [va, next).
template <class Fn>
void Processes::for_each_table(const Process& process, VirtAddr start, VirtAddr end, const char* cause, Fn&& fn) {
  for (VirtAddr va = start, next; va < end; va = next) {
    next = entry_end(va, end, 2);
    const auto parent = table_for(process, 2, va, cause);
    const uint64_t entry = parent ? tables_.read(*parent, 2, va, cause) : 0;
    if (!entry_none(entry)) fn(*parent, entry, va, next);
  }
}

/// zap_pte_range: the pages go once all have flushed. `reclaim`: so do tables that were asked for as a whole
/// [try_to_free_pte].
void Processes::zap(const Process& process, VirtAddr start, VirtAddr end, bool reclaim, Gather& gather) {
  constexpr const char* kCause = "zap_pte_range";
  for_each_table(process, start, end, kCause, [&](Table parent, uint64_t entry, VirtAddr va, VirtAddr next) {
    const Table table = tables_.child(entry);
    for (VirtAddr page = va; page < next; page += kPageBytes) {
      if (entry_none(tables_.read(table, 1, page, kCause))) continue;
      gather.pages.push_back(entry_address(tables_.take(table, 1, page, kCause)));
      gather.add(page);
    }
    if (!reclaim || next - va < kPmdBytes) return;
    tables_.write(parent, 2, va, entry, 0, "try_to_free_pte");
    gather.tables.push_back(table.pa);
    gather.add(va);
  });
}

/// change_pte_range: each entry is taken out, so that the processor cannot set its dirty bit meanwhile, and put back.
void Processes::protect(const Process& process, VirtAddr start, VirtAddr end, Gather& gather) {
  constexpr const char* kCause = "change_pte_range";
  for_each_table(process, start, end, kCause, [&](Table, uint64_t entry, VirtAddr va, VirtAddr next) {
    const Table table = tables_.child(entry);
    for (VirtAddr page = va; page < next; page += kPageBytes) {
      if (entry_none(tables_.read(table, 1, page, kCause))) continue;
      const uint64_t old = tables_.take(table, 1, page, kCause);
      tables_.write(table, 1, page, 0, old & ~kPageRw, kCause);
      gather.add(page);
    }
  });
}

/// free_pgd_range: tables below `table` that map nothing but [start, end) between its neighbours.
void Processes::free_tables(const Process& process, Table table, unsigned level, VirtAddr start, VirtAddr end,
                            const Neighbours& neighbours, Gather& gather) {
  const uint64_t bytes = level_bytes(level);
  for (VirtAddr va = start, next; va < end; va = next) {
    next = entry_end(va, end, level);
    const uint64_t entry = tables_.read(table, level, va, "free_pgtables");
    if (entry_none(entry)) continue;
    if (level > 2) free_tables(process, tables_.child(entry), level - 1, va, next, neighbours, gather);
    const VirtAddr first = va.align_down(bytes);
    if (first < neighbours.floor || first + bytes > neighbours.ceiling) continue;
    write_entry(process, table, level, va, entry, 0, "free_pgtables");
    gather.tables.push_back(entry_address(entry));
    gather.add(va);
  }
}

/// tlb_finish_mmu
void Processes::finish(Process& process, const Gather& gather, const char* cause) {
  if (gather.first < gather.end) {
    flush_.flush_tlb_mm_range(process.mm, gather.first, gather.end, !gather.tables.empty(), cause);
  }
  for (const PhysAddr page : gather.pages) buddy_.free_pages(pfn_of(page), 0, "tlb_finish_mmu");
  for (const PhysAddr table : gather.tables) buddy_.free_pages(pfn_of(table), 0, "tlb_remove_table");
}

Errno Processes::change(Process& process, UserOperation operation, VirtAddr start, uint64_t pages) {
  const VirtAddr end = end_of(start, pages);
  const auto area = process.areas.find(start);
  if (area == process.areas.end() || area->second != end) return Errno::kInvalid;
  Gather gather;
  switch (operation) {
    case UserOperation::kProtect:
      protect(process, start, end, gather);
      break;
    case UserOperation::kDontNeed:
      zap(process, start, end, context_.profile.reclaims_empty_tables, gather);
      break;
    case UserOperation::kUnmap: {
      zap(process, start, end, /*reclaim=*/false, gather);
      const auto next = std::next(area);
      const Neighbours neighbours{area == process.areas.begin() ? VirtAddr(0) : std::prev(area)->second,
                                  next == process.areas.end() ? user_end() : next->first};
      process.areas.erase(area);
      free_tables(process, top(process), tables_.levels(), start, end, neighbours, gather);
      break;
    }
  }
  finish(process, gather, name_of(operation));
  return Errno::kSuccess;
}

}  // namespace mmusim::mm
