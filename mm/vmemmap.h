// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "mm/page_table.h"
#include "mm/result.h"
#include "mm/sub_pmd.h"
#include "mm/vmemmap_alloc.h"

namespace mmusim::mm {

/// The source of the struct pages of a range, beside its node.
struct PopulateSource {
  Altmap* altmap = nullptr;
  /// dev_pagemap: the range it describes and the shift of its compound pages. Missing for ordinary memory.
  struct Pagemap {
    Pfn range_start;
    unsigned vmemmap_shift = 0;
  };
  std::optional<Pagemap> pagemap;
};

/// Building the virtual memory map: mm/sparse-vmemmap.c and vmemmap_populate of arch/x86/mm/init_64.c. Functions carry
/// the kernel's names; tags in brackets are rules of the vmemmap specification.
class Vmemmap {
 public:
  Vmemmap(Context& context, PageTables& tables, TopLevelSync& sync, VmemmapAllocator& allocator, Memblock& memblock,
          SubPmd& sub_pmd)
      : context_(context),
        tables_(tables),
        sync_(sync),
        allocator_(allocator),
        memblock_(memblock),
        sub_pmd_(sub_pmd) {}

  /// __populate_section_memmap [P-4] [P-5]: maps the struct pages of [pfn, pfn + pages). Their address, or nullopt.
  std::optional<VirtAddr> populate_section_memmap(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source);
  /// vmemmap_populate [P-6].
  Errno vmemmap_populate(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap);
  /// vmemmap_populate_basepages [P-7].
  Errno vmemmap_populate_basepages(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap);
  /// vmemmap_populate_hugepages [H-1].
  Errno vmemmap_populate_hugepages(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap);
  /// vmemmap_populate_compound_pages [L-16].
  Errno vmemmap_populate_compound_pages(Pfn pfn, VirtAddr start, VirtAddr end, unsigned node,
                                        const PopulateSource::Pagemap& pagemap);
  /// vmemmap_populate_hvo (5.6.5): `own` pages of their own, the others map the page at `shared`, or the head's page.
  Errno vmemmap_populate_hvo(VirtAddr start, VirtAddr end, unsigned node, std::optional<PhysAddr> shared);
  /// vmemmap_wrprotect_hvo: [start, end) loses RW, D moves to SAVED_DIRTY.
  void vmemmap_wrprotect_hvo(VirtAddr start, VirtAddr end);
  /// vmemmap_populate_print_last.
  void vmemmap_populate_print_last();
  /// vmemmap_can_optimize [L-15].
  bool vmemmap_can_optimize(const PopulateSource& source) const;

 private:
  /// A PTE that is none maps this page instead of a fresh one [P-11].
  struct Reuse {
    PhysAddr page;
    bool take_reference;
  };

  std::optional<Table> populate_table(Table table, unsigned level, VirtAddr va, unsigned node, const char* cause);
  std::optional<Table> populate_to_pmd_table(VirtAddr va, unsigned node);
  std::optional<uint64_t> populate_address(VirtAddr va, unsigned node, Altmap* altmap, const Reuse* reuse);
  Errno populate_range(VirtAddr start, VirtAddr end, unsigned node, const Reuse* reuse);
  void vmemmap_set_pmd(Table pmd_table, PhysAddr block, unsigned node, VirtAddr va, VirtAddr next, uint64_t old);
  void vmemmap_verify(Table table, unsigned level, VirtAddr va, unsigned node, VirtAddr start, VirtAddr end);
  std::optional<PhysAddr> mapped_page(VirtAddr va, const char* cause);
  unsigned distance(unsigned from, unsigned to) const;

  Context& context_;
  PageTables& tables_;
  TopLevelSync& sync_;
  VmemmapAllocator& allocator_;
  Memblock& memblock_;
  SubPmd& sub_pmd_;
  bool warned_offnode_ = false;
  bool warned_altmap_ = false;
  bool warned_misaligned_ = false;
  // Pending line of the log, [H-4].
  VirtAddr addr_start_, addr_end_;
  PhysAddr p_start_{0}, p_end_{0};
  std::optional<unsigned> node_start_;
};

}  // namespace mmusim::mm
