// SPDX-License-Identifier: MIT
// Ranges that leave the buddy allocator's hands: pages of folios, pages that are isolated.
#include <algorithm>

#include "mm/buddy.h"

namespace mmusim::mm {

void Buddy::claim(Pfn start, Pfn end) {
  for (uint64_t at = start.raw; at < end.raw; at += kPagesPerPageblock) claimed_.insert(at / kPagesPerPageblock);
}

std::vector<Buddy::Block> Buddy::release(Pfn start, Pfn end) {
  for (uint64_t at = start.raw; at < end.raw; at += kPagesPerPageblock) claimed_.erase(at / kPagesPerPageblock);
  std::vector<Block> inside;
  std::erase_if(freed_in_claimed_, [&](const Block& b) {
    if (b.pfn < start || b.pfn >= end) return false;
    inside.push_back(b);
    return true;
  });
  return inside;
}

std::vector<Pfn> Buddy::scattered_places(unsigned order, uint64_t count, unsigned node) const {
  std::vector<Pfn> places;
  for_each_free_place(order, node, [&](Pfn head) {
    places.push_back(head);
    return true;
  });
  std::vector<Pfn> chosen;
  const uint64_t taken = std::min<uint64_t>(count, places.size());
  for (uint64_t i = 0; i < taken; ++i) chosen.push_back(places[i * places.size() / taken]);
  return chosen;
}

std::vector<Buddy::Block> Buddy::isolate(Pfn start, Pfn end) {
  std::vector<Block> taken;
  for (uint64_t pfn = start.raw; pfn < end.raw;) {
    const uint64_t head = containing(pfn);
    if (head == kNone) {
      ++pfn;
      continue;
    }
    const Free block = free_.at(head);
    const uint64_t block_end = head + (uint64_t{1} << block.order);
    remove(head);
    // The part outside the range goes back in naturally aligned pieces.
    const auto give_back = [&](Pfn at, unsigned order) {
      insert(at.raw, order, block.zone, block.migrate, Place::kHead);
    };
    if (head < start.raw) for_each_aligned_block(Pfn(head), start, give_back);
    if (block_end > end.raw) for_each_aligned_block(end, Pfn(block_end), give_back);
    for_each_aligned_block(std::max(Pfn(head), start), std::min(Pfn(block_end), end), [&](Pfn at, unsigned order) {
      taken.push_back({at, order});
    });
    pfn = std::min(block_end, end.raw);
  }
  return taken;
}

}  // namespace mmusim::mm
