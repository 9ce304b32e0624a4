// SPDX-License-Identifier: MIT
#include "mm/slab.h"

#include <bit>

namespace mmusim::mm {

namespace {

/// Size of the kmalloc cache that serves `bytes`: powers of two, 96 and 192.
unsigned kmalloc_size(uint64_t bytes) {
  const auto power = static_cast<unsigned>(std::bit_ceil(bytes));
  const unsigned between = power / 4 * 3;
  return (between == 96 || between == 192) && bytes <= between ? between : power;
}

}  // namespace

std::optional<PhysAddr> Slab::kzalloc(uint64_t bytes, unsigned node, const char* cause) {
  const unsigned object_bytes = kmalloc_size(bytes);
  auto at = pages_.begin();
  const auto has_room = [&](const Page& p) {
    return p.object_bytes == object_bytes && p.node == node && p.used < p.taken.size();
  };
  while (at != pages_.end() && !has_room(at->second)) ++at;
  if (at == pages_.end()) {
    const auto page = buddy_.alloc_pages(0, node, "allocate_slab");
    if (!page) return std::nullopt;
    Page fresh{object_bytes, node, 0, std::vector<bool>(kPageBytes / object_bytes)};
    at = pages_.emplace(page->raw, std::move(fresh)).first;
  }
  Page& page = at->second;
  size_t slot = 0;
  while (page.taken[slot]) ++slot;
  page.taken[slot] = true;
  ++page.used;
  const PhysAddr object = address_of(Pfn(at->first)) + slot * object_bytes;
  context_.allocated(AllocSource::kSlab, object, bytes, node, cause);
  context_.fill(context_.layout.direct_map(object), 0, bytes, cause);
  return object;
}

void Slab::kfree(PhysAddr object, const char* cause) {
  const auto at = pages_.find(pfn_of(object).raw);
  MMUSIM_INVARIANT(at != pages_.end(), "kfree of a slab object");
  Page& page = at->second;
  page.taken[(object.raw() & (kPageBytes - 1)) / page.object_bytes] = false;
  --page.used;
  context_.freed(AllocSource::kSlab, object, page.object_bytes, page.node, cause);
  if (page.used != 0) return;
  const Pfn frame(at->first);
  pages_.erase(at);
  buddy_.free_pages(frame, 0, "__free_slab");
}

}  // namespace mmusim::mm
