// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "models/base/phys_mem.h"
#include "models/base/types.h"
#include "sim/replay/frame_pool.h"
#include "sim/replay/page_map.h"

namespace mmusim {

/// Page sizes that map a trace which carries only virtual addresses.
enum class MappingPolicy : uint8_t {
  k4K,
  k2M,
  k1G,
  kThp,  ///< each aligned 2 MiB region is one 2 MiB page with probability thp_probability, else 4 KiB pages
};

struct AddressSpaceConfig {
  unsigned levels = 4;  ///< 4 or 5
  MappingPolicy pages = MappingPolicy::k4K;
  double thp_probability = 1.0;     ///< kThp; with fragmented frames times (1 - fragmentation)
  bool global_kernel_pages = true;  ///< pages of the upper half have the G bit
  std::optional<PageMap> page_map;  ///< where it has a range it decides, and `pages` elsewhere
  FramePoolConfig frames;
};

/// "4K", "2M", "1G", "thp"; "thp:0.7" sets the probability as well. Throws InputError for anything else.
void parse_page_policy(std::string_view text, AddressSpaceConfig& config);
/// "sequential", "random", "fragmented"; "fragmented:0.3" sets the index as well. Throws InputError for anything else.
void parse_frame_order(std::string_view text, FramePoolConfig& config);

/// Page tables built on first touch, as real x86-64 entries in simulated memory (Intel SDM vol. 3A 4.5).
///
/// Pages of the lower half are user pages, those of the upper half supervisor pages. All are present, writable and have
/// their accessed and dirty flags set already, so that a walk never stores. Tables and frames come from one FramePool;
/// which frame a page gets depends only on the configuration and on the order of first touches. Several processes have
/// lower halves of their own and share the upper half.
class AddressSpaces {
 public:
  AddressSpaces(PhysMem& memory, const AddressSpaceConfig& config);

  /// Goes on with the lower half of process `id` (created when new). Process 0 runs at first.
  void switch_to(uint64_t id);
  /// Physical address of the top-level table of the process that runs, for CR3; its PCID: 0, 1, 2, ... in order of
  /// appearance, modulo 4096.
  PhysAddr root() const { return space_->root; }
  uint16_t pcid() const { return space_->pcid; }

  /// Maps the page of `va` if it is not mapped. Meant to be called at each TLB miss: a page mapped before costs a
  /// lookup and one load. Returns true if it was not mapped. Throws InputError for an address that is not canonical.
  bool ensure_mapped(VirtAddr va) {
    const Region& cached = cache_[cache_slot(va)];
    if (cached.tag == region_tag(va)) [[likely]] {
      if (cached.is_leaf || (memory_.load64(cached.table + entry_offset(va)) & 1) != 0) return false;
    }
    return ensure_mapped_slow(va);
  }
  /// Maps the 4 KiB page of `va` to a given frame, in place of what it was mapped to. True if that was another frame
  /// (cached translations of the page must go). Recorded translations come in this way.
  bool map_recorded(VirtAddr va, Pfn frame);
  /// The frame that the page of `va` has now (4 KiB granularity), without mapping anything.
  std::optional<Pfn> frame_of(VirtAddr va) const;

  /// Pages mapped by 4 KiB, 2 MiB, 1 GiB leaves, of them those outside all ranges of the page map; paging structures
  /// made.
  struct Counts {
    uint64_t pages_4k = 0, pages_2m = 0, pages_1g = 0, outside_map = 0, tables = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Space {
    PhysAddr root;
    uint16_t pcid = 0;
  };
  struct Region {  // 2 MiB of addresses whose tables are known
    uint64_t tag = ~uint64_t{0};
    PhysAddr table;  // level-1 table
    bool is_leaf = false;
  };
  static constexpr unsigned kCacheSlots = 4096;

  static unsigned cache_slot(VirtAddr va) { return static_cast<unsigned>(va.raw() >> 21) % kCacheSlots; }
  static uint64_t region_tag(VirtAddr va) { return va.raw() >> 21; }
  static uint64_t entry_offset(VirtAddr va) { return (va.raw() >> kPageShift & 511) * 8; }

  bool ensure_mapped_slow(VirtAddr va);
  void check_canonical(VirtAddr va) const;
  PhysAddr table_below(PhysAddr table, unsigned level, VirtAddr va);
  PhysAddr upper_half_entry(VirtAddr va);
  void set_leaf(PhysAddr entry, unsigned level, PhysAddr frame, VirtAddr va);
  unsigned leaf_level(VirtAddr va);
  unsigned leaf_level_of_policy(VirtAddr va) const;
  void forget_cache() { cache_.fill(Region()); }

  PhysMem& memory_;
  const AddressSpaceConfig config_;
  std::optional<PageMap> page_map_;  // counts down the large pages that it still has
  FramePool frames_;
  std::map<uint64_t, Space> spaces_;
  Space* space_ = nullptr;
  PhysAddr kernel_root_;  // holds the upper half for all
  std::array<Region, kCacheSlots> cache_;
  Counts counts_;
};

}  // namespace mmusim
