// SPDX-License-Identifier: MIT
#include "models/base/set_array.h"

#include <algorithm>

namespace mmusim {

namespace {
constexpr unsigned kSkylakeGroups = 3;
constexpr unsigned kSkylakeGroupWays = 4;
constexpr unsigned kMaxEntries = 1u << 26;
}  // namespace

void read_replacement(ConfigReader& reader, ConfigKey key, Geometry& geometry) {
  reader.read_enum<Replacement>(key, geometry.replacement,
                                {{"lru", Replacement::kLru},
                                 {"tree_plru", Replacement::kTreePlru},
                                 {"skylake", Replacement::kSkylake},
                                 {"random", Replacement::kRandom},
                                 {"srrip", Replacement::kSrrip},
                                 {"drrip", Replacement::kDrrip},
                                 {"ship", Replacement::kShip}});
  const unsigned ways = geometry.ways;
  reader.check(geometry.replacement != Replacement::kTreePlru || (std::has_single_bit(ways) && ways <= 32), key.name,
               "tree_plru needs a power of two of at most 32 ways, got {}", ways);
  reader.check(geometry.replacement != Replacement::kSkylake || ways == kSkylakeGroups * kSkylakeGroupWays, key.name,
               "skylake needs 12 ways, got {}", ways);
  reader.check(geometry.replacement != Replacement::kDrrip || geometry.sets() >= Rrip::kLeastGroup, key.name,
               "drrip needs {} sets or more, got {}", Rrip::kLeastGroup, geometry.sets());
}

void read_geometry(ConfigReader& reader, Geometry& geometry) {
  reader.read({"entries", "Entries of the structure.", "entries"}, geometry.entries, 1, kMaxEntries);
  if (!reader.has("ways") && reader.has("entries")) geometry.ways = geometry.entries;
  reader.read({"ways", "Entries of a set; they divide the entries.", "entries", "as entries: fully associative"},
              geometry.ways, 1, 4096);
  reader.read_enum<IndexHash>({"index_hash", "How an address picks a set: its low bits, or groups of bits XORed."},
                              geometry.hash,
                              {{"linear", IndexHash::kLinear}, {"xor7", IndexHash::kXor7}, {"xor8", IndexHash::kXor8}});
  const unsigned ways = geometry.ways;
  reader.check(ways != 0 && geometry.entries % std::max(ways, 1u) == 0, "ways", "{} ways do not divide {} entries",
               ways, geometry.entries);
  read_replacement(reader, {"replacement", "Rule that picks the entry of a full set that makes room."}, geometry);
  reader.check(geometry.hash != IndexHash::kXor7 || geometry.sets() == 128, "index_hash", "xor7 needs 128 sets, got {}",
               geometry.sets());
  reader.check(geometry.hash != IndexHash::kXor8 || geometry.sets() == 256, "index_hash", "xor8 needs 256 sets, got {}",
               geometry.sets());
}

SetArray::SetArray(const Geometry& geometry, uint64_t seed, uint64_t digest_mask, unsigned region_shift)
    : geometry_(geometry),
      ways_(geometry.ways),
      way_shift_(static_cast<unsigned>(std::bit_width(geometry.ways - 1U))),
      way_mask_((1U << way_shift_) - 1),
      sets_(geometry.sets()),
      set_mask_(sets_ - 1),
      masked_(geometry.hash == IndexHash::kLinear && std::has_single_bit(sets_)),
      digest_mask_(digest_mask),
      region_shift_(region_shift),
      random_(seed | 1) {
  MMUSIM_INVARIANT(ways_ != 0 && geometry.entries % ways_ == 0, "geometry was checked when it was read");
  switch (geometry.replacement) {
    case Replacement::kLru:
      order_ = ways_ <= kQueueWays ? Order::kQueue : Order::kList;
      last_shift_ = 4 * (std::min(ways_, kQueueWays) - 1);
      queue_mask_ = (uint64_t{16} << last_shift_) - 1;
      break;
    case Replacement::kTreePlru:
    case Replacement::kSkylake:
      order_ = geometry.replacement == Replacement::kTreePlru ? Order::kTree : Order::kGroups;
      build_tree();
      break;
    case Replacement::kRandom:
      break;
    case Replacement::kSrrip:
    case Replacement::kDrrip:
    case Replacement::kShip:
      order_ = Order::kPredicted;
      break;
  }
  const unsigned lanes = (ways_ + kLanes - 1) / kLanes * kLanes;
  keys_at_ = kDigestsAt + lanes * static_cast<unsigned>(sizeof(uint16_t)) / static_cast<unsigned>(sizeof(uint64_t));
  links_at_ = keys_at_ + (1U << way_shift_);
  const unsigned words = links_at_ + (order_ == Order::kList ? (ways_ + 1) / 2 : 0);
  constexpr unsigned kWordsPerLine = sizeof(Line) / sizeof(uint64_t);
  lines_per_set_ = (words + kWordsPerLine - 1) / kWordsPerLine;
  lines_.resize(size_t{sets_} * lines_per_set_);
  begin_orders();
  begin_predictor();
}

namespace {

/// Ways before and after one in a list, in the order of use.
struct Links {
  uint16_t before;
  uint16_t after;
};

Links load_links(const uint64_t* words, unsigned way) {
  Links links;
  std::memcpy(&links, reinterpret_cast<const std::byte*>(words) + sizeof links * way, sizeof links);
  return links;
}

void store_links(uint64_t* words, unsigned way, Links links) {
  std::memcpy(reinterpret_cast<std::byte*>(words) + sizeof links * way, &links, sizeof links);
}

/// Masks that a use applies to a tree of pseudo-LRU bits.
struct TreeBits {
  uint64_t all = 0;  ///< bits on the path
  uint64_t set = 0;  ///< those that are 1 after a use
};

TreeBits tree_path(unsigned way, unsigned ways) {
  TreeBits bits;
  unsigned node = 1;
  for (unsigned half = ways / 2; half != 0; half /= 2) {
    const unsigned right = (way & half) != 0 ? 1 : 0;
    bits.all |= uint64_t{1} << node;
    bits.set |= uint64_t{1 - right} << node;
    node = 2 * node + right;
  }
  return bits;
}

}  // namespace

/// Masks that each touch applies to the order word. The Skylake form has its groups' trees in a byte each.
void SetArray::build_tree() {
  for (unsigned way = 0; way < ways_; ++way) {
    if (geometry_.replacement == Replacement::kTreePlru) {
      const TreeBits bits = tree_path(way, ways_);
      tree_keeps_[way] = ~bits.all;
      tree_sets_[way] = bits.set;
    } else {
      const uint64_t group = way / kSkylakeGroupWays;
      const TreeBits bits = tree_path(way % kSkylakeGroupWays, kSkylakeGroupWays);
      tree_keeps_[way] = ~(bits.all << (8 * group) | uint64_t{3} << kGroupShift);
      tree_sets_[way] = bits.set << (8 * group) | group << kGroupShift;
    }
  }
}

/// The list is a ring: before the first comes the last, which becomes the first by turning the ring.
void SetArray::to_front_of_list(uint64_t* words, unsigned way) {
  uint64_t& order = words[kOrderAt];
  uint64_t* const links = words + links_at_;
  const auto first = static_cast<uint16_t>(order);
  const auto last = static_cast<uint16_t>(order >> 16);
  if (first == way) return;
  const Links mine = load_links(links, way);
  uint16_t new_last = last;
  if (way == last) {
    new_last = mine.before;
  } else {
    store_links(links, mine.before, {load_links(links, mine.before).before, mine.after});
    store_links(links, mine.after, {mine.before, load_links(links, mine.after).after});
    store_links(links, last, {load_links(links, last).before, static_cast<uint16_t>(way)});
    store_links(links, first, {static_cast<uint16_t>(way), load_links(links, first).after});
    store_links(links, way, {last, first});
  }
  order = (order & ~uint64_t{0xffffffff}) | uint64_t{new_last} << 16 | way;
}

void SetArray::to_back_of_list(uint64_t* words, unsigned way) {
  uint64_t& order = words[kOrderAt];
  if (static_cast<uint16_t>(order >> 16) == way) return;
  to_front_of_list(words, way);
  const uint16_t next = load_links(words + links_at_, way).after;
  order = (order & ~uint64_t{0xffffffff}) | uint64_t{way} << 16 | next;
}

/// The queue with `way` in the nibble at `shift`; the ways that were used before it move up.
uint64_t SetArray::to_place(uint64_t queue, unsigned way, unsigned shift) {
  queue = to_front(queue, way);
  const uint64_t moved = shift == 60 ? ~uint64_t{0} : (uint64_t{1} << (shift + 4)) - 1;
  return (queue & ~moved) | (queue & moved) >> 4 | uint64_t{way} << shift;
}

void SetArray::demote(unsigned slot) {
  uint64_t* const words = block(slot >> way_shift_);
  const unsigned way = slot & way_mask_;
  uint64_t& order = words[kOrderAt];
  switch (order_) {
    case Order::kQueue: {  // empty ways stay behind it
      const auto* keys = words + keys_at_;
      order = to_place(order, way, last_shift_ - 4 * static_cast<unsigned>(std::count(keys, keys + ways_, 0U)));
      break;
    }
    case Order::kList:
      to_back_of_list(words, way);
      break;
    case Order::kTree:
    case Order::kGroups:
      order = (order & tree_keeps_[way]) | (~tree_keeps_[way] & ~tree_sets_[way]);
      if (geometry_.replacement == Replacement::kSkylake) {  // the next group after the one used last is its own
        const uint64_t before = (way / kSkylakeGroupWays + kSkylakeGroups - 1) % kSkylakeGroups;
        order = (order & ~(uint64_t{3} << kGroupShift)) | before << kGroupShift;
      }
      break;
    case Order::kNone:
      break;
    case Order::kPredicted:
      predictor_->demote(slot, slot - way, ways_);
      break;
  }
}

void SetArray::erase(unsigned slot) {
  uint64_t* const words = block(slot >> way_shift_);
  const unsigned way = slot & way_mask_;
  uint64_t& order = words[kOrderAt];
  if (order_ == Order::kQueue) {
    order = to_place(order, way, last_shift_);
  } else if (words[keys_at_ + way] != 0) {
    order += kOneEmpty;
  }
  words[keys_at_ + way] = 0;
  set_digest(words, way, 0);
}

unsigned SetArray::folded(uint64_t index) const {
  if (geometry_.hash == IndexHash::kLinear) return static_cast<unsigned>(index % sets_);
  const unsigned bits = geometry_.hash == IndexHash::kXor7 ? 7 : 8;
  uint64_t folded = 0;
  for (; index != 0; index >>= bits) folded ^= index;
  return static_cast<unsigned>(folded & set_mask_);
}

unsigned SetArray::victim_way(const uint64_t* words) {
  const uint64_t order = words[kOrderAt];
  if (order >> kEmptyShift != 0) return empty_way(words + keys_at_);
  switch (geometry_.replacement) {
    case Replacement::kLru:
    case Replacement::kTreePlru:
      break;  // known where it is asked for
    case Replacement::kSkylake: {
      const auto group = static_cast<unsigned>((order >> kGroupShift & 3) + 1) % kSkylakeGroups;
      return group * kSkylakeGroupWays + tree_victim(order >> (8 * group) & 0xff, kSkylakeGroupWays);
    }
    case Replacement::kRandom:
      random_ ^= random_ << 13;
      random_ ^= random_ >> 7;
      random_ ^= random_ << 17;
      return static_cast<unsigned>(random_ % ways_);
    case Replacement::kSrrip:
    case Replacement::kDrrip:
    case Replacement::kShip:
      break;  // take_predicted()
  }
  internal_error(__FILE__, __LINE__, "unknown replacement policy");
}

/// Returns the first empty way of a set that has one, by its keys.
unsigned SetArray::empty_way(const uint64_t* keys) {
  unsigned way = 0;
  while (keys[way] != 0) ++way;
  return way;
}

unsigned SetArray::take_predicted(unsigned set, uint64_t key) {
  uint64_t* const words = block(set);
  const unsigned first = set << way_shift_;
  unsigned way;
  if (words[kOrderAt] >> kEmptyShift != 0) {
    way = empty_way(words + keys_at_);
    words[kOrderAt] -= kOneEmpty;
  } else {
    way = predictor_->take_victim(first, ways_) - first;
  }
  predictor_->insert(first + way, set, key);
  return way;
}

/// Takes the victim of a full list: the ring turns by one, so that its last is its first.
unsigned SetArray::turn_list(uint64_t* words) {
  const unsigned last = static_cast<uint16_t>(words[kOrderAt] >> 16);
  words[kOrderAt] = uint64_t{load_links(words + links_at_, last).before} << 16 | last;
  return last;
}

void SetArray::clear() {
  std::fill(lines_.begin(), lines_.end(), Line{});
  begin_orders();
  begin_predictor();
}

void SetArray::begin_predictor() {
  if (order_ != Order::kPredicted) return;
  const Rrip::Kind kind = geometry_.replacement == Replacement::kSrrip   ? Rrip::Kind::kStatic
                          : geometry_.replacement == Replacement::kDrrip ? Rrip::Kind::kDynamic
                                                                         : Rrip::Kind::kSignature;
  predictor_.emplace(kind, sets_, slots(), region_shift_);
}

/// The order of use of sets that are all 0: empty.
void SetArray::begin_orders() {
  uint64_t order = uint64_t{ways_} << kEmptyShift;
  if (order_ == Order::kQueue) {
    order = 0;  // way 0 last, so that empty ways are taken in ascending order
    for (unsigned i = 0; i < ways_; ++i) order |= uint64_t{ways_ - 1 - i} << (4 * i);
  } else if (order_ == Order::kList) {
    order |= uint64_t{ways_ - 1} << 16;
  } else if (geometry_.replacement == Replacement::kSkylake) {
    order |= uint64_t{kSkylakeGroups - 1} << kGroupShift;
  }
  for (unsigned set = 0; set < sets_; ++set) {
    uint64_t* const words = block(set);
    words[kOrderAt] = order;
    for (unsigned way = 0; order_ == Order::kList && way < ways_; ++way) {
      store_links(words + links_at_, way,
                  {static_cast<uint16_t>((way + ways_ - 1) % ways_), static_cast<uint16_t>((way + 1) % ways_)});
    }
  }
}

}  // namespace mmusim
