// SPDX-License-Identifier: MIT
#include "mm/remove_pagetable.h"

namespace mmusim::mm {

namespace {
constexpr const char* kRemoveCause[] = {
    "", "remove_pte_table", "remove_pmd_table", "remove_pud_table", "remove_p4d_table", "remove_pagetable"};
constexpr const char* kFreeCause[] = {"", "free_pte_table", "free_pmd_table", "free_pud_table"};
constexpr unsigned kPmdOrder = 9;
}  // namespace

void RemovePagetable::remove(VirtAddr start, VirtAddr end, Mapping mapping, Altmap* altmap) {
  context_.call("remove_pagetable", start, end);
  mapping_ = mapping;
  altmap_ = altmap;
  remove_table(tables_.root(), tables_.levels(), start, end);
  context_.flush_tlb_all("remove_pagetable");
}

void RemovePagetable::remove_table(Table table, unsigned level, VirtAddr start, VirtAddr end) {
  VirtAddr next;
  for (VirtAddr va = start; va < end; va = next) {
    next = level_end(va, end, level);
    const uint64_t entry = tables_.read(table, level, va, kRemoveCause[level]);
    if ((entry & kPagePresent) == 0) continue;
    if (level == 2 && entry_leaf(entry)) {
      remove_pmd_leaf(table, va, next, entry);
      continue;
    }
    if (level == 3 && entry_leaf(entry)) {  // direct map only; a part of a leaf stays mapped
      if (va.is_aligned(kPudBytes) && next.is_aligned(kPudBytes)) {
        tables_.write(table, level, va, entry, 0, kRemoveCause[level]);
      }
      continue;
    }
    const Table below = tables_.child(entry);
    if (level == 2) {
      remove_pte_table(below, va, next);
    } else {
      remove_table(below, level - 1, va, next);
    }
    // P4D tables are never freed, PUD tables only with 5 levels.
    const bool may_free = level <= 3 || (level == 4 && tables_.levels() == 5);
    if (may_free) free_table_if_empty(below, level - 1, table, va, entry);
  }
}

void RemovePagetable::remove_pmd_leaf(Table table, VirtAddr va, VirtAddr next, uint64_t entry) {
  const bool whole = va.is_aligned(kPmdBytes) && next.is_aligned(kPmdBytes);
  if (mapping_ == Mapping::kDirect) {
    if (whole) tables_.write(table, 2, va, entry, 0, kRemoveCause[2]);
    return;
  }
  if (!whole && !sub_pmd_.vmemmap_pmd_is_unused(va, next)) return;
  const PhysAddr block = leaf_address(entry, kPmdBytes);
  if (altmap_ != nullptr) {
    allocator_.free_to_altmap(block, kPmdBytes, *altmap_);
  } else {
    allocator_.free_pagetable(block, kPmdOrder, PageUse::kVmemmapBlock);
  }
  tables_.write(table, 2, va, entry, 0, kRemoveCause[2]);
}

void RemovePagetable::remove_pte_table(Table table, VirtAddr start, VirtAddr end) {
  for (VirtAddr va = start; va < end; va += kPageBytes) {
    const uint64_t pte = tables_.read(table, 1, va, kRemoveCause[1]);
    if ((pte & kPagePresent) == 0) continue;
    if (mapping_ == Mapping::kVmemmap) {
      allocator_.free_pagetable(entry_address(pte), 0, PageUse::kVmemmapBlock);
    }
    tables_.write(table, 1, va, pte, 0, kRemoveCause[1]);
  }
  context_.flush_tlb_all("remove_pte_table");
}

/// free_{pte,pmd,pud}_table [L-11].
void RemovePagetable::free_table_if_empty(Table table, unsigned level, Table parent, VirtAddr va, uint64_t entry) {
  const char* const cause = kFreeCause[level];
  const VirtAddr first = va.align_down(level_bytes(level + 1));
  for (unsigned i = 0; i < kEntriesPerTable; ++i) {
    if (!entry_none(tables_.read(table, level, first + i * level_bytes(level), cause))) return;
  }
  const auto use = mapping_ == Mapping::kVmemmap ? PageUse::kVmemmapTable : PageUse::kDirectMapTable;
  allocator_.free_pagetable(table.pa, 0, use);
  tables_.write(parent, level + 1, va, entry, 0, cause);
}

}  // namespace mmusim::mm
