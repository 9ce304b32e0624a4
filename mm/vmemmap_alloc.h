// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "mm/altmap.h"
#include "mm/bootmem.h"
#include "mm/buddy.h"
#include "mm/memblock.h"

namespace mmusim::mm {

/// The former use of a page that free_pagetable gives back.
enum class PageUse : uint8_t { kVmemmapTable, kVmemmapBlock, kDirectMapTable };

/// The sources of vmemmap tables and struct-page storage: the altmap, the sparse buffer, memblock or the buddy
/// allocator [vmemmap spec 4]; pages go back to them.
class VmemmapAllocator {
 public:
  VmemmapAllocator(Context& context, Memblock& memblock, Buddy& buddy, Bootmem& bootmem)
      : context_(context), memblock_(memblock), buddy_(buddy), bootmem_(bootmem) {}

  /// vmemmap_alloc_block_zero: a zeroed table page.
  std::optional<PhysAddr> alloc_table(unsigned node);
  /// vmemmap_alloc_block_zero during boot, for the page that tails of gigantic folios share: neither table nor storage
  /// of one section.
  std::optional<PhysAddr> alloc_shared_tail(unsigned node, const char* cause);
  /// pte_alloc_one_kernel for the table that takes the place of a 2 MiB leaf, zeroed.
  std::optional<PhysAddr> alloc_split_table(unsigned node);
  /// vmemmap_alloc_block_buf: storage for struct pages, 4 KiB or 2 MiB, not zeroed.
  std::optional<PhysAddr> vmemmap_alloc_block_buf(uint64_t size, unsigned node, Altmap* altmap);

  /// sparse_buffer_init: one block for `sections` sections, exactly on the node.
  void sparse_buffer_init(uint64_t sections, unsigned node);
  /// sparse_buffer_fini: returns what is left.
  void sparse_buffer_fini();

  /// free_pagetable: `order` 0 for table and base pages, 9 for PMD blocks. Boot memory gives back its references.
  void free_pagetable(PhysAddr pa, unsigned order, PageUse use);
  /// The storage of an altmap goes back to it.
  void free_to_altmap(PhysAddr pa, uint64_t bytes, Altmap& altmap);

  uint64_t table_pages() const { return table_pages_; }
  uint64_t block_pages() const { return block_pages_; }
  uint64_t leaked_pages() const { return leaked_pages_; }
  /// A page left or joined the struct-page storage other than by the functions above (HVO).
  void adjust_block_pages(int64_t pages) { block_pages_ += static_cast<uint64_t>(pages); }

 private:
  std::optional<PhysAddr> vmemmap_alloc_block(uint64_t size, unsigned node, const char* cause);
  std::optional<PhysAddr> earlyonly_bootmem_alloc(uint64_t size, unsigned node, const char* cause);
  std::optional<PhysAddr> sparse_buffer_alloc(uint64_t size, unsigned node);
  void poison(PhysAddr pa, uint64_t bytes);
  void count_freed(uint64_t pages, PageUse use);
  void free_reference(Pfn pfn, const char* cause);

  Context& context_;
  Memblock& memblock_;
  Buddy& buddy_;
  Bootmem& bootmem_;
  PhysAddr buffer_{0};  // cursor; 0: no buffer
  PhysAddr buffer_end_{0};
  uint64_t table_pages_ = 0;
  uint64_t block_pages_ = 0;
  uint64_t leaked_pages_ = 0;
  bool warned_failure_ = false;
};

}  // namespace mmusim::mm
