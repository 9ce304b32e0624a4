// SPDX-License-Identifier: MIT
#include "mm/vmemmap_alloc.h"

#include <bit>

namespace mmusim::mm {

namespace {
constexpr PhysAddr kMaxDmaAddress{16 * kMiB};  // __pa(MAX_DMA_ADDRESS)
constexpr unsigned order_of(uint64_t bytes) { return static_cast<unsigned>(std::bit_width((bytes - 1) >> kPageShift)); }
}  // namespace

void VmemmapAllocator::poison(PhysAddr pa, uint64_t bytes) {
  context_.fill(context_.layout.direct_map(pa), 0xff, bytes, "page_init_poison");
}

std::optional<PhysAddr> VmemmapAllocator::earlyonly_bootmem_alloc(uint64_t size, unsigned node, const char* cause) {
  const auto pa = memblock_.alloc_try_nid(size, size, kMaxDmaAddress, PhysAddr(0), node);
  if (!pa) return std::nullopt;
  context_.allocated(AllocSource::kMemblock, *pa, size, memblock_.node_of(*pa).value_or(node), cause);
  if (context_.config.debug_vm && context_.profile.boot_poison != BootPoison::kSparseBufferOnly) poison(*pa, size);
  return pa;
}

std::optional<PhysAddr> VmemmapAllocator::vmemmap_alloc_block(uint64_t size, unsigned node, const char* cause) {
  if (!context_.slab_available) return earlyonly_bootmem_alloc(size, node, cause);
  if (const auto pfn = buddy_.alloc_pages(order_of(size), node, cause)) return address_of(*pfn);
  if (!warned_failure_) {
    warned_failure_ = true;
    context_.log(LogLevel::kWarning, "vmemmap alloc failure: order:{}", order_of(size));
  }
  return std::nullopt;
}

std::optional<PhysAddr> VmemmapAllocator::alloc_table(unsigned node) {
  const char* const cause = "vmemmap_alloc_block_zero";
  if (context_.allocation_fails(AllocKind::kTable)) return std::nullopt;
  const auto pa = vmemmap_alloc_block(kPageBytes, node, cause);
  if (!pa) return std::nullopt;
  ++table_pages_;
  context_.fill(context_.layout.direct_map(*pa), 0, kPageBytes, cause);
  return pa;
}

std::optional<PhysAddr> VmemmapAllocator::alloc_shared_tail(unsigned node, const char* cause) {
  const auto pa = vmemmap_alloc_block(kPageBytes, node, cause);
  if (pa) context_.fill(context_.layout.direct_map(*pa), 0, kPageBytes, cause);
  return pa;
}

std::optional<PhysAddr> VmemmapAllocator::alloc_split_table(unsigned node) {
  const char* const cause = "pte_alloc_one_kernel";
  if (context_.allocation_fails(AllocKind::kTable)) return std::nullopt;
  const auto pfn = buddy_.alloc_pages(0, node, cause);
  if (!pfn) return std::nullopt;
  ++table_pages_;
  context_.fill(context_.layout.direct_map(address_of(*pfn)), 0, kPageBytes, cause);
  return address_of(*pfn);
}

std::optional<PhysAddr> VmemmapAllocator::vmemmap_alloc_block_buf(uint64_t size, unsigned node, Altmap* altmap) {
  const char* const cause = "vmemmap_alloc_block_buf";
  if (context_.allocation_fails(AllocKind::kLeafBlock)) return std::nullopt;
  if (altmap != nullptr) {
    const auto pfn = altmap->alloc_block(size);
    if (!pfn) return std::nullopt;
    context_.log(LogLevel::kDebug, "altmap_alloc_block_buf: pfn: {:#x} alloc: {} align: {} nr: {:#x}", pfn->raw,
                 altmap->alloc, altmap->align, size >> kPageShift);
    context_.allocated(AllocSource::kAltmap, address_of(*pfn), size, node, cause);
    return address_of(*pfn);
  }
  auto pa = sparse_buffer_alloc(size, node);
  if (!pa) pa = vmemmap_alloc_block(size, node, cause);
  if (pa) block_pages_ += size >> kPageShift;
  return pa;
}

void VmemmapAllocator::sparse_buffer_init(uint64_t sections, unsigned node) {
  if (!context_.profile.sparse_buffer) return;
  const uint64_t section = (context_.layout.section_memmap_bytes() + kPmdBytes - 1) & ~(kPmdBytes - 1);
  const uint64_t bytes = sections * section;
  const auto pa = memblock_.alloc_exact_nid(bytes, section, kMaxDmaAddress, node);
  if (!pa) return;
  context_.allocated(AllocSource::kMemblock, *pa, bytes, node, "sparse_buffer_init");
  if (context_.config.debug_vm) poison(*pa, bytes);
  buffer_ = *pa;
  buffer_end_ = *pa + bytes;
}

std::optional<PhysAddr> VmemmapAllocator::sparse_buffer_alloc(uint64_t size, unsigned node) {
  if (buffer_ == PhysAddr(0)) return std::nullopt;
  const PhysAddr at = buffer_.align_up(size);
  if (at + size > buffer_end_) return std::nullopt;
  if (at > buffer_) {
    memblock_.free(buffer_, at - buffer_);
    context_.freed(AllocSource::kMemblock, buffer_, at - buffer_, node, "sparse_buffer_free");
  }
  buffer_ = at + size;
  context_.allocated(AllocSource::kSparseBuffer, at, size, node, "sparse_buffer_alloc");
  return at;
}

void VmemmapAllocator::sparse_buffer_fini() {
  if (buffer_ != PhysAddr(0) && buffer_ < buffer_end_) {
    memblock_.free(buffer_, buffer_end_ - buffer_);
    context_.freed(AllocSource::kMemblock, buffer_, buffer_end_ - buffer_, memblock_.node_of(buffer_).value_or(0),
                   "sparse_buffer_fini");
  }
  buffer_ = buffer_end_ = PhysAddr(0);
}

void VmemmapAllocator::count_freed(uint64_t pages, PageUse use) {
  if (use == PageUse::kVmemmapTable) table_pages_ -= pages;
  if (use == PageUse::kVmemmapBlock) block_pages_ -= pages;
}

/// put_page of a page that several PTEs may map (compound DAX): freed with the last of them [L-18].
void VmemmapAllocator::free_reference(Pfn pfn, const char* cause) {
  const VirtAddr reference = context_.layout.pfn_to_page(pfn) + page_field::kRefcount;
  if (!buddy_.is_claimed(pfn) && context_.load(reference, 4) > 1) {
    context_.memory().read_modify_write(reference, RmwOp::kAdd, ~uint64_t{0}, 4, /*locked=*/true);
    return;
  }
  block_pages_ -= 1;
  buddy_.free_pages(pfn, 0, cause);
}

void VmemmapAllocator::free_pagetable(PhysAddr pa, unsigned order, PageUse use) {
  const char* const cause = "free_pagetable";
  const uint64_t pages = uint64_t{1} << order;
  if (bootmem_.is_boot_page(pfn_of(pa))) {
    uint64_t freed = 0;
    for (uint64_t i = 0; i < pages; ++i) freed += bootmem_.put_page(pfn_of(pa) + i) ? 1 : 0;
    count_freed(pages, use);
    leaked_pages_ += pages - freed;  // still referenced by other sections' bookkeeping
    return;
  }
  if (order == 0 && use == PageUse::kVmemmapBlock) return free_reference(pfn_of(pa), cause);
  count_freed(pages, use);
  if (order != 0 && context_.profile.pmd_block_free_loses_pages) {
    buddy_.split_page(pfn_of(pa), order);
    buddy_.free_pages(pfn_of(pa), 0, cause);
    leaked_pages_ += pages - 1;
    return;
  }
  buddy_.free_pages(pfn_of(pa), order, cause);
}

void VmemmapAllocator::free_to_altmap(PhysAddr pa, uint64_t bytes, Altmap& altmap) {
  altmap.release(bytes >> kPageShift);
  context_.freed(AllocSource::kAltmap, pa, bytes, 0, "vmem_altmap_free");
}

}  // namespace mmusim::mm
