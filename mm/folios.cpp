// SPDX-License-Identifier: MIT
#include "mm/folios.h"

namespace mmusim::mm {

std::optional<Folio> Folios::alloc(unsigned order, unsigned node) {
  std::optional<Folio> folio;
  if (order > kMaxPageOrder) {
    folio = alloc_contig(order, node);
  } else if (const auto pfn = buddy_.alloc_pages(order, node, "alloc_buddy_hugetlb_folio", Migrate::kMovable)) {
    folio = {*pfn, order};
    taken_[pfn->raw] = {{*pfn, order}};
  }
  if (folio) {
    make_compound(*folio);
    buddy_.claim(folio->head, folio->head + (uint64_t{1} << folio->order));
  }
  return folio;
}

std::optional<Folio> Folios::alloc_contig(unsigned order, unsigned node) {
  const uint64_t pages = uint64_t{1} << order;
  for (const auto& [start, end] : buddy_.ranges_of(node)) {
    for (uint64_t at = (start.raw + pages - 1) & ~(pages - 1); at + pages <= end.raw; at += pages) {
      if (!buddy_.all_free(Pfn(at), Pfn(at + pages))) continue;
      const Folio folio{Pfn(at), order};
      taken_[at] = buddy_.isolate(folio.head, folio.head + pages);
      context_.allocated(AllocSource::kBuddy, address_of(folio.head), pages << kPageShift, node, "alloc_contig_pages");
      return folio;
    }
  }
  return std::nullopt;
}

void Folios::claim(const Folio& folio) {
  const Pfn last = folio.head + ((uint64_t{1} << folio.order) - 1);
  if (taken_.contains(folio.head.raw) || !buddy_.manages(folio.head) || !buddy_.manages(last)) return;
  taken_[folio.head.raw] = buddy_.isolate(folio.head, folio.head + (uint64_t{1} << folio.order));
  make_compound(folio);
  buddy_.claim(folio.head, last + 1);
}

/// prep_compound_page, as far as the first two struct pages and the links of the tails to the head go.
void Folios::make_compound(const Folio& folio) {
  const PageBits& bits = page_bits(context_.config.version);
  const VirtAddr head = context_.layout.pfn_to_page(folio.head);
  const uint64_t size = context_.layout.struct_page_bytes();
  context_.memory().read_modify_write(head, RmwOp::kOr, uint64_t{1} << bits.head, 8, /*locked=*/false);
  const uint64_t mask = ~((uint64_t{1} << (folio.order + 6)) - 1) | 1;
  const uint64_t link = context_.profile.compound_info_mask ? mask : head.raw() | 1;
  for (uint64_t i = 1; i < uint64_t{1} << folio.order; ++i) {
    context_.store(head + i * size + page_field::kMapping, kTailMapping, 8);
    context_.store(head + i * size + page_field::kLruNext, link, 8);
  }
  context_.store(head + size, folio.order, 8);
}

void Folios::free(const Folio& folio) {
  const auto taken = taken_.find(folio.head.raw);
  if (taken == taken_.end()) return;
  const PageBits& bits = page_bits(context_.config.version);
  const VirtAddr head = context_.layout.pfn_to_page(folio.head);
  context_.memory().read_modify_write(head, RmwOp::kAnd, ~(uint64_t{1} << bits.head), 8, /*locked=*/false);
  std::vector<Buddy::Block> blocks = buddy_.release(folio.head, folio.head + (uint64_t{1} << folio.order));
  blocks.insert(blocks.end(), taken->second.begin(), taken->second.end());
  taken_.erase(taken);
  for (const Buddy::Block& block : blocks) {
    buddy_.free_pages(block.pfn, block.order, "update_and_free_hugetlb_folio");
  }
}

}  // namespace mmusim::mm
