// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "mm/kernel.h"
#include "mm/page_table.h"
#include "mm/vmemmap_alloc.h"

namespace mmusim::mm {

/// HugeTLB vmemmap optimisation: the struct pages of a huge folio are nearly all equal, so all but the first 4 KiB of
/// them are remapped to one page and the rest is freed [mm/hugetlb_vmemmap.c; vmemmap spec 5.6].
class HugetlbVmemmap {
 public:
  HugetlbVmemmap(Context& context, PageTables& tables, VmemmapAllocator& allocator, Buddy& buddy, Bootmem& bootmem)
      : context_(context), tables_(tables), allocator_(allocator), buddy_(buddy), bootmem_(bootmem) {}

  /// Both return kInvalid, and change nothing, for a folio that is not memory of the buddy allocator.
  /// hugetlb_vmemmap_optimize_folios where the version has batches [V-5], else folio by folio.
  Errno optimize(std::span<const Folio> folios);
  /// One folio with its own flushes (hugetlb_vmemmap_optimize_folio).
  Errno optimize_one(const Folio& folio);
  /// Restores one folio (hugetlb_vmemmap_restore_folio); one that is not optimised stays as it is.
  Errno restore_one(const Folio& folio);
  /// False where lists of folios do not reach this code: no HVO, or none that is switched off [S-37].
  bool has_pool_path() const;
  /// hugetlb_vmemmap_restore_folios. On kNoMemory the folio and those after it stay optimised.
  Errno restore(std::span<const Folio> folios);

  /// Folios that are optimised, oldest first.
  std::vector<Folio> optimized() const;
  bool is_optimized(const Folio& folio) const;
  /// vmemmap_get_tail: the tail page shared by the folios of one zone and order (from 7.1); made when first needed.
  std::optional<PhysAddr> shared_tail(const Folio& folio);
  /// The kernel was told to optimise and can: the version has HVO, sizeof(struct page) is a power of two.
  bool enabled() const;
  /// hugetlb_vmemmap_init: the tail pages made during boot get their struct pages, which memmap_init may have
  /// overwritten since.
  void init_shared_tails();
  /// Bytes of the folio's struct pages.
  uint64_t memmap_bytes(const Folio& folio) const {
    return context_.layout.struct_page_bytes() * (uint64_t{1} << folio.order);
  }
  /// A folio whose struct pages were populated optimised at boot.
  void adopt(const Folio& folio);

 private:
  enum class Step : uint8_t { kSplit, kRemap, kRestore };
  enum class Flush : uint8_t { kNow, kByCaller };

  /// One pass over the struct pages of a folio.
  struct Walk {
    Step step;
    Flush flush;
    VirtAddr reuse_va;                   // the first page of the folio's struct pages
    std::optional<PhysAddr> reuse_page;  // found at reuse_va, or the new head page
    std::optional<PhysAddr> tail_page;   // what the tails map, if not reuse_page
    std::vector<Pfn>* pages = nullptr;   // kRemap: replaced ones; kRestore: those to map, first to last
    size_t next = 0;                     // kRestore: next of `pages`
    uint64_t walked = 0;                 // PTEs done
  };

  bool is_memory(const Folio& folio) const;

  struct Range {
    VirtAddr start;
    VirtAddr end;
    unsigned node;
  };
  Range range_of(const Folio& folio) const;
  Errno remap_range(VirtAddr start, VirtAddr end, Walk& walk);
  Errno pmd_entry(Table pmd_table, VirtAddr va, VirtAddr next, Walk& walk);
  bool self_hosted(uint64_t pmd, VirtAddr va);
  Errno split_pmd(Table pmd_table, VirtAddr va, uint64_t pmd, Flush flush);
  void pte_entry(Table table, VirtAddr va, Walk& walk);
  void remap_pte(Table table, VirtAddr va, Walk& walk);
  void restore_pte(Table table, VirtAddr va, Walk& walk);
  bool refused_before_walk(const Range& range);
  Errno split_folio(const Folio& folio);
  Errno optimize_each(std::span<const Folio> folios);
  void patch_jump_labels();
  Errno remap_folio(const Folio& folio, Flush flush, std::vector<Pfn>& replaced);
  void undo_remap(const Range& range, Walk& walk, std::vector<Pfn>& replaced);
  Errno restore_folio(const Folio& folio, Flush flush);
  std::optional<PhysAddr> alloc_shared_tail(unsigned node);
  struct SharedTail {
    PhysAddr page;
    unsigned node;
    Zone zone;
    unsigned order;
    bool from_boot;  // its struct pages are written by init_shared_tails()
  };
  void init_tail_page(const SharedTail& tail);
  std::optional<std::vector<Pfn>> alloc_restore_pages(uint64_t count, unsigned node);
  void free_pages(std::vector<Pfn>& pages);
  void link_page(Pfn pfn);
  void set_optimized_flag(const Folio& folio, bool optimized);

  Context& context_;
  PageTables& tables_;
  VmemmapAllocator& allocator_;
  Buddy& buddy_;
  Bootmem& bootmem_;
  std::map<uint64_t, Folio> optimized_;             // by turn: the order in which they became so
  std::unordered_map<uint64_t, uint64_t> turn_of_;  // by head page
  uint64_t turns_ = 0;
  std::map<std::pair<unsigned, unsigned>, SharedTail> shared_tails_;  // by (node and zone, order)
};

}  // namespace mmusim::mm
