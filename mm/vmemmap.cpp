// SPDX-License-Identifier: MIT
#include "mm/vmemmap.h"

#include <algorithm>
#include <bit>

#include "mm/struct_page.h"

namespace mmusim::mm {

namespace {
constexpr unsigned kLocalDistance = 10;
constexpr const char* kStepCause[] = {"",
                                      "vmemmap_pte_populate",
                                      "vmemmap_pmd_populate",
                                      "vmemmap_pud_populate",
                                      "vmemmap_p4d_populate",
                                      "vmemmap_pgd_populate"};
}  // namespace

bool Vmemmap::vmemmap_can_optimize(const PopulateSource& source) const {
  if (!context_.profile.compound_dax || !source.pagemap || source.altmap != nullptr) return false;
  const uint64_t struct_page = context_.layout.struct_page_bytes();
  if (!std::has_single_bit(struct_page)) return false;
  return (struct_page << source.pagemap->vmemmap_shift) >> kPageShift > 2;
}

std::optional<VirtAddr> Vmemmap::populate_section_memmap(Pfn pfn, uint64_t pages, unsigned node,
                                                         const PopulateSource& source) {
  uint64_t first = pfn.raw;
  uint64_t last = pfn.raw + pages;
  if (context_.profile.misaligned_section_rounds) {
    first &= ~(kPagesPerSubsection - 1);
    last = (last + kPagesPerSubsection - 1) & ~(kPagesPerSubsection - 1);
  } else if ((first | pages) % kPagesPerSubsection != 0) {
    if (!warned_misaligned_) {
      context_.log(LogLevel::kWarning, "WARNING: __populate_section_memmap: pfn {:#x} nr {:#x} not a multiple of {}",
                   first, pages, kPagesPerSubsection);
    }
    warned_misaligned_ = true;
    return std::nullopt;
  }
  const VirtAddr start = context_.layout.pfn_to_page(Pfn(first));
  const VirtAddr end = context_.layout.pfn_to_page(Pfn(last));
  const Errno result = vmemmap_can_optimize(source)
                           ? vmemmap_populate_compound_pages(Pfn(first), start, end, node, *source.pagemap)
                           : vmemmap_populate(start, end, node, source.altmap);
  if (!ok(result)) return std::nullopt;
  return start;
}

Errno Vmemmap::vmemmap_populate(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap) {
  context_.call("vmemmap_populate", start, end);
  Errno result;
  if (end - start < context_.layout.section_memmap_bytes()) {
    result = vmemmap_populate_basepages(start, end, node, nullptr);
  } else if (context_.huge_vmemmap()) {
    result = vmemmap_populate_hugepages(start, end, node, altmap);
  } else if (altmap != nullptr) {
    if (!warned_altmap_) {
      context_.log(LogLevel::kError, "vmemmap_populate: no cpu support for altmap allocations");
    }
    warned_altmap_ = true;
    result = Errno::kNoMemory;
  } else {
    result = vmemmap_populate_basepages(start, end, node, nullptr);
  }
  if (ok(result)) sync_.sync_global_pgds(start, end - 1);
  return result;
}

/// One step of the ladder: the table below `table`'s entry for `va`, made if there is none [P-7] [P-8].
std::optional<Table> Vmemmap::populate_table(Table table, unsigned level, VirtAddr va, unsigned node,
                                             const char* cause) {
  const uint64_t entry = tables_.read(table, level, va, cause);
  const bool none = level == 5 ? entry == 0 : entry_none(entry);
  if (!none) return tables_.child(entry);
  const auto page = allocator_.alloc_table(node);
  if (!page) return std::nullopt;
  tables_.write(table, level, va, entry, page->raw() | kPageTable, cause);
  const bool top = level == tables_.levels();
  if (top && context_.profile.sync_top_level_at_once) sync_.sync_global_pgds(va, va);  // [P-15]
  return tables_.table_at(*page);
}

/// vmemmap_pgd_populate, _p4d_, _pud_: the PMD table for `va`.
std::optional<Table> Vmemmap::populate_to_pmd_table(VirtAddr va, unsigned node) {
  std::optional<Table> table = tables_.root();
  for (unsigned level = tables_.levels(); level >= 3 && table; --level) {
    table = populate_table(*table, level, va, node, kStepCause[level]);
  }
  return table;
}

/// vmemmap_populate_address: the walk from the top for one page; the value of its PTE, nullopt without memory.
std::optional<uint64_t> Vmemmap::populate_address(VirtAddr va, unsigned node, Altmap* altmap, const Reuse* reuse) {
  auto table = populate_to_pmd_table(va, node);
  if (table) table = populate_table(*table, 2, va, node, kStepCause[2]);
  if (!table) return std::nullopt;

  uint64_t pte = tables_.read(*table, 1, va, kStepCause[1]);
  if (entry_none(pte)) {
    PhysAddr page;
    if (reuse != nullptr) {
      page = reuse->page;
      if (reuse->take_reference) {
        const VirtAddr reference = context_.layout.pfn_to_page(pfn_of(page)) + page_field::kRefcount;
        context_.memory().read_modify_write(reference, RmwOp::kAdd, 1, 4, /*locked=*/true);
      }
    } else {
      const auto block = allocator_.vmemmap_alloc_block_buf(kPageBytes, node, altmap);
      if (!block) return std::nullopt;
      page = *block;
    }
    const uint64_t old = pte;
    pte = page.raw() | context_.leaf.page_kernel;
    tables_.write(*table, 1, va, old, pte, kStepCause[1]);
  }
  vmemmap_verify(*table, 1, va, node, va, va + kPageBytes);
  return pte;
}

Errno Vmemmap::populate_range(VirtAddr start, VirtAddr end, unsigned node, const Reuse* reuse) {
  for (VirtAddr va = start; va < end; va += kPageBytes) {
    if (!populate_address(va, node, nullptr, reuse)) return Errno::kNoMemory;
  }
  return Errno::kSuccess;
}

Errno Vmemmap::vmemmap_populate_basepages(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap) {
  for (VirtAddr va = start; va < end; va += kPageBytes) {
    if (!populate_address(va, node, altmap, nullptr)) return Errno::kNoMemory;
  }
  return Errno::kSuccess;
}

Errno Vmemmap::vmemmap_populate_hugepages(VirtAddr start, VirtAddr end, unsigned node, Altmap* altmap) {
  const char* const cause = "vmemmap_populate_hugepages";
  VirtAddr next;
  for (VirtAddr va = start; va < end; va = next) {
    next = level_end(va, end, 2);
    const auto table = populate_to_pmd_table(va, node);
    if (!table) return Errno::kNoMemory;
    const uint64_t pmd = tables_.read(*table, 2, va, cause);
    if (entry_none(pmd)) {
      if (const auto block = allocator_.vmemmap_alloc_block_buf(kPmdBytes, node, altmap)) {
        vmemmap_set_pmd(*table, *block, node, va, next, pmd);
        continue;
      }
      if (altmap != nullptr) return Errno::kNoMemory;  // no fall-back: the caller wants the device's own memory
    } else if (entry_leaf(pmd)) {
      vmemmap_verify(*table, 2, va, node, va, next);
      sub_pmd_.vmemmap_use_sub_pmd(va, next);
      continue;
    }
    Altmap* const below = context_.profile.altmap_in_fallback ? altmap : nullptr;
    if (!ok(vmemmap_populate_basepages(va, next, node, below))) return Errno::kNoMemory;
  }
  return Errno::kSuccess;
}

/// vmemmap_set_pmd [H-2]: the leaf, the log line it may complete, and the tracking of a partly used leaf.
void Vmemmap::vmemmap_set_pmd(Table pmd_table, PhysAddr block, unsigned node, VirtAddr va, VirtAddr next,
                              uint64_t old) {
  tables_.write(pmd_table, 2, va.align_down(kPmdBytes), old, block.raw() | context_.leaf.page_kernel_large,
                "vmemmap_set_pmd");
  if (p_end_ != block || node_start_ != node) {
    if (p_start_ != PhysAddr(0)) vmemmap_populate_print_last();
    addr_start_ = va;
    node_start_ = node;
    p_start_ = block;
  }
  addr_end_ = va + kPmdBytes;
  p_end_ = block + kPmdBytes;
  if (!va.is_aligned(kPmdBytes) || !next.is_aligned(kPmdBytes)) sub_pmd_.vmemmap_use_new_sub_pmd(va, next);
}

void Vmemmap::vmemmap_populate_print_last() {
  if (p_start_ != PhysAddr(0)) {
    context_.log(LogLevel::kDebug, " [{:x}-{:x}] PMD -> [{:016x}-{:016x}] on node {}", addr_start_.raw(),
                 addr_end_.raw() - 1, context_.layout.direct_map(p_start_).raw(),
                 context_.layout.direct_map(p_end_).raw() - 1, *node_start_);
  }
  p_start_ = p_end_ = PhysAddr(0);
  node_start_.reset();
}

unsigned Vmemmap::distance(unsigned from, unsigned to) const {
  const auto& d = context_.config.numa_distance;
  if (from < d.size() && to < d[from].size()) return d[from][to];
  return from == to ? 10 : 20;
}

/// vmemmap_verify (2.8): reads the entry, and warns if the struct pages lie on a distant node.
void Vmemmap::vmemmap_verify(Table table, unsigned level, VirtAddr va, unsigned node, VirtAddr start, VirtAddr end) {
  const uint64_t entry = tables_.read(table, level, va, "vmemmap_verify");
  const auto owner = memblock_.node_of(entry_address(entry));
  const unsigned actual = owner ? *owner : memblock_.memory().front().node;  // unknown: the first online node
  if (distance(actual, node) <= kLocalDistance) return;
  if (warned_offnode_ && !context_.profile.offnode_warning_every_time) return;
  warned_offnode_ = true;
  context_.log(LogLevel::kWarning, "[{:x}-{:x}] potential offnode page_structs", start.raw(), end.raw() - 1);
}

/// The page a present PTE maps, found as kernel code finds it: down from the top.
std::optional<PhysAddr> Vmemmap::mapped_page(VirtAddr va, const char* cause) {
  Table table = tables_.root();
  for (unsigned level = tables_.levels(); level >= 2; --level) {
    const uint64_t entry = tables_.read(table, level, va, cause);
    if (entry_none(entry) || (level == 2 && entry_leaf(entry))) return std::nullopt;
    table = tables_.child(entry);
  }
  const uint64_t pte = tables_.read(table, 1, va, cause);
  if (entry_none(pte)) return std::nullopt;
  return entry_address(pte);
}

Errno Vmemmap::vmemmap_populate_compound_pages(Pfn pfn, VirtAddr start, VirtAddr end, unsigned node,
                                               const PopulateSource::Pagemap& pagemap) {
  const uint64_t compound = uint64_t{1} << pagemap.vmemmap_shift;
  const bool take_reference = true;
  if (compound > kPagesPerSubsection && (pfn - pagemap.range_start) % compound != 0) {
    // Continuation of a compound page that began in the previous section: all tails are its tail page.
    const auto tail = mapped_page(start - kPageBytes, "compound_section_tail_page");
    if (!tail) return Errno::kNoMemory;
    const Reuse reuse{*tail, take_reference};
    return populate_range(start, end, node, &reuse);
  }
  const uint64_t size = std::min(end - start, compound * context_.layout.struct_page_bytes());
  for (VirtAddr va = start; va < end; va += size) {
    if (!populate_address(va, node, nullptr, nullptr)) return Errno::kNoMemory;
    const auto tail = populate_address(va + kPageBytes, node, nullptr, nullptr);
    if (!tail) return Errno::kNoMemory;
    const Reuse reuse{entry_address(*tail), take_reference};
    if (const Errno e = populate_range(va + 2 * kPageBytes, va + size, node, &reuse); !ok(e)) return e;
  }
  return Errno::kSuccess;
}

Errno Vmemmap::vmemmap_populate_hvo(VirtAddr start, VirtAddr end, unsigned node, std::optional<PhysAddr> shared) {
  const auto head = populate_address(start, node, nullptr, nullptr);
  if (!head) return Errno::kNoMemory;
  const Reuse reuse{shared.value_or(entry_address(*head)), /*take_reference=*/false};
  return populate_range(start + kPageBytes, end, node, &reuse);
}

void Vmemmap::vmemmap_wrprotect_hvo(VirtAddr start, VirtAddr end) {
  const char* const cause = "vmemmap_wrprotect_hvo";
  for (VirtAddr va = start; va < end; va += kPageBytes) {
    Table table = tables_.root();
    for (unsigned level = tables_.levels(); level >= 2; --level) {
      table = tables_.child(tables_.read(table, level, va, cause));
    }
    const uint64_t pte = tables_.read(table, 1, va, cause);
    const uint64_t clean = (pte & ~(kPageRw | kPageDirty)) | ((pte & kPageDirty) != 0 ? kPageSavedDirty : 0);
    tables_.write(table, 1, va, pte, clean, cause);
  }
}

}  // namespace mmusim::mm
