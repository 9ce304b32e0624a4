// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/huge_pages.h"
#include "models/base/rrip.h"

namespace mmusim {

/// Rule that picks the entry of a full set which makes room.
enum class Replacement : uint8_t {
  kLru,       ///< true least recently used
  kTreePlru,  ///< binary-tree pseudo-LRU; ways must be a power of two
  kSkylake,   ///< three groups of 4-way tree PLRU, victim from group (MRU group + 1) mod 3; 12 ways. TLB;DR, USENIX
              ///< Security 2022
  kRandom,    ///< seeded, reproducible
  kSrrip,     ///< predicted re-reference intervals (rrip.h): Rrip::Kind::kStatic
  kDrrip,     ///< kDynamic
  kShip,      ///< kSignature
};

/// Rule that turns a key into a set number.
enum class IndexHash : uint8_t {
  kLinear,  ///< index mod sets
  kXor7,    ///< XOR of 7-bit groups; 128 sets. TLB;DR: Skylake STLB
  kXor8,    ///< XOR of 8-bit groups; 256 sets. TLB;DR: Broadwell STLB
};

/// Shape of a set-associative array. entries = ways means fully associative.
struct Geometry {
  unsigned entries = 0;
  unsigned ways = 0;
  Replacement replacement = Replacement::kLru;
  IndexHash hash = IndexHash::kLinear;

  unsigned sets() const { return ways == 0 ? 0 : entries / ways; }
};

/// Reads "replacement", described by `key`; checks that ways and sets, read before, suit it.
void read_replacement(ConfigReader& reader, ConfigKey key, Geometry& geometry);
/// Reads "entries", "ways" (a number, or "full"), "replacement" and "index_hash"; checks that they fit together.
/// At most 2^26 entries and 4096 ways.
void read_geometry(ConfigReader& reader, Geometry& geometry);

/// Keys and their order of use; what an entry holds is kept by the owner in arrays of its own, by slot number.
/// A key is below 2^63; 0 means empty. Each slot has one mark, free for the owner (a cache's dirty bit), which
/// put() and erase() clear. Plain state: no time, no statistics.
///
/// All that a set knows lies together, so that a lookup touches one or two cache lines of the host: a 16-bit digest of
/// each key, a word with the order of use, the keys.
class SetArray {
 public:
  static constexpr unsigned kNone = ~0u;

  static constexpr unsigned kRegionShift = 25;  // of keys with the number of what they stand for from bit 17 on

  /// Keys that are looked for together may differ only in bits outside `digest_mask`. `region_shift`: as for Rrip.
  explicit SetArray(const Geometry& geometry, uint64_t seed = 1, uint64_t digest_mask = ~uint64_t{0},
                    unsigned region_shift = kRegionShift);

  /// Slot numbers are below this. Where the ways are no power of two some are never used: their key is 0.
  unsigned slots() const { return sets_ << way_shift_; }
  unsigned sets() const { return sets_; }
  unsigned ways() const { return ways_; }
  uint64_t key(unsigned slot) const { return stored(slot) & ~kMark; }
  bool marked(unsigned slot) const { return (stored(slot) & kMark) != 0; }
  void mark(unsigned slot) { block(slot >> way_shift_)[keys_at_ + (slot & way_mask_)] |= kMark; }

  void unmark(unsigned slot) { block(slot >> way_shift_)[keys_at_ + (slot & way_mask_)] &= ~kMark; }

  unsigned set_of(uint64_t index) const {
    if (masked_) [[likely]]
      return static_cast<unsigned>(index & set_mask_);
    return folded(index);
  }
  /// A key and its digest, which preselects ways. It is computed once for each key.
  struct Tag {
    uint64_t key;
    /// 16 bits, in a word that the host stores and loads whole. Never 0, which stands for an empty way and for the
    /// lanes beyond the last way.
    uint32_t digest;
  };
  /// The tag of a key in an array with that digest mask.
  static Tag tag_of(uint64_t key, uint64_t digest_mask = ~uint64_t{0}) {
    return {key, static_cast<uint32_t>((key & digest_mask) * 0x9e3779b97f4a7c15 >> 48 | 1)};
  }

  /// Slot of `key` in the set, or kNone. Does not count as a use.
  unsigned find(unsigned set, uint64_t key) const { return find(set, tag(key), key); }
  /// Slot of the first found of a key and another one with the same digest, or kNone.
  unsigned find(unsigned set, Tag tag, uint64_t other) const {
    const uint64_t* const words = block(set);
    for (unsigned first = 0;; first += kLanes) {
      for (unsigned hits = equal_digests(words, first, tag.digest); hits != 0; hits &= hits - 1) {
        const unsigned way = first + static_cast<unsigned>(std::countr_zero(hits));
        const uint64_t found = words[keys_at_ + way] & ~kMark;
        if (found == tag.key || found == other) return set << way_shift_ | way;
      }
      if (first + kLanes >= ways_) return kNone;
    }
  }
  /// Brings the set into the host's caches.
  void prefetch(unsigned set) const { __builtin_prefetch(block(set), 1); }
  /// Prefetches the whole set, keys included, for callers that will fill it.
  void prefetch_whole(unsigned set) const {
    const uint64_t* const words = block(set);
    for (unsigned line = 0; line < lines_per_set_; ++line) __builtin_prefetch(words + line * size_t{8}, 1);
  }
  /// Makes `slot` the most recently used of its set. Doing it again, with nothing else done to the set between, changes
  /// nothing, whatever the policy.
  void touch(unsigned slot) { touch(block(slot >> way_shift_), slot & way_mask_, slot); }
  /// Where a slot lies in the memory of the host, for an owner that comes back to it often. Good as long as the array,
  /// whatever is put into the slot or taken out of it.
  struct Place {
    uint64_t* set = nullptr;  ///< the words of its set
    unsigned slot = kNone;
    uint16_t way = 0;
    uint16_t key_at = 0;  ///< the word with its key
  };
  Place place(unsigned slot) {
    const unsigned way = slot & way_mask_;
    return {block(slot >> way_shift_), slot, static_cast<uint16_t>(way), static_cast<uint16_t>(keys_at_ + way)};
  }
  /// Returns true if the slot at `place` holds `key`, which is not 0.
  static bool holds(const Place& place, uint64_t key) { return (place.set[place.key_at] ^ key) << 1 == 0; }
  static bool marked(const Place& place) { return (place.set[place.key_at] & kMark) != 0; }
  static void mark(const Place& place) { place.set[place.key_at] |= kMark; }
  void touch(const Place& place) {
    if (order_ == Order::kQueue) [[likely]] {
      use_queue(place.set[kOrderAt], place.way);
    } else {
      touch(place.set, place.way, place.slot);
    }
  }
  /// Puts a key into `slot`, which holds a key, and touches it.
  void put(unsigned slot, Tag tag) {
    uint64_t* const words = block(slot >> way_shift_);
    const unsigned way = slot & way_mask_;
    words[keys_at_ + way] = tag.key;
    set_digest(words, way, tag.digest);
    touch(words, way, slot);
  }
  void put(unsigned slot, uint64_t key) { put(slot, tag(key)); }
  /// The slot that a key took, and what had to leave it.
  struct Replaced {
    unsigned slot;
    uint64_t stored;  ///< 0: it was empty

    uint64_t key() const { return stored & ~kMark; }
    bool marked() const { return (stored & kMark) != 0; }
  };
  /// Puts a key that is not in the set into an empty slot of it if there is one, else into that of the policy's victim,
  /// and touches it; with its mark, if it gets one.
  Replaced replace(unsigned set, uint64_t key, bool marked = false) { return replace(set, tag(key), marked); }
  Replaced replace(unsigned set, Tag tag, bool marked = false) {
    uint64_t* const words = block(set);
    unsigned way;
    if (order_ == Order::kQueue) [[likely]] {
      const uint64_t queue = words[kOrderAt];
      way = static_cast<unsigned>(queue >> last_shift_);
      words[kOrderAt] = (queue << 4 & queue_mask_) | way;
    } else if (order_ != Order::kPredicted) [[likely]] {
      way = take_victim(words);
    } else {
      way = take_predicted(set, tag.key);
    }
    const Replaced replaced{set << way_shift_ | way, words[keys_at_ + way]};
    words[keys_at_ + way] = marked ? tag.key | kMark : tag.key;
    set_digest(words, way, tag.digest);
    return replaced;
  }
  /// Makes `slot`, which holds a key, the one that leaves next once its set is full. Nothing where the victim is
  /// random.
  void demote(unsigned slot);
  void erase(unsigned slot);
  void clear();

 private:
  static constexpr uint64_t kMark = uint64_t{1} << 63;
  static constexpr unsigned kQueueWays = 16;
  static constexpr unsigned kLanes = 16;       // digests compared at once
  static constexpr unsigned kTreeWays = 32;    // most that a tree of pseudo-LRU bits has
  static constexpr unsigned kEmptyShift = 48;  // number of empty ways in the order word, but for queues
  static constexpr uint64_t kOneEmpty = uint64_t{1} << kEmptyShift;
  static constexpr unsigned kOrderAt = 0;  // words of a set: order, one unused, digests, keys, links
  static constexpr unsigned kDigestsAt = 2;
  static constexpr unsigned kGroupShift = 40;  // Skylake form: group used last

  /// Form in which the order of use is kept. One word of each set, and for lists two links for each way.
  enum class Order : uint8_t {
    kQueue,      ///< LRU of up to 16 ways: a queue of 4-bit way numbers, most recent lowest, empty ones last
    kList,       ///< LRU of more ways: a list; first way in bits 0-15, last in bits 16-31
    kTree,       ///< pseudo-LRU bits
    kGroups,     ///< those of Skylake's three groups
    kNone,       ///< random
    kPredicted,  ///< by the Rrip of the array
  };
  /// A cache line of the host.
  struct alignas(64) Line {
    uint64_t word[8] = {};
  };

  const uint64_t* block(unsigned set) const { return lines_.data()[size_t{set} * lines_per_set_].word; }
  uint64_t* block(unsigned set) { return lines_.data()[size_t{set} * lines_per_set_].word; }
  uint64_t stored(unsigned slot) const { return block(slot >> way_shift_)[keys_at_ + (slot & way_mask_)]; }

  Tag tag(uint64_t key) const { return tag_of(key, digest_mask_); }
  static void set_digest(uint64_t* words, unsigned way, uint32_t value) {
    const auto digest = static_cast<uint16_t>(value);
    std::memcpy(reinterpret_cast<std::byte*>(words + kDigestsAt) + 2 * size_t{way}, &digest, sizeof digest);
  }
  /// Bit n: the digest of way first + n is `wanted`.
  static unsigned equal_digests(const uint64_t* words, unsigned first, uint32_t wanted) {
#ifdef __SSE2__
    const auto* digests = reinterpret_cast<const __m128i*>(words + kDigestsAt + first / 4);
    const __m128i pattern = _mm_set1_epi16(static_cast<short>(wanted));
    const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(digests), pattern);
    const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(digests + 1), pattern);
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#else
    uint16_t digests[kLanes];
    std::memcpy(digests, words + kDigestsAt + first / 4, sizeof digests);
    unsigned equal = 0;
    for (unsigned i = 0; i < kLanes; ++i) equal |= (digests[i] == wanted ? 1U : 0U) << i;
    return equal;
#endif
  }

  void touch(uint64_t* words, unsigned way, unsigned slot) {
    if (order_ == Order::kQueue) [[likely]] {
      use_queue(words[kOrderAt], way);
      return;
    }
    switch (order_) {
      case Order::kQueue:
        break;  // perf: done above, without a jump table on the way of most arrays
      case Order::kList:
        if (static_cast<uint16_t>(words[kOrderAt]) != way) to_front_of_list(words, way);
        break;
      case Order::kTree:
      case Order::kGroups:
        words[kOrderAt] = (words[kOrderAt] & tree_keeps_[way]) | tree_sets_[way];
        break;
      case Order::kNone:
        break;
      case Order::kPredicted:
        predictor_->use(slot);
        break;
    }
  }
  static void use_queue(uint64_t& queue, uint64_t way) {
    if ((queue & 15) != way) queue = to_front(queue, way);
  }
  static uint64_t to_front(uint64_t queue, uint64_t way) {
    if ((queue & 15) == way) return queue;
    // Find the nibble that equals `way`: the lowest zero nibble of the exclusive or. Those up to it move.
    const uint64_t x = queue ^ way * 0x1111111111111111;
    const uint64_t zero = (x - 0x1111111111111111) & ~x & 0x8888888888888888;
    const uint64_t moving = zero ^ (zero - 1);
    return (queue & ~moving) | (queue << 4 & moving) | way;
  }
  static uint64_t to_place(uint64_t queue, unsigned way, unsigned shift);
  void to_front_of_list(uint64_t* words, unsigned way);
  void to_back_of_list(uint64_t* words, unsigned way);
  unsigned turn_list(uint64_t* words);
  /// A tree of ways-1 bits, root at bit 1, children of node n at 2n and 2n+1; a bit points to the half used longer ago.
  static unsigned tree_victim(uint64_t tree, unsigned ways) {
    unsigned node = ways < 8 ? 1 : kThreeLevels[tree & 0xff];
    while (node < ways) node = 2 * node + (tree >> node & 1);
    return node - ways;
  }
  /// Ways that the first three levels of a tree lead to.
  static constexpr auto kThreeLevels = [] {
    std::array<uint8_t, 256> nodes{};
    for (unsigned tree = 0; tree < nodes.size(); ++tree) {
      unsigned node = 1;
      while (node < 8) node = 2 * node + (tree >> node & 1);
      nodes[tree] = static_cast<uint8_t>(node);
    }
    return nodes;
  }();
  /// The way that makes room, as its next key will find it: touched, and no longer empty.
  unsigned take_victim(uint64_t* words) {
    const uint64_t order = words[kOrderAt];
    const bool full = order >> kEmptyShift == 0;
    if (full && order_ == Order::kList) return turn_list(words);
    const unsigned way = order_ == Order::kTree && full ? tree_victim(order, ways_) : victim_way(words);
    if (!full && words[keys_at_ + way] == 0) words[kOrderAt] -= kOneEmpty;
    touch(words, way, kNone);
    return way;
  }
  /// As take_victim(), where a Rrip predicts what is used last.
  unsigned take_predicted(unsigned set, uint64_t key);
  unsigned victim_way(const uint64_t* words);
  static unsigned empty_way(const uint64_t* keys);
  void build_tree();
  void begin_orders();
  void begin_predictor();
  unsigned folded(uint64_t index) const;

  Geometry geometry_;
  unsigned ways_;
  unsigned way_shift_;
  unsigned way_mask_;
  unsigned sets_;
  uint64_t set_mask_;
  bool masked_;  // the index's low bits are the set
  Order order_ = Order::kNone;
  unsigned last_shift_ = 0;  // of the last nibble of a queue
  uint64_t queue_mask_ = 0;  // all nibbles of a queue
  unsigned keys_at_ = 0;
  unsigned links_at_ = 0;
  unsigned lines_per_set_ = 0;
  uint64_t digest_mask_;
  unsigned region_shift_;
  uint64_t random_;
  std::array<uint64_t, kTreeWays> tree_keeps_{};  // by way touched: bits of the order word that stay
  std::array<uint64_t, kTreeWays> tree_sets_{};   // and those that are set
  HugePageVector<Line> lines_;
  std::optional<Rrip> predictor_;
};

}  // namespace mmusim
