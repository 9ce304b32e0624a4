// SPDX-License-Identifier: MIT
#include "mm/buddy.h"

#include <algorithm>
#include <array>

namespace mmusim::mm {

namespace {
// Offsets inside struct pglist_data: free_area[order].free_list of each zone. Only their being distinct lines matters.
constexpr uint64_t kZoneBytes = 0x680;
constexpr uint64_t kFreeAreaOffset = 0xc0;
constexpr uint64_t kFreeAreaBytes = 0x68;
constexpr uint64_t kListHeadBytes = 16;
constexpr uint64_t kLockOffset = 0x600;
}  // namespace

/// zone->lock, held as long as this exists.
class Buddy::ZoneLock {
 public:
  ZoneLock(Buddy& buddy, uint16_t zone)
      : memory_(buddy.context_.memory()), address_(buddy.zone_address(zone) + kLockOffset) {
    memory_.lock(address_);
  }
  ~ZoneLock() { memory_.unlock(address_); }
  ZoneLock(const ZoneLock&) = delete;
  ZoneLock& operator=(const ZoneLock&) = delete;

 private:
  KernelMemory& memory_;
  VirtAddr address_;
};

void Buddy::add_range(Pfn start, Pfn end, unsigned node, Zone zone) {
  if (start >= end) return;
  const Range range{start.raw, end.raw, zone_index(node, zone)};
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), range.start,
                                   [](const Range& r, uint64_t pfn) { return r.start < pfn; });
  ranges_.insert(at, range);
  last_range_ = 0;
}

void Buddy::remove_range(Pfn start, Pfn end) {
  std::vector<Range> kept;
  for (const Range& r : ranges_) {
    if (r.end <= start.raw || r.start >= end.raw) {
      kept.push_back(r);
      continue;
    }
    if (r.start < start.raw) kept.push_back({r.start, start.raw, r.zone});
    if (r.end > end.raw) kept.push_back({end.raw, r.end, r.zone});
  }
  ranges_ = std::move(kept);
  last_range_ = 0;
}

void Buddy::set_pgdat(unsigned node, VirtAddr pgdat) {
  if (pgdat_.size() <= node) pgdat_.resize(node + 1, pgdat);
  pgdat_[node] = pgdat;
}

const Buddy::Range* Buddy::zone_of(uint64_t pfn) const {
  if (last_range_ < ranges_.size() && ranges_[last_range_].start <= pfn && pfn < ranges_[last_range_].end) {
    return &ranges_[last_range_];
  }
  const auto r = std::upper_bound(ranges_.begin(), ranges_.end(), pfn,
                                  [](uint64_t at, const Range& range) { return at < range.end; });
  if (r == ranges_.end() || r->start > pfn) return nullptr;
  last_range_ = static_cast<size_t>(r - ranges_.begin());
  return &*r;
}

uint16_t Buddy::zone_index(unsigned node, Zone kind) {
  for (size_t i = 0; i < zones_.size(); ++i)
    if (zones_[i].node == node && zones_[i].kind == kind) return static_cast<uint16_t>(i);
  zones_.push_back({node, kind, {}});
  zonelists_.clear();
  return static_cast<uint16_t>(zones_.size() - 1);
}

const std::vector<uint16_t>& Buddy::zonelist(unsigned node, Migrate migrate) {
  auto [list, is_new] = zonelists_.try_emplace(2 * node + static_cast<unsigned>(migrate));
  if (!is_new) return list->second;
  const auto distance = [&](unsigned to) {
    const auto& d = context_.config.numa_distance;
    if (node < d.size() && to < d[node].size()) return d[node][to];
    return node == to ? 10u : 20u;
  };
  // Nearest node first, then by number starting after `node`; inside a node from the highest zone down.
  const Zone highest = migrate == Migrate::kMovable ? Zone::kMovable : Zone::kNormal;
  for (size_t i = 0; i < zones_.size(); ++i)
    if (zones_[i].kind <= highest) list->second.push_back(static_cast<uint16_t>(i));
  std::sort(list->second.begin(), list->second.end(), [&](uint16_t a, uint16_t b) {
    const ZoneData& x = zones_[a];
    const ZoneData& y = zones_[b];
    if (x.node != y.node) {
      if (distance(x.node) != distance(y.node)) return distance(x.node) < distance(y.node);
      const bool x_after = x.node >= node;
      const bool y_after = y.node >= node;
      return x_after != y_after ? x_after : x.node < y.node;
    }
    return x.kind > y.kind;
  });
  return list->second;
}

uint64_t Buddy::containing(uint64_t pfn) const {
  for (unsigned order = 0; order <= kMaxPageOrder; ++order) {
    const uint64_t head = pfn & ~((uint64_t{1} << order) - 1);
    const auto block = free_.find(head);
    if (block != free_.end() && block->second.order >= order) {
      if (head + (uint64_t{1} << block->second.order) > pfn) return head;
    }
  }
  return kNone;
}

std::optional<unsigned> Buddy::free_order(Pfn pfn) const {
  const auto block = free_.find(pfn.raw);
  if (block == free_.end()) return std::nullopt;
  return block->second.order;
}

unsigned Buddy::node_of(Pfn pfn) const {
  const Range* range = zone_of(pfn.raw);
  MMUSIM_INVARIANT(range != nullptr, "the page belongs to a zone");
  return zones_[range->zone].node;
}

std::optional<Zone> Buddy::zone_kind(Pfn pfn) const {
  const Range* range = zone_of(pfn.raw);
  if (range == nullptr) return std::nullopt;
  return zones_[range->zone].kind;
}

bool Buddy::all_free(Pfn start, Pfn end) const {
  for (uint64_t pfn = start.raw; pfn < end.raw;) {
    const uint64_t head = containing(pfn);
    if (head == kNone) return false;
    pfn = head + (uint64_t{1} << free_.at(head).order);
  }
  return true;
}

std::vector<std::pair<Pfn, Pfn>> Buddy::ranges_of(unsigned node) const {
  std::vector<std::pair<Pfn, Pfn>> ranges;
  for (const Range& r : ranges_)
    if (zones_[r.zone].node == node) ranges.emplace_back(Pfn(r.start), Pfn(r.end));
  return ranges;
}

uint64_t Buddy::managed_pages() const {
  uint64_t pages = 0;
  for (const Range& r : ranges_) pages += r.end - r.start;
  return pages;
}

uint64_t Buddy::free_blocks(unsigned node, unsigned order) const {
  uint64_t blocks = 0;
  for (const ZoneData& zone : zones_)
    if (zone.node == node) blocks += zone.lists[0][order].blocks + zone.lists[1][order].blocks;
  return blocks;
}

/// struct zone in its node's pgdat.
VirtAddr Buddy::zone_address(uint16_t zone) const {
  const ZoneData& z = zones_[zone];
  const VirtAddr pgdat = z.node < pgdat_.size() ? pgdat_[z.node] : pgdat_.empty() ? VirtAddr(0) : pgdat_.front();
  return pgdat + static_cast<unsigned>(z.kind) * kZoneBytes;
}

VirtAddr Buddy::list_head(const Free& block) const {
  return zone_address(block.zone) + kFreeAreaOffset + block.order * kFreeAreaBytes +
         static_cast<unsigned>(block.migrate) * kListHeadBytes;
}

/// Address of the list_head of a neighbour of `block`: in its struct page, or the head of the list.
VirtAddr Buddy::link_of(uint64_t neighbour, const Free& block) const {
  return neighbour == kNone ? list_head(block) : page(neighbour) + page_field::kLruNext;
}

/// list_add[_tail], set_buddy_order and __SetPageBuddy.
void Buddy::store_links(uint64_t pfn, const Free& block) {
  const VirtAddr own = page(pfn) + page_field::kLruNext;
  const VirtAddr next = link_of(block.next, block);
  const VirtAddr prev = link_of(block.prev, block);
  context_.store(page(pfn) + page_field::kPrivate, block.order, 8);
  context_.store(page(pfn) + page_field::kMapcount, bits_.buddy_type, 4);
  context_.store(next + 8, own.raw(), 8);
  context_.store(own, next.raw(), 8);
  context_.store(own + 8, prev.raw(), 8);
  context_.store(prev, own.raw(), 8);
}

/// del_page_from_free_list: list_del, __ClearPageBuddy, set_page_private(0).
void Buddy::store_unlinked(uint64_t pfn, const Free& block) {
  const VirtAddr own = page(pfn) + page_field::kLruNext;
  context_.load(own, 8);
  context_.load(own + 8, 8);
  const VirtAddr next = link_of(block.next, block);
  const VirtAddr prev = link_of(block.prev, block);
  context_.store(next + 8, prev.raw(), 8);
  context_.store(prev, next.raw(), 8);
  context_.store(own, kListPoison1, 8);
  context_.store(own + 8, kListPoison2, 8);
  context_.store(page(pfn) + page_field::kMapcount, kNoPageType, 4);
  context_.store(page(pfn) + page_field::kPrivate, 0, 8);
}

void Buddy::insert(uint64_t pfn, unsigned order, uint16_t zone, Migrate migrate, Place place) {
  Free block{kNone, kNone, zone, static_cast<uint8_t>(order), migrate};
  List& list = list_of(block);
  if (place == Place::kHead) {
    block.next = list.first;
    (list.first == kNone ? list.last : free_.at(list.first).prev) = pfn;
    list.first = pfn;
  } else {
    block.prev = list.last;
    (list.last == kNone ? list.first : free_.at(list.last).next) = pfn;
    list.last = pfn;
  }
  ++list.blocks;
  free_pages_ += uint64_t{1} << order;
  free_.emplace(pfn, block);
  if (context_.struct_pages_live) store_links(pfn, block);
}

void Buddy::remove(uint64_t pfn) {
  const auto it = free_.find(pfn);
  const Free block = it->second;
  List& list = list_of(block);
  (block.prev == kNone ? list.first : free_.at(block.prev).next) = block.next;
  (block.next == kNone ? list.last : free_.at(block.next).prev) = block.prev;
  --list.blocks;
  free_pages_ -= uint64_t{1} << block.order;
  free_.erase(it);
  if (context_.struct_pages_live) store_unlinked(pfn, block);
}

/// __rmqueue_smallest: the smallest block that is large enough, split by expand().
std::optional<uint64_t> Buddy::rmqueue_smallest(uint16_t zone, unsigned order, Migrate migrate) {
  for (unsigned high = order; high <= kMaxPageOrder; ++high) {
    const uint64_t pfn = zones_[zone].lists[static_cast<unsigned>(migrate)][high].first;
    if (pfn == kNone) continue;
    remove(pfn);
    for (unsigned half = high; half > order;) {  // the upper halves go back
      --half;
      insert(pfn + (uint64_t{1} << half), half, zone, migrate, Place::kHead);
    }
    return pfn;
  }
  return std::nullopt;
}

/// steal_suitable_fallback for a kernel allocation: the largest movable block and its pageblocks change type.
bool Buddy::steal_fallback(uint16_t zone, unsigned order) {
  for (unsigned high = kMaxPageOrder + 1; high-- > order;) {
    const uint64_t pfn = zones_[zone].lists[static_cast<unsigned>(Migrate::kMovable)][high].first;
    if (pfn == kNone) continue;
    remove(pfn);
    for (uint64_t at = pfn; at < pfn + (uint64_t{1} << high); at += kPagesPerPageblock) {
      unmovable_.insert(at / kPagesPerPageblock);
    }
    insert(pfn, high, zone, Migrate::kUnmovable, Place::kHead);
    return true;
  }
  return false;
}

std::optional<uint64_t> Buddy::rmqueue(uint16_t zone, unsigned order, Migrate migrate) {
  if (const auto pfn = rmqueue_smallest(zone, order, migrate)) return pfn;
  if (migrate == Migrate::kMovable) return rmqueue_smallest(zone, order, Migrate::kUnmovable);
  if (!steal_fallback(zone, order)) return std::nullopt;
  return rmqueue_smallest(zone, order, migrate);
}

std::optional<Pfn> Buddy::alloc_pages(unsigned order, unsigned node, const char* cause, Migrate migrate) {
  for (const uint16_t zone : zonelist(node, migrate)) {
    std::optional<uint64_t> pfn;
    {
      const ZoneLock lock(*this, zone);
      pfn = rmqueue(zone, order, migrate);
    }
    if (!pfn) continue;
    if (context_.struct_pages_live) {  // post_alloc_hook
      context_.store(page(*pfn) + page_field::kPrivate, 0, 8);
      context_.store(page(*pfn) + page_field::kRefcount, 1, 4);
      context_.load(page(*pfn) + page_field::kFlags, 8);
    }
    context_.allocated(AllocSource::kBuddy, address_of(Pfn(*pfn)), kPageBytes << order, zones_[zone].node, cause);
    return Pfn(*pfn);
  }
  return std::nullopt;
}

/// buddy_merge_likely: the block one order up would merge as well, so it should not be handed out soon.
bool Buddy::merge_likely(uint64_t pfn, unsigned order) const {
  if (order >= kMaxPageOrder - 1) return false;
  const uint64_t combined = pfn & ~(uint64_t{1} << order);
  const auto higher = free_.find(combined ^ (uint64_t{2} << order));
  return higher != free_.end() && higher->second.order == order + 1;
}

void Buddy::free_one_page(uint64_t pfn, unsigned order, bool to_tail) {
  const Range* range = zone_of(pfn);
  MMUSIM_INVARIANT(range != nullptr, fmt::format("page {:#x} that is freed belongs to a zone", pfn));
  const uint16_t zone = range->zone;
  const ZoneLock lock(*this, zone);
  while (order < kMaxPageOrder) {
    const uint64_t buddy = pfn ^ (uint64_t{1} << order);
    const auto found = free_.find(buddy);
    if (context_.struct_pages_live && zone_of(buddy) != nullptr) {
      context_.load(page(buddy) + page_field::kMapcount, 4);
      if (found != free_.end()) {
        context_.load(page(buddy) + page_field::kPrivate, 8);
        context_.load(page(pfn) + page_field::kFlags, 8);
        context_.load(page(buddy) + page_field::kFlags, 8);
      }
    }
    if (found == free_.end() || found->second.order != order || found->second.zone != zone) break;
    remove(buddy);
    pfn &= buddy;
    ++order;
  }
  insert(pfn, order, zone, migrate_of(pfn), to_tail || merge_likely(pfn, order) ? Place::kTail : Place::kHead);
}

void Buddy::free_pages(Pfn pfn, unsigned order, const char* cause) {
  const Range* range = zone_of(pfn.raw);
  MMUSIM_INVARIANT(range != nullptr && containing(pfn.raw) == kNone, "the page was allocated");
  context_.freed(AllocSource::kBuddy, address_of(pfn), kPageBytes << order, zones_[range->zone].node, cause);
  if (is_claimed(pfn)) {
    freed_in_claimed_.push_back({pfn, order});
    return;
  }
  if (context_.struct_pages_live) {
    const VirtAddr head = page(pfn.raw);
    context_.memory().read_modify_write(head + page_field::kRefcount, RmwOp::kAdd, ~uint64_t{0}, 4, /*locked=*/true);
    context_.load(head + page_field::kLruNext, 8);  // free_pages_prepare: compound? sane?
    context_.load(head + page_field::kMapping, 8);
    context_.load(head + page_field::kMapcount, 4);
    for (uint64_t i = 0; i < uint64_t{1} << order; ++i) {
      context_.memory().read_modify_write(page(pfn.raw + i) + page_field::kFlags, RmwOp::kAnd, ~uint64_t{0} << 23, 8,
                                          /*locked=*/false);
    }
  }
  free_one_page(pfn.raw, order, /*to_tail=*/false);
}

void Buddy::free_pages_core(Pfn pfn, unsigned order, Fresh fresh) {
  if (context_.struct_pages_live) {
    const uint64_t pages = uint64_t{1} << order;
    const uint64_t keep = ~(uint64_t{1} << bits_.reserved);
    const bool has_type = fresh == Fresh::kOnlined && context_.profile.offline_page_type;
    const std::array<FieldStore, 2> stores = {
        has_type ? FieldStore{page_field::kMapcount, 4, kNoPageType}
                 : FieldStore{page_field::kFlags, 8, keep, RmwOp::kAnd},
        FieldStore{page_field::kRefcount, 4, 0},
    };
    for (uint64_t i = 0; i < pages; ++i) context_.memory().store_fields(page(pfn.raw + i), stores);
    for (uint64_t i = 1; i < pages; ++i) {  // free_pages_prepare
      context_.memory().read_modify_write(page(pfn.raw + i), RmwOp::kAnd, ~uint64_t{0} << 23, 8, /*locked=*/false);
    }
  }
  free_one_page(pfn.raw, order, /*to_tail=*/true);
}

void Buddy::split_page(Pfn pfn, unsigned order) {
  if (!context_.struct_pages_live || is_claimed(pfn)) return;
  for (uint64_t i = 1; i < uint64_t{1} << order; ++i) {
    context_.store(page(pfn.raw + i) + page_field::kRefcount, 1, 4);
  }
}

}  // namespace mmusim::mm
