// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/access.h"
#include "models/base/types.h"

namespace mmusim {

/// Exact LRU stack distances of an unbounded, fully associative structure (Mattson et al. 1970), with a Fenwick tree
/// over the times of last use (Bennett and Kruskal 1975). Memory is proportional to the distinct keys, O(log n) each
/// use.
class StackDistance {
 public:
  StackDistance();
  /// Distinct other keys used since the last use of `key`; nullopt at its first use.
  std::optional<uint64_t> use(uint64_t key);
  /// Different keys so far.
  uint64_t distinct() const { return distinct_; }

 private:
  struct Slot {
    uint64_t key = 0;
    uint64_t time = 0;  // 1-based position in the tree; 0: the slot is free
  };
  Slot& slot_of(uint64_t key);
  void grow_table();
  void compact();
  void add(uint64_t time, int32_t change);
  uint64_t used_up_to(uint64_t time) const;

  std::vector<Slot> table_;     // open addressing, at most half full
  std::vector<uint32_t> tree_;  // Fenwick tree: 1 at each time that is the last use of a key
  uint64_t now_ = 0;
  uint64_t distinct_ = 0;
  uint64_t last_key_ = 0;
};

/// Set-associative true LRU for every associativity up to a limit at once: how often the key was found at each depth
/// of its set. Misses with w ways are the uses found at depth w or deeper, or not at all.
class SetStackDistance {
 public:
  /// `sets` of 1 or more; keys go to set key mod sets.
  SetStackDistance(uint64_t sets, unsigned max_ways);
  void use(uint64_t key) {
    ++uses_;
    uint64_t* const set = &keys_[key % sets_ * max_ways_];
    const uint64_t wanted = key + 1;  // 0 marks a free place
    if (set[0] == wanted) [[likely]] {
      ++found_[0];
      return;
    }
    use_deeper(set, wanted);
  }
  uint64_t uses() const { return uses_; }
  /// Of a structure with these sets and `ways` ways, 1 to max_ways.
  uint64_t misses(unsigned ways) const;
  uint64_t sets() const { return sets_; }
  unsigned max_ways() const { return max_ways_; }

 private:
  void use_deeper(uint64_t* set, uint64_t wanted);

  uint64_t sets_;
  unsigned max_ways_;
  std::vector<uint64_t> keys_;   // of each set, most recently used first
  std::vector<uint64_t> found_;  // by depth
  uint64_t uses_ = 0;
};

/// Geometry of one TLB for one page size.
struct TlbGeometry {
  PageSize page_size = PageSize::k4K;
  uint64_t entries = 64;
  unsigned ways = 4;  ///< entries = ways x sets; entries: fully associative

  uint64_t sets() const { return entries / ways; }
};

/// Exact miss counts of many LRU TLBs in one pass over the accesses. Each TLB stands alone: it sees every lookup and
/// maps everything with pages of its size. An access is one lookup; one that crosses a 4 KiB boundary is two, lower
/// page first.
class TlbMissCurves {
 public:
  /// Throws InputError if the ways of a geometry do not divide its entries.
  explicit TlbMissCurves(std::vector<TlbGeometry> geometries);

  void access(const MemAccess& access) {
    const uint64_t first = access.va.raw();
    const uint64_t last = first + (access.bytes - 1U);
    lookup(first);
    if (first >> kPageShift != last >> kPageShift) lookup(last);
  }
  uint64_t lookups() const { return uses_ + repeats_; }
  const std::vector<TlbGeometry>& geometries() const { return geometries_; }
  /// Misses of geometry number `index`.
  uint64_t misses(size_t index) const;

 private:
  /// All geometries of one page size and number of sets; fully associative ones over kMaxListWays use the tree.
  struct Group {
    PageSize page_size;
    SetStackDistance sets;
  };
  struct FullGroup {
    PageSize page_size;
    StackDistance stack;
    std::vector<uint64_t> found;  // by distance, up to the largest geometry
    uint64_t last = 0;            // page + 1 of the last lookup
  };
  /// One into the 4 KiB of the lookup before hits everywhere, and leaves the order of use as it is.
  void lookup(uint64_t va) {
    const uint64_t page = va >> kPageShift;
    if (page == last_page_) {
      ++repeats_;
    } else {
      last_page_ = page;
      use(va);
    }
  }
  void use(uint64_t va);
  void use_full(FullGroup& group, uint64_t va);

  std::vector<TlbGeometry> geometries_;
  std::vector<Group> groups_;
  std::vector<FullGroup> full_groups_;
  std::vector<size_t> group_of_;  // index into groups_, or groups_.size() + index into full_groups_
  uint64_t last_page_ = ~uint64_t{0};
  uint64_t uses_ = 0, repeats_ = 0;  // lookups of another page than the one before, and of the same
};

}  // namespace mmusim
