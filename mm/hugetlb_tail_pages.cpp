// SPDX-License-Identifier: MIT
// The tail page that optimised folios of one zone and order share from 7.1 on [mm/hugetlb_vmemmap.c, mm/sparse-vmemmap.c].
#include "mm/hugetlb_vmemmap.h"
#include "mm/struct_page.h"

namespace mmusim::mm {

std::optional<PhysAddr> HugetlbVmemmap::alloc_shared_tail(unsigned node) {
  const char* const cause = "vmemmap_get_tail";
  if (!context_.slab_available) return allocator_.alloc_shared_tail(node, cause);
  const auto pfn = buddy_.alloc_pages(0, node, cause);
  if (!pfn) return std::nullopt;
  context_.fill(context_.layout.direct_map(address_of(*pfn)), 0, kPageBytes, cause);
  return address_of(*pfn);
}

/// init_compound_tail for each struct page of the page; offset 8 of a tail holds the mask that leads to the head
/// (5.6.4).
void HugetlbVmemmap::init_tail_page(const SharedTail& tail) {
  const uint64_t mask = ~((uint64_t{1} << (tail.order + 6)) - 1) | 1;
  const VirtAddr va = context_.layout.direct_map(tail.page);
  for (uint64_t at = 0; at < kPageBytes; at += context_.layout.struct_page_bytes()) {
    context_.store(va + at + page_field::kLruNext, mask, 8);
    context_.store(va + at + page_field::kFlags, fresh_page_flags(tail.node, tail.zone), 8);
  }
}

void HugetlbVmemmap::init_shared_tails() {
  for (auto& [key, tail] : shared_tails_) {
    if (tail.from_boot) init_tail_page(tail);
    tail.from_boot = false;
  }
}

std::optional<PhysAddr> HugetlbVmemmap::shared_tail(const Folio& folio) {
  const unsigned node = buddy_.manages(folio.head) ? buddy_.node_of(folio.head) : 0;
  const Zone zone = buddy_.zone_kind(folio.head).value_or(Zone::kNormal);
  const auto key = std::make_pair(node * kZones + static_cast<unsigned>(zone), folio.order);
  if (const auto known = shared_tails_.find(key); known != shared_tails_.end()) return known->second.page;
  const auto page = alloc_shared_tail(node);
  if (!page) return std::nullopt;
  const SharedTail tail{*page, node, zone, folio.order, /*from_boot=*/!context_.slab_available};
  if (!tail.from_boot) init_tail_page(tail);
  shared_tails_.emplace(key, tail);
  return page;
}

}  // namespace mmusim::mm
