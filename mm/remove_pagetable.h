// SPDX-License-Identifier: MIT
#pragma once

#include "mm/page_table.h"
#include "mm/sub_pmd.h"
#include "mm/vmemmap_alloc.h"

namespace mmusim::mm {

/// remove_pagetable of arch/x86/mm/init_64.c: takes mappings of the vmemmap or of the direct map away, in the order
/// free, clear, flush [L-9] to [L-14].
///
/// The code of 5.8 for partly covered PTE pages and 1 GiB leaves is never reached: ranges are whole sub-sections.
class RemovePagetable {
 public:
  RemovePagetable(Context& context, PageTables& tables, VmemmapAllocator& allocator, SubPmd& sub_pmd)
      : context_(context), tables_(tables), allocator_(allocator), sub_pmd_(sub_pmd) {}

  /// vmemmap_free.
  void vmemmap_free(VirtAddr start, VirtAddr end, Altmap* altmap) {
    context_.call("vmemmap_free", start, end);
    remove(start, end, Mapping::kVmemmap, altmap);
  }
  /// kernel_physical_mapping_remove: leaves only; the memory itself is the caller's.
  void direct_map_remove(PhysAddr start, PhysAddr end) {
    remove(context_.layout.direct_map(start), context_.layout.direct_map(end), Mapping::kDirect, nullptr);
  }

 private:
  enum class Mapping : uint8_t { kVmemmap, kDirect };

  void remove(VirtAddr start, VirtAddr end, Mapping mapping, Altmap* altmap);
  void remove_table(Table table, unsigned level, VirtAddr start, VirtAddr end);
  void remove_pmd_leaf(Table table, VirtAddr va, VirtAddr next, uint64_t entry);
  void remove_pte_table(Table table, VirtAddr start, VirtAddr end);
  void free_table_if_empty(Table table, unsigned level, Table parent, VirtAddr va, uint64_t entry);

  Context& context_;
  PageTables& tables_;
  VmemmapAllocator& allocator_;
  SubPmd& sub_pmd_;
  Mapping mapping_ = Mapping::kVmemmap;  // of the removal in progress
  Altmap* altmap_ = nullptr;
};

}  // namespace mmusim::mm
