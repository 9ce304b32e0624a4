// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mm/context.h"
#include "mm/struct_page.h"
#include "models/base/huge_pages.h"

namespace mmusim::mm {

/// Whose allocations a pageblock serves: the kernel's own, which stay, or memory that can be moved.
enum class Migrate : uint8_t { kMovable, kUnmovable };

/// The buddy allocator: free lists for each node, zone, migrate type and order; blocks are split by
/// expand() and merged by
/// __free_one_page() [mm/page_alloc.c].
///
/// The list of free blocks is kept here, on the host; the struct pages in simulated memory are read and written as the
/// kernel does (list links, order, page type, reference count) once Context::struct_pages_live is set.
/// All memory starts movable; a kernel allocation that finds no unmovable block takes over the largest movable one with
/// its pageblocks (__rmqueue_fallback), which is why successive vmemmap blocks are neighbours.
/// Omits per-CPU lists, watermarks and the other migrate types.
class Buddy {
 public:
  explicit Buddy(Context& context) : context_(context), bits_(page_bits(context.profile)) {}

  /// Pages [start, end) belong to that zone of that node from now on; they are not free yet.
  void add_range(Pfn start, Pfn end, unsigned node, Zone zone);
  /// The pages leave the zone; none of them may be free.
  void remove_range(Pfn start, Pfn end);
  /// Sets the address of a node's struct pglist_data, where the list heads are stored.
  void set_pgdat(unsigned node, VirtAddr pgdat);

  /// alloc_pages_node without __GFP_THISNODE: the node's zones from Normal down, then the other nodes by distance.
  /// Movable allocations may come from ZONE_MOVABLE as well.
  std::optional<Pfn> alloc_pages(unsigned order, unsigned node, const char* cause,
                                 Migrate migrate = Migrate::kUnmovable);
  /// __free_pages on a block whose reference count drops to zero.
  void free_pages(Pfn pfn, unsigned order, const char* cause);
  /// __free_pages_core: frees a block of fresh memory to the tail of its list, clearing each page's mark: PG_reserved,
  /// or (`onlined` pages of newer kernels) the page type "offline".
  enum class Fresh : uint8_t { kBoot, kOnlined };
  void free_pages_core(Pfn pfn, unsigned order, Fresh fresh = Fresh::kBoot);
  /// split_page: each page of an allocated block becomes an allocation of its own.
  void split_page(Pfn pfn, unsigned order);
  /// Takes every free page of [start, end) off the lists; the blocks taken, ascending.
  struct Block {
    Pfn pfn;
    unsigned order;
  };
  std::vector<Block> isolate(Pfn start, Pfn end);

  /// [start, end) belongs to a folio now. Which folios a recorded kernel used is an input, so one may contain pages
  /// that the model itself has in use: their struct pages are no longer touched, and when they are freed they join the
  /// folio.
  void claim(Pfn start, Pfn end);
  /// Undoes claim(); the pages that were freed meanwhile, already off the free lists.
  std::vector<Block> release(Pfn start, Pfn end);
  /// Part of a claimed range: its struct page may be a shared one.
  bool is_claimed(Pfn pfn) const { return !claimed_.empty() && claimed_.contains(pfn.raw / kPagesPerPageblock); }

  bool is_free(Pfn pfn) const { return containing(pfn.raw) != kNone; }
  /// Order of the free block that begins at `pfn`; nullopt if none does.
  std::optional<unsigned> free_order(Pfn pfn) const;
  bool manages(Pfn pfn) const { return zone_of(pfn.raw) != nullptr; }
  /// Node of a managed page.
  unsigned node_of(Pfn pfn) const;
  std::optional<Zone> zone_kind(Pfn pfn) const;
  /// True if every page of [start, end) is free.
  bool all_free(Pfn start, Pfn end) const;

  /// Calls `fn` with the first page of each aligned place of `order` on a node all pages of which are free, ascending, while it
  /// returns true.
  template <class Fn>
  void for_each_free_place(unsigned order, unsigned node, Fn&& fn) const {
    const uint64_t pages = uint64_t{1} << order;
    for (const auto& [start, end] : ranges_of(node)) {
      for (uint64_t at = (start.raw + pages - 1) & ~(pages - 1); at + pages <= end.raw; at += pages) {
        if (all_free(Pfn(at), Pfn(at + pages)) && !fn(Pfn(at))) return;
      }
    }
  }
  /// `count` such places, or as many as there are, spread evenly.
  std::vector<Pfn> scattered_places(unsigned order, uint64_t count, unsigned node) const;
  /// Page ranges of a node, ascending.
  std::vector<std::pair<Pfn, Pfn>> ranges_of(unsigned node) const;
  uint64_t free_page_count() const { return free_pages_; }
  uint64_t managed_pages() const;
  /// Free blocks of one order on a node (all its zones).
  uint64_t free_blocks(unsigned node, unsigned order) const;

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  struct Free {
    uint64_t prev;  ///< kNone: the list head
    uint64_t next;
    uint16_t zone;
    uint8_t order;
    Migrate migrate;
  };
  struct List {
    uint64_t first = kNone;
    uint64_t last = kNone;
    uint64_t blocks = 0;
  };
  struct ZoneData {
    unsigned node;
    Zone kind;
    std::array<std::array<List, kMaxPageOrder + 1>, 2> lists;  // by migrate type and order
  };
  struct Range {
    uint64_t start;
    uint64_t end;
    uint16_t zone;  ///< index into zones_
  };
  enum class Place : uint8_t { kHead, kTail };
  class ZoneLock;

  const Range* zone_of(uint64_t pfn) const;
  uint16_t zone_index(unsigned node, Zone kind);
  uint64_t containing(uint64_t pfn) const;
  List& list_of(const Free& block) {
    return zones_[block.zone].lists[static_cast<unsigned>(block.migrate)][block.order];
  }
  Migrate migrate_of(uint64_t pfn) const {
    return unmovable_.contains(pfn / kPagesPerPageblock) ? Migrate::kUnmovable : Migrate::kMovable;
  }
  void insert(uint64_t pfn, unsigned order, uint16_t zone, Migrate migrate, Place place);
  void remove(uint64_t pfn);
  void free_one_page(uint64_t pfn, unsigned order, bool to_tail);
  bool merge_likely(uint64_t pfn, unsigned order) const;
  std::optional<uint64_t> rmqueue(uint16_t zone, unsigned order, Migrate migrate);
  std::optional<uint64_t> rmqueue_smallest(uint16_t zone, unsigned order, Migrate migrate);
  bool steal_fallback(uint16_t zone, unsigned order);
  const std::vector<uint16_t>& zonelist(unsigned node, Migrate migrate);

  VirtAddr page(uint64_t pfn) const { return context_.layout.pfn_to_page(Pfn(pfn)); }
  VirtAddr zone_address(uint16_t zone) const;
  VirtAddr list_head(const Free& block) const;
  VirtAddr link_of(uint64_t neighbour, const Free& block) const;
  void store_links(uint64_t pfn, const Free& block);
  void store_unlinked(uint64_t pfn, const Free& block);

  Context& context_;
  const PageBits& bits_;
  std::vector<ZoneData> zones_;
  std::vector<Range> ranges_;
  std::vector<VirtAddr> pgdat_;
  HugePagePool nodes_{64};  // of free_, some 40 bytes each
  std::pmr::unordered_map<uint64_t, Free> free_{nodes_.resource()};
  std::unordered_set<uint64_t> unmovable_;                         // pageblocks
  std::unordered_map<unsigned, std::vector<uint16_t>> zonelists_;  // by 2 * node + migrate type
  std::unordered_set<uint64_t> claimed_;                           // pageblocks
  std::vector<Block> freed_in_claimed_;
  uint64_t free_pages_ = 0;
  mutable size_t last_range_ = 0;
};

/// Orders of the naturally aligned blocks that [start, end) falls into, lowest first: fn(pfn, order).
template <class Fn>
void for_each_aligned_block(Pfn start, Pfn end, Fn&& fn) {
  for (uint64_t at = start.raw; at < end.raw;) {
    unsigned order =
        at == 0 ? kMaxPageOrder : std::min<unsigned>(kMaxPageOrder, static_cast<unsigned>(__builtin_ctzll(at)));
    while (at + (uint64_t{1} << order) > end.raw) --order;
    fn(Pfn(at), order);
    at += uint64_t{1} << order;
  }
}

}  // namespace mmusim::mm
