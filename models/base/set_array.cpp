// SPDX-License-Identifier: MIT
#include "models/base/set_array.h"

#include <algorithm>

namespace mmusim {

namespace {
constexpr unsigned kSkylakeGroups = 3;
constexpr unsigned kSkylakeGroupWays = 4;
constexpr unsigned kMaxEntries = 1u << 26;
}  // namespace

void read_geometry(ConfigReader& reader, Geometry& geometry) {
  reader.read("entries", geometry.entries, 1, kMaxEntries);
  if (!reader.has("ways") && reader.has("entries")) geometry.ways = geometry.entries;
  reader.read("ways", geometry.ways, 1, 4096);
  reader.read_enum<Replacement>("replacement", geometry.replacement,
                                {{"lru", Replacement::kLru},
                                 {"tree_plru", Replacement::kTreePlru},
                                 {"skylake", Replacement::kSkylake},
                                 {"random", Replacement::kRandom}});
  reader.read_enum<IndexHash>("index_hash", geometry.hash,
                              {{"linear", IndexHash::kLinear}, {"xor7", IndexHash::kXor7}, {"xor8", IndexHash::kXor8}});
  const unsigned ways = geometry.ways;
  reader.check(ways != 0 && geometry.entries % std::max(ways, 1u) == 0, "ways", "{} ways do not divide {} entries",
               ways, geometry.entries);
  reader.check(geometry.replacement != Replacement::kTreePlru || (std::has_single_bit(ways) && ways <= 32),
               "replacement", "tree_plru needs a power of two of at most 32 ways, got {}", ways);
  reader.check(geometry.replacement != Replacement::kSkylake || ways == kSkylakeGroups * kSkylakeGroupWays,
               "replacement", "skylake needs 12 ways, got {}", ways);
  reader.check(geometry.hash != IndexHash::kXor7 || geometry.sets() == 128, "index_hash", "xor7 needs 128 sets, got {}",
               geometry.sets());
  reader.check(geometry.hash != IndexHash::kXor8 || geometry.sets() == 256, "index_hash", "xor8 needs 256 sets, got {}",
               geometry.sets());
}

SetArray::SetArray(const Geometry& geometry, uint64_t seed)
    : geometry_(geometry),
      ways_(geometry.ways),
      padded_ways_((geometry.ways + kLanes - 1) / kLanes * kLanes),
      sets_(geometry.sets()),
      set_mask_(sets_ - 1),
      power_of_two_(std::has_single_bit(sets_)),
      last_shift_(4 * (ways_ - 1)),
      random_(seed | 1),
      keys_(geometry.entries, 0) {
  MMUSIM_INVARIANT(ways_ != 0 && geometry.entries % ways_ == 0, "geometry was checked when it was read");
  digests_.resize(size_t{sets_} * padded_ways_);
  switch (geometry.replacement) {
    case Replacement::kLru:
      order_ = ways_ <= kQueueWays ? Order::kQueue : Order::kStamps;
      if (order_ == Order::kQueue) queues_.resize(sets_);
      if (order_ == Order::kStamps) stamps_.resize(geometry.entries);
      break;
    case Replacement::kTreePlru:
      order_ = Order::kTree;
      trees_.assign(sets_, 0);
      break;
    case Replacement::kSkylake:
      order_ = Order::kTree;
      trees_.assign(size_t{sets_} * kSkylakeGroups, 0);
      mru_group_.assign(sets_, kSkylakeGroups - 1);
      break;
    case Replacement::kRandom:
      order_ = Order::kNone;
      break;
  }
  clear();
}

void SetArray::to_back(unsigned slot) {
  to_front(slot);
  uint64_t& queue = queues_[slot / ways_];
  const uint64_t used = last_shift_ == 60 ? ~uint64_t{0} : (uint64_t{1} << (last_shift_ + 4)) - 1;
  const uint64_t way = queue & 15;
  queue = (queue & ~used) | (queue & used) >> 4 | way << last_shift_;
}

void SetArray::erase(unsigned slot) {
  keys_[slot] = 0;
  digest(slot) = 0;
  if (order_ == Order::kQueue) to_back(slot);
  if (order_ == Order::kStamps) stamps_[slot] = 0;
}

unsigned SetArray::hashed(uint64_t index) const {
  const unsigned bits = geometry_.hash == IndexHash::kXor7 ? 7 : 8;
  uint64_t folded = 0;
  for (; index != 0; index >>= bits) folded ^= index;
  return static_cast<unsigned>(folded & set_mask_);
}

// A tree of ways-1 bits, root at bit 1, children of node n at 2n and 2n+1; a bit points to the half used longer ago.
uint32_t SetArray::tree_touched(uint32_t tree, unsigned way, unsigned ways) {
  unsigned node = 1;
  for (unsigned half = ways / 2; half != 0; half /= 2) {
    const unsigned right = (way & half) != 0 ? 1 : 0;
    tree = (tree & ~(1u << node)) | ((1u - right) << node);
    node = 2 * node + right;
  }
  return tree;
}

unsigned SetArray::tree_victim(uint32_t tree, unsigned ways) const {
  unsigned node = 1;
  while (node < ways) node = 2 * node + ((tree >> node) & 1u);
  return node - ways;
}

void SetArray::touch_tree(unsigned slot) {
  const unsigned set = slot / ways_, way = slot % ways_;
  if (geometry_.replacement == Replacement::kTreePlru) {
    trees_[set] = tree_touched(trees_[set], way, ways_);
  } else if (geometry_.replacement == Replacement::kSkylake) {
    const unsigned group = way / kSkylakeGroupWays;
    uint32_t& tree = trees_[size_t{set} * kSkylakeGroups + group];
    tree = tree_touched(tree, way % kSkylakeGroupWays, kSkylakeGroupWays);
    mru_group_[set] = static_cast<uint8_t>(group);
  }
}

unsigned SetArray::victim_slow(unsigned set) {
  const unsigned first = set * ways_;
  if (order_ == Order::kStamps) {
    return static_cast<unsigned>(std::min_element(stamps_.begin() + first, stamps_.begin() + first + ways_) -
                                 stamps_.begin());
  }
  if (const unsigned empty = find(set, 0); empty != kNone) return empty;
  switch (geometry_.replacement) {
    case Replacement::kTreePlru:
      return first + tree_victim(trees_[set], ways_);
    case Replacement::kSkylake: {
      const unsigned group = (mru_group_[set] + 1u) % kSkylakeGroups;
      return first + group * kSkylakeGroupWays +
             tree_victim(trees_[size_t{set} * kSkylakeGroups + group], kSkylakeGroupWays);
    }
    case Replacement::kRandom:
      random_ ^= random_ << 13;
      random_ ^= random_ >> 7;
      random_ ^= random_ << 17;
      return first + static_cast<unsigned>(random_ % ways_);
    case Replacement::kLru:
      break;
  }
  internal_error(__FILE__, __LINE__, "unknown replacement policy");
}

void SetArray::clear() {
  std::fill(keys_.begin(), keys_.end(), 0);
  digests_.clear();
  std::fill(stamps_.begin(), stamps_.end(), 0);
  uint64_t queue = 0;  // way 0 last, so that empty ways are taken in ascending order
  for (unsigned i = 0; i < std::min(ways_, kQueueWays); ++i) queue |= uint64_t{ways_ - 1 - i} << (4 * i);
  std::fill(queues_.begin(), queues_.end(), queue);
}

}  // namespace mmusim
