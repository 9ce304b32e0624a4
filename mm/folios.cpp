// SPDX-License-Identifier: MIT
#include "mm/folios.h"

#include <algorithm>

namespace mmusim::mm {

namespace {
Pfn end_of(const Folio& folio) { return folio.head + (uint64_t{1} << folio.order); }
}  // namespace

std::optional<Folio> Folios::alloc(unsigned order, unsigned node) {
  if (order > kMaxPageOrder) return alloc_contig(order, node);
  std::optional<Folio> folio;
  if (const auto pfn = buddy_.alloc_pages(order, node, "alloc_buddy_hugetlb_folio", Migrate::kMovable)) {
    folio = {*pfn, order};
    taken_[pfn->raw] = {order, {{*pfn, order}}};
    make_compound(*folio);
    buddy_.claim(folio->head, end_of(*folio));
  }
  return folio;
}

std::optional<Folio> Folios::alloc_contig(unsigned order, unsigned node) {
  std::optional<Folio> folio;
  buddy_.for_each_free_place(order, node, [&](Pfn head) {
    folio = {head, order};
    return false;
  });
  if (!folio) return std::nullopt;
  context_.allocated(AllocSource::kBuddy, address_of(folio->head), kPageBytes << order, node, "alloc_contig_pages");
  take(*folio);
  return folio;
}

std::vector<Folio> Folios::alloc_scattered(unsigned order, uint64_t count, unsigned node) {
  std::vector<Folio> folios;
  for (const Pfn head : buddy_.scattered_places(order, count, node)) {
    context_.allocated(AllocSource::kBuddy, address_of(head), kPageBytes << order, node, "alloc_buddy_hugetlb_folio");
    folios.push_back({head, order});
    take(folios.back());
  }
  return folios;
}

void Folios::claim(const Folio& folio) {
  const Pfn last(end_of(folio).raw - 1);
  if (taken_.contains(folio.head.raw) || !buddy_.manages(folio.head) || !buddy_.manages(last)) return;
  take(folio);
}

void Folios::adopt(const Folio& folio) {
  std::vector<Buddy::Block> blocks;
  for_each_aligned_block(folio.head, end_of(folio), [&](Pfn pfn, unsigned order) { blocks.push_back({pfn, order}); });
  taken_[folio.head.raw] = {folio.order, std::move(blocks)};
  buddy_.claim(folio.head, end_of(folio));
}

void Folios::take(const Folio& folio) {
  taken_[folio.head.raw] = {folio.order, buddy_.isolate(folio.head, end_of(folio))};
  make_compound(folio);
  buddy_.claim(folio.head, end_of(folio));
}

std::vector<Folio> Folios::taken() const {
  std::vector<Folio> folios;
  for (const auto& [head, taken] : taken_) folios.push_back({Pfn(head), taken.order});
  return folios;
}

/// prep_compound_page, as far as the first two struct pages and the links of the tails to the head go.
void Folios::make_compound(const Folio& folio) {
  const PageBits& bits = page_bits(context_.profile);
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

std::vector<Folio> Folios::demote(const Folio& folio) {
  constexpr unsigned kSmall = 9;
  std::vector<Folio> small;
  if (taken_.erase(folio.head.raw) == 0) return small;
  for (Pfn head = folio.head; head < end_of(folio); head = head + (uint64_t{1} << kSmall)) {
    small.push_back({head, kSmall});
    taken_[head.raw] = {kSmall, {{head, kSmall}}};
    make_compound(small.back());
  }
  std::reverse(small.begin(), small.end());  // each is put at the head of the kernel's list
  return small;
}

void Folios::free(const Folio& folio) {
  const auto taken = taken_.find(folio.head.raw);
  if (taken == taken_.end()) return;
  const PageBits& bits = page_bits(context_.profile);
  const VirtAddr head = context_.layout.pfn_to_page(folio.head);
  context_.memory().read_modify_write(head, RmwOp::kAnd, ~(uint64_t{1} << bits.head), 8, /*locked=*/false);
  std::vector<Buddy::Block> blocks = buddy_.release(folio.head, end_of(folio));
  blocks.insert(blocks.end(), taken->second.blocks.begin(), taken->second.blocks.end());
  taken_.erase(taken);
  for (const Buddy::Block& block : blocks) {
    buddy_.free_pages(block.pfn, block.order, "update_and_free_hugetlb_folio");
  }
}

}  // namespace mmusim::mm
