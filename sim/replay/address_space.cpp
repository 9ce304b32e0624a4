// SPDX-License-Identifier: MIT
#include "sim/replay/address_space.h"

#include <charconv>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"

namespace mmusim {

namespace {

FramePoolConfig pool_config(const AddressSpaceConfig& config) {
  FramePoolConfig frames = config.frames;
  if (config.page_map) frames.gigabytes = config.page_map->gigabyte_pages();
  if (config.pages == MappingPolicy::k1G) frames.gigabytes = FramePoolConfig::kAllGigabytes;
  return frames;
}

constexpr uint64_t kTableFlags = pte::kPresent | pte::kWritable | pte::kUser | pte::kAccessed;
constexpr uint64_t kLeafFlags = pte::kPresent | pte::kWritable | pte::kAccessed | pte::kDirty;
constexpr unsigned kMaxPcids = 4096;
constexpr double kDraws = 9007199254740992.0;  // 2^53

bool is_upper_half(VirtAddr va) { return va.raw() >> 63 != 0; }

/// The number after "name:"; 0 to 1.
double parse_fraction(std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
    throw InputError(fmt::format("{}: got \"{}\", expected a number from 0 to 1", option, text));
  }
  return value;
}

}  // namespace

void parse_page_policy(std::string_view text, AddressSpaceConfig& config) {
  if (text == "4K") {
    config.pages = MappingPolicy::k4K;
  } else if (text == "2M") {
    config.pages = MappingPolicy::k2M;
  } else if (text == "1G") {
    config.pages = MappingPolicy::k1G;
  } else if (text == "thp" || text.starts_with("thp:")) {
    config.pages = MappingPolicy::kThp;
    if (text != "thp") config.thp_probability = parse_fraction("--pages thp", text.substr(4));
  } else {
    throw InputError(fmt::format("--pages: got \"{}\", expected 4K, 2M, 1G, thp or thp:PROBABILITY", text));
  }
}

void parse_frame_order(std::string_view text, FramePoolConfig& config) {
  constexpr std::string_view kFragmented = "fragmented";
  if (text == "sequential") {
    config.order = FrameOrder::kSequential;
  } else if (text == "random") {
    config.order = FrameOrder::kRandom;
  } else if (text == kFragmented || text.starts_with("fragmented:")) {
    config.order = FrameOrder::kFragmented;
    if (text != kFragmented) {
      config.fragmentation = parse_fraction("--frames fragmented", text.substr(kFragmented.size() + 1));
    }
  } else {
    throw InputError(
        fmt::format("--frames: got \"{}\", expected sequential, random, fragmented or fragmented:INDEX", text));
  }
}

AddressSpaces::AddressSpaces(PhysMem& memory, const AddressSpaceConfig& config)
    : memory_(memory), config_(config), page_map_(config.page_map), frames_(pool_config(config)) {
  MMUSIM_INVARIANT(config_.levels == 4 || config_.levels == 5, "levels");
  kernel_root_ = frames_.take_table();
  ++counts_.tables;
  // The first process uses the shared table itself: most traces have one process only.
  space_ = &spaces_[0];
  space_->root = kernel_root_;
}

void AddressSpaces::switch_to(uint64_t id) {
  const auto [at, is_new] = spaces_.try_emplace(id);
  if (is_new) {
    at->second.root = frames_.take_table();
    at->second.pcid = static_cast<uint16_t>((spaces_.size() - 1) % kMaxPcids);
    ++counts_.tables;
    const uint64_t half = kPageBytes / 2;
    for (uint64_t offset = half; offset < kPageBytes; offset += kEntryBytes) {
      const uint64_t entry = memory_.load64(kernel_root_ + offset);
      if (entry != 0) memory_.store64(at->second.root + offset, entry);
    }
  }
  if (space_ != &at->second) forget_cache();
  space_ = &at->second;
}

void AddressSpaces::check_canonical(VirtAddr va) const {
  const unsigned bits = config_.levels == 5 ? 57 : 48;
  if (!is_canonical(va, bits)) {
    throw InputError(fmt::format("address {} of the trace is not canonical with {} levels", va, config_.levels));
  }
}

/// The table that the entry for `va` in `table` (of `level`) points to; made if there is none.
PhysAddr AddressSpaces::table_below(PhysAddr table, unsigned level, VirtAddr va) {
  const PhysAddr at = table + level_index(va, level) * uint64_t{kEntryBytes};
  const uint64_t entry = memory_.load64(at);
  if ((entry & pte::kPresent) != 0) return entry_address(entry);
  const PhysAddr below = frames_.take_table();
  ++counts_.tables;
  memory_.store64(at, below.raw() | kTableFlags);
  return below;
}

unsigned AddressSpaces::leaf_level(VirtAddr va) {
  const unsigned level = leaf_level_of_policy(va);
  return page_map_ ? page_map_->leaf_level(va, level) : level;
}

unsigned AddressSpaces::leaf_level_of_policy(VirtAddr va) const {
  switch (config_.pages) {
    case MappingPolicy::k4K:
      return 1;
    case MappingPolicy::k2M:
      return 2;
    case MappingPolicy::k1G:
      return 3;
    case MappingPolicy::kThp:
      break;
  }
  const bool fragmented = config_.frames.order == FrameOrder::kFragmented;
  const double probability = config_.thp_probability * (fragmented ? 1 - config_.frames.fragmentation : 1);
  const uint64_t draw = mixed(region_tag(va), config_.frames.seed) >> 11;
  return static_cast<double>(draw) < probability * kDraws ? 2 : 1;
}

void AddressSpaces::set_leaf(PhysAddr entry, unsigned level, PhysAddr frame, VirtAddr va) {
  uint64_t value = frame.raw() | kLeafFlags;
  if (level > 1) value |= pte::kPageSize;
  if (!is_upper_half(va)) {
    value |= pte::kUser;
  } else if (config_.global_kernel_pages) {
    value |= pte::kGlobal;
  }
  memory_.store64(entry, value);
}

/// The table below the top-level entry of the shared upper half. An entry that is made is given to every process at once:
/// global translations are used in all of them.
PhysAddr AddressSpaces::upper_half_entry(VirtAddr va) {
  const uint64_t offset = level_index(va, config_.levels) * uint64_t{kEntryBytes};
  const bool made = (memory_.load64(kernel_root_ + offset) & pte::kPresent) == 0;
  const PhysAddr below = table_below(kernel_root_, config_.levels, va);
  if (made) {
    for (const auto& [id, space] : spaces_) memory_.store64(space.root + offset, memory_.load64(kernel_root_ + offset));
  }
  return below;
}

bool AddressSpaces::ensure_mapped_slow(VirtAddr va) {
  check_canonical(va);
  PhysAddr table = is_upper_half(va) ? upper_half_entry(va) : table_below(space_->root, config_.levels, va);
  Region region{region_tag(va), {}, true};
  std::optional<unsigned> leaf;  // asked once for a new page, since a page map counts
  for (unsigned level = config_.levels - 1; level >= 1; --level) {
    const PhysAddr at = table + level_index(va, level) * uint64_t{kEntryBytes};
    const uint64_t entry = memory_.load64(at);
    const bool present = (entry & pte::kPresent) != 0;
    if (level == 1) region = {region_tag(va), table, false};
    if (present && (level == 1 || (entry & pte::kPageSize) != 0)) break;
    if (!present && !leaf) leaf = leaf_level(va);
    if (!present && level <= *leaf) {
      const PhysAddr frame = level == 1 ? frames_.take_4k() : level == 2 ? frames_.take_2m() : frames_.take_1g();
      ++(level == 1 ? counts_.pages_4k : level == 2 ? counts_.pages_2m : counts_.pages_1g);
      if (page_map_ && !page_map_->covers(va)) ++counts_.outside_map;
      set_leaf(at, level, frame, va);
      break;
    }
    table = table_below(table, level, va);
  }
  cache_[cache_slot(va)] = region;
  return leaf.has_value();
}

bool AddressSpaces::map_recorded(VirtAddr va, Pfn frame) {
  MMUSIM_INVARIANT(config_.pages == MappingPolicy::k4K, "recorded translations are those of 4 KiB pages");
  check_canonical(va);
  PhysAddr table = is_upper_half(va) ? upper_half_entry(va) : table_below(space_->root, config_.levels, va);
  for (unsigned level = config_.levels - 1; level > 1; --level) table = table_below(table, level, va);
  const PhysAddr at = table + level_index(va, 1) * uint64_t{kEntryBytes};
  const uint64_t before = memory_.load64(at);
  const bool was_present = (before & pte::kPresent) != 0;
  if (was_present && entry_address(before) == address_of(frame)) return false;
  if (!was_present) ++counts_.pages_4k;
  set_leaf(at, 1, address_of(frame), va);
  return was_present;
}

std::optional<Pfn> AddressSpaces::frame_of(VirtAddr va) const {
  PhysAddr table = space_->root;
  for (unsigned level = config_.levels; level >= 1; --level) {
    const uint64_t entry = memory_.load64(table + level_index(va, level) * uint64_t{kEntryBytes});
    if ((entry & pte::kPresent) == 0) return std::nullopt;
    const PhysAddr address = entry_address(entry);
    if (level == 1) return pfn_of(address);
    if (level <= 3 && (entry & pte::kPageSize) != 0) {
      return pfn_of(address + (va.raw() & (level_bytes(level) - 1)));
    }
    table = address;
  }
  return std::nullopt;
}

}  // namespace mmusim
