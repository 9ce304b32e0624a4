// SPDX-License-Identifier: MIT
#include "mm/hugetlb_vmemmap.h"

#include <algorithm>
#include <bit>

#include "mm/struct_page.h"

namespace mmusim::mm {

namespace {
constexpr const char* kRangeCause = "vmemmap_remap_range";
}

HugetlbVmemmap::Range HugetlbVmemmap::range_of(const Folio& folio) const {
  const VirtAddr start = context_.layout.pfn_to_page(folio.head);
  const uint64_t bytes = context_.layout.struct_page_bytes() * (uint64_t{1} << folio.order);
  const unsigned node = buddy_.manages(folio.head) ? buddy_.node_of(folio.head) : 0;
  return {start, start + bytes, node};
}

bool HugetlbVmemmap::enabled() const {
  return context_.config.hvo && context_.profile.hvo != HvoForm::kNone &&
         std::has_single_bit(context_.layout.struct_page_bytes());
}

bool HugetlbVmemmap::is_optimized(const Folio& folio) const { return turn_of_.contains(folio.head.raw); }

/// A page on a list is linked through its own struct page [V-3].
void HugetlbVmemmap::link_page(Pfn pfn) {
  if (buddy_.is_claimed(pfn)) return;
  const VirtAddr page = context_.layout.pfn_to_page(pfn);
  context_.store(page + page_field::kLruNext, kListPoison1, 8);
  context_.store(page + page_field::kLruPrev, kListPoison2, 8);
}

/// HPG_vmemmap_optimized in the folio's hugetlb flags [V-4].
void HugetlbVmemmap::set_optimized_flag(const Folio& folio, bool optimized) {
  constexpr uint64_t kHpgVmemmapOptimized = 1 << 4;
  const VirtAddr flags = context_.layout.pfn_to_page(folio.head) + page_field::kPrivate;
  context_.memory().read_modify_write(flags, optimized ? RmwOp::kOr : RmwOp::kAnd,
                                      optimized ? kHpgVmemmapOptimized : ~kHpgVmemmapOptimized, 8, /*locked=*/true);
}

/// vmemmap_remap_range: down to each PMD of the range, then its PTEs.
Errno HugetlbVmemmap::remap_range(VirtAddr start, VirtAddr end, Walk& walk) {
  context_.call(kRangeCause, start, end);
  Errno result = Errno::kSuccess;
  VirtAddr next;
  for (VirtAddr va = start; va < end && ok(result); va = next) {
    next = level_end(va, end, 3);
    Table table = tables_.root();
    for (unsigned level = tables_.levels(); level >= 3; --level) {
      table = tables_.child(tables_.read(table, level, va, kRangeCause));
    }
    VirtAddr pmd_next;
    for (VirtAddr at = va; at < next && ok(result); at = pmd_next) {
      pmd_next = level_end(at, next, 2);
      result = pmd_entry(table, at, pmd_next, walk);
    }
  }
  if (walk.flush == Flush::kNow && walk.step != Step::kSplit) {
    // Up to 6.1 the first page keeps its mapping; later walks that leave it alone begin behind it.
    const bool first_stays = context_.profile.hvo == HvoForm::kHeadInPlace;
    context_.flush_tlb_kernel_range(first_stays ? start + kPageBytes : start, end, kRangeCause);
  }
  return result;
}

/// PG_vmemmap_self_hosted of the page that holds the struct pages at `va`.
bool HugetlbVmemmap::self_hosted(uint64_t pmd, VirtAddr va) {
  PhysAddr page;
  if (entry_leaf(pmd)) {
    page = leaf_address(pmd, kPmdBytes) + (va.raw() & (kPmdBytes - 1) & ~(kPageBytes - 1));
  } else {
    page = entry_address(tables_.read(tables_.child(pmd), 1, va, "hugetlb_vmemmap_optimize"));
  }
  const uint64_t flags = context_.load(context_.layout.pfn_to_page(pfn_of(page)), 8);
  return (flags >> page_bits(context_.profile).owner_priv_1 & 1) != 0 && !buddy_.manages(pfn_of(page));
}

Errno HugetlbVmemmap::pmd_entry(Table pmd_table, VirtAddr va, VirtAddr next, Walk& walk) {
  uint64_t pmd = tables_.read(pmd_table, 2, va, kRangeCause);
  const bool check = !context_.profile.hvo_tests_self_hosted_first && walk.walked == 0;
  if (check && self_hosted(pmd, va)) return Errno::kNotSupported;
  if (entry_leaf(pmd)) {
    if (const Errno e = split_pmd(pmd_table, va, pmd, walk.flush); !ok(e)) return e;
  }
  if (walk.step == Step::kSplit) {
    walk.walked += (next - va) >> kPageShift;
    return Errno::kSuccess;
  }
  pmd = tables_.read(pmd_table, 2, va, kRangeCause);
  const Table table = tables_.child(pmd);
  for (VirtAddr at = va; at < next; at += kPageBytes) pte_entry(table, at, walk);
  return Errno::kSuccess;
}

/// vmemmap_split_pmd [V-1].
Errno HugetlbVmemmap::split_pmd(Table pmd_table, VirtAddr va, uint64_t pmd, Flush flush) {
  const char* const cause = "vmemmap_split_pmd";
  const VirtAddr start = va.align_down(kPmdBytes);
  const PhysAddr block = leaf_address(pmd, kPmdBytes);
  const auto page = allocator_.alloc_split_table(buddy_.manages(pfn_of(block)) ? buddy_.node_of(pfn_of(block)) : 0);
  if (!page) return Errno::kNoMemory;
  const Table table = tables_.table_at(*page);
  for (unsigned i = 0; i < kEntriesPerTable; ++i) {
    tables_.write(table, 1, start + i * kPageBytes, 0, (block.raw() + i * kPageBytes) | context_.leaf.page_kernel,
                  cause);
  }
  tables_.read(pmd_table, 2, va, cause);  // still a leaf, now under the lock?
  if (!bootmem_.is_boot_page(pfn_of(block)) && buddy_.manages(pfn_of(block))) {
    constexpr unsigned kPmdOrder = 9;
    buddy_.split_page(pfn_of(block), kPmdOrder);
  }
  tables_.write(pmd_table, 2, va, pmd, page->raw() | kPageTable, cause);
  if (flush == Flush::kNow) context_.flush_tlb_kernel_range(start, start + kPmdBytes, cause);
  return Errno::kSuccess;
}

void HugetlbVmemmap::pte_entry(Table table, VirtAddr va, Walk& walk) {
  if (!walk.reuse_page) {
    walk.reuse_page = entry_address(tables_.read(table, 1, va, kRangeCause));
  } else if (walk.step == Step::kRemap) {
    remap_pte(table, va, walk);
  } else {
    restore_pte(table, va, walk);
  }
  ++walk.walked;
}

void HugetlbVmemmap::remap_pte(Table table, VirtAddr va, Walk& walk) {
  const char* const cause = "vmemmap_remap_pte";
  const uint64_t old = tables_.read(table, 1, va, cause);
  const bool head = va == walk.reuse_va;
  const PhysAddr page = head ? *walk.reuse_page : walk.tail_page.value_or(*walk.reuse_page);
  const uint64_t flags = head ? context_.leaf.page_kernel : context_.leaf.page_kernel_ro;
  link_page(pfn_of(entry_address(old)));
  walk.pages->push_back(pfn_of(entry_address(old)));
  tables_.write(table, 1, va, old, page.raw() | flags, cause);
}

void HugetlbVmemmap::restore_pte(Table table, VirtAddr va, Walk& walk) {
  const char* const cause = "vmemmap_restore_pte";
  const uint64_t old = tables_.read(table, 1, va, cause);
  const Pfn page = (*walk.pages)[walk.next++];
  const VirtAddr to = context_.layout.direct_map(address_of(page));
  const uint64_t struct_page = context_.layout.struct_page_bytes();
  link_page(page);
  switch (context_.profile.hvo_restore) {
    case HvoRestore::kCopyHeadAndResetTails:
      context_.memory().copy(to, walk.reuse_va, kPageBytes);
      context_.memory().copy(to, to + 3 * struct_page, context_.profile.first_partial_struct_pages * struct_page);
      break;
    case HvoRestore::kCopyMappedPage:
      context_.memory().copy(to, context_.layout.direct_map(entry_address(old)), kPageBytes);
      break;
    case HvoRestore::kRepeatTailStruct:
      for (uint64_t at = 0; at < kPageBytes; at += struct_page) {
        context_.memory().copy(to + at, walk.reuse_va + (kPageBytes - struct_page), struct_page);
      }
      break;
  }
  tables_.write(table, 1, va, old, address_of(page).raw() | context_.leaf.page_kernel, cause);
}

/// vmemmap_should_optimize of 6.1: looks the first page up in software before anything is changed [V-6].
bool HugetlbVmemmap::refused_before_walk(const Range& range) {
  if (!context_.profile.hvo_tests_self_hosted_first) return false;
  Table table = tables_.root();
  for (unsigned level = tables_.levels(); level >= 3; --level) {
    table = tables_.child(tables_.read(table, level, range.start, "hugetlb_vmemmap_optimize"));
  }
  return self_hosted(tables_.read(table, 2, range.start, "hugetlb_vmemmap_optimize"), range.start);
}

void HugetlbVmemmap::free_pages(std::vector<Pfn>& pages) {
  for (const Pfn page : pages) {
    if (bootmem_.is_boot_page(page)) {
      bootmem_.put_page(page);
    } else {
      buddy_.free_pages(page, 0, "free_vmemmap_page");
    }
  }
  pages.clear();
}

Errno HugetlbVmemmap::split_folio(const Folio& folio) {
  const Range range = range_of(folio);
  Walk walk{
      .step = Step::kSplit, .flush = Flush::kByCaller, .reuse_va = range.start, .reuse_page = {}, .tail_page = {}};
  return remap_range(range.start, range.end, walk);
}

/// [V-7] The prefix that was remapped gets the queued pages back, in the order of the kernel's list.
void HugetlbVmemmap::undo_remap(const Range& range, Walk& walk, std::vector<Pfn>& replaced) {
  std::vector<Pfn>& own = *walk.pages;
  const bool new_head = context_.profile.hvo != HvoForm::kHeadInPlace;
  if (new_head && own.empty()) replaced.push_back(pfn_of(*walk.reuse_page));  // never mapped
  if (own.empty()) return;
  if (new_head) {  // the new head page stays, the old one goes
    replaced.push_back(own.front());
    own.erase(own.begin());
    std::reverse(own.begin(), own.end());
  }
  // [S-43b] Flushed at once, also in a batch.
  Walk back{.step = Step::kRestore, .flush = Flush::kNow, .reuse_va = range.start, .reuse_page = {}, .tail_page = {}};
  back.pages = &own;
  const Errno restored = remap_range(range.start, range.start + walk.walked * kPageBytes, back);
  MMUSIM_INVARIANT(ok(restored), "the remapped prefix is mapped by tables");
}

/// vmemmap_remap_free: remaps one folio; the pages it no longer needs are added to `replaced`.
Errno HugetlbVmemmap::remap_folio(const Folio& folio, Flush flush, std::vector<Pfn>& replaced) {
  const Range range = range_of(folio);
  if (refused_before_walk(range)) return Errno::kNotSupported;
  Walk walk{.step = Step::kRemap, .flush = flush, .reuse_va = range.start, .reuse_page = {}, .tail_page = {}};
  std::vector<Pfn> own;
  walk.pages = &own;
  const bool new_head = context_.profile.hvo != HvoForm::kHeadInPlace;
  if (context_.profile.hvo == HvoForm::kSharedTailPage) {
    walk.tail_page = shared_tail(folio);
    if (!walk.tail_page) return Errno::kNoMemory;
  }
  if (new_head) {
    set_optimized_flag(folio, true);
    std::optional<Pfn> head;
    if (!context_.allocation_fails(AllocKind::kHugetlbHead)) {
      head = buddy_.alloc_pages(0, range.node, "vmemmap_remap_free");
    }
    if (!head) {
      set_optimized_flag(folio, false);
      return Errno::kNoMemory;
    }
    walk.reuse_page = address_of(*head);
    context_.memory().copy(context_.layout.direct_map(*walk.reuse_page), range.start, kPageBytes);
  }
  const Errno result = remap_range(range.start, range.end, walk);
  if (!ok(result)) {
    undo_remap(range, walk, replaced);
    if (new_head) set_optimized_flag(folio, false);
    return result;
  }
  if (!new_head) set_optimized_flag(folio, true);
  allocator_.adjust_block_pages(-static_cast<int64_t>(own.size()) + (new_head ? 1 : 0));
  replaced.insert(replaced.end(), own.begin(), own.end());
  adopt(folio);
  return Errno::kSuccess;
}

void HugetlbVmemmap::adopt(const Folio& folio) {
  turn_of_.emplace(folio.head.raw, turns_);
  optimized_.emplace(turns_++, folio);
}

std::vector<Folio> HugetlbVmemmap::optimized() const {
  std::vector<Folio> folios;
  for (const auto& [turn, folio] : optimized_) folios.push_back(folio);
  return folios;
}

bool HugetlbVmemmap::is_memory(const Folio& folio) const {
  const bool aligned = folio.head.raw % (uint64_t{1} << folio.order) == 0;
  return aligned && buddy_.manages(folio.head) && buddy_.manages(folio.head + ((uint64_t{1} << folio.order) - 1));
}

/// alloc_vmemmap_page_list: all or nothing.
std::optional<std::vector<Pfn>> HugetlbVmemmap::alloc_restore_pages(uint64_t count, unsigned node) {
  std::vector<Pfn> pages;
  for (uint64_t i = 0; i < count; ++i) {
    std::optional<Pfn> page;
    if (!context_.allocation_fails(AllocKind::kHugetlbRestore)) {
      page = buddy_.alloc_pages(0, node, "alloc_vmemmap_page_list");
    }
    if (!page) {
      for (const Pfn taken : pages) buddy_.free_pages(taken, 0, "alloc_vmemmap_page_list");
      return std::nullopt;
    }
    link_page(*page);
    pages.push_back(*page);
  }
  return pages;
}

Errno HugetlbVmemmap::restore_folio(const Folio& folio, Flush flush) {
  const Range range = range_of(folio);
  const uint64_t count = ((range.end - range.start) >> kPageShift) - 1;
  auto pages = alloc_restore_pages(count, range.node);
  if (!pages) return Errno::kNoMemory;
  Walk walk{.step = Step::kRestore, .flush = flush, .reuse_va = range.start, .reuse_page = {}, .tail_page = {}};
  walk.pages = &*pages;
  VirtAddr start = range.start;
  if (context_.profile.hvo != HvoForm::kHeadInPlace) {  // the walk begins behind the head page, nothing is reused
    start += kPageBytes;
    walk.reuse_page = PhysAddr(0);
  }
  if (const Errno e = remap_range(start, range.end, walk); !ok(e)) return e;
  set_optimized_flag(folio, false);
  allocator_.adjust_block_pages(static_cast<int64_t>(count));
  const auto turn = turn_of_.extract(folio.head.raw);
  optimized_.erase(turn.mapped());
  return Errno::kSuccess;
}

}  // namespace mmusim::mm
