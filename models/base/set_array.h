// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "models/base/config.h"
#include "models/base/errors.h"

namespace mmusim {

/// Which entry of a full set makes room.
enum class Replacement : uint8_t {
  kLru,       ///< true least recently used
  kTreePlru,  ///< binary-tree pseudo-LRU; ways must be a power of two
  kSkylake,   ///< three groups of 4-way tree PLRU, victim from group (MRU group + 1) mod 3; 12 ways. TLB;DR, USENIX
              ///< Security 2022
  kRandom,    ///< seeded, reproducible
};

/// How a key becomes a set number.
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

/// Reads "entries", "ways" (a number, or "full"), "replacement" and "index_hash"; checks that they fit together.
/// At most 2^26 entries and 4096 ways.
void read_geometry(ConfigReader& reader, Geometry& geometry);

/// Keys and their order of use; what an entry holds is kept by the owner in arrays of its own, by slot number.
/// A key is below 2^63; 0 means empty. Each slot has one mark, free for the owner (a cache's dirty bit), which
/// put() and erase() clear. Plain state: no time, no statistics.
class SetArray {
 public:
  static constexpr unsigned kNone = ~0u;

  explicit SetArray(const Geometry& geometry, uint64_t seed = 1);

  unsigned slots() const { return geometry_.entries; }
  unsigned ways() const { return ways_; }
  uint64_t key(unsigned slot) const { return keys_[slot] & ~kMark; }
  bool marked(unsigned slot) const { return (keys_[slot] & kMark) != 0; }
  void mark(unsigned slot) { keys_[slot] |= kMark; }

  unsigned set_of(uint64_t index) const {
    if (geometry_.hash == IndexHash::kLinear) [[likely]] {
      return static_cast<unsigned>(power_of_two_ ? index & set_mask_ : index % sets_);
    }
    return hashed(index);
  }
  /// Slot of `key` in the set, or kNone. Does not count as a use.
  unsigned find(unsigned set, uint64_t key) const { return find(set, key, key); }
  /// Slot of the first of two keys found, or kNone. A quarter of a key, four at a time, says which ways are worth a
  /// look.
  unsigned find(unsigned set, uint64_t key, uint64_t other) const {
    const uint32_t* digests = digests_.data() + static_cast<size_t>(set) * padded_ways_;
    const unsigned first = set * ways_;
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(digest_of(key)));
    const __m128i or_wanted = _mm_set1_epi32(static_cast<int>(digest_of(other)));
    for (unsigned w = 0; w < padded_ways_; w += kLanes) {
      const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(digests + w));
      const __m128i equal = _mm_or_si128(_mm_cmpeq_epi32(four, wanted), _mm_cmpeq_epi32(four, or_wanted));
      auto hits = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(equal)));
      for (; hits != 0; hits &= hits - 1) {
        const unsigned way = w + static_cast<unsigned>(std::countr_zero(hits));
        if (way < ways_ && is(keys_[first + way], key, other)) return first + way;
      }
    }
#else
    for (unsigned w = 0; w < ways_; ++w) {
      if ((digests[w] == digest_of(key) || digests[w] == digest_of(other)) && is(keys_[first + w], key, other))
        return first + w;
    }
#endif
    return kNone;
  }
  /// Makes `slot` the most recently used of its set.
  void touch(unsigned slot) {
    switch (order_) {
      case Order::kQueue:
        to_front(slot);
        break;
      case Order::kStamps:
        stamps_[slot] = ++tick_;
        break;
      case Order::kTree:
        touch_tree(slot);
        break;
      case Order::kNone:
        break;
    }
  }
  /// The slot that a fill of this set takes: an empty one if there is, else the policy's victim.
  unsigned victim(unsigned set) {
    if (order_ == Order::kQueue) [[likely]]
      return set * ways_ + (queues_[set] >> last_shift_ & 15);
    return victim_slow(set);
  }
  /// Puts `key` into `slot` and touches it.
  void put(unsigned slot, uint64_t key) {
    keys_[slot] = key;
    digest(slot) = digest_of(key);
    touch(slot);
  }
  void erase(unsigned slot);
  void clear();

 private:
  static constexpr uint64_t kMark = uint64_t{1} << 63;
  static constexpr unsigned kQueueWays = 16;
  static constexpr unsigned kLanes = 4;

  /// 32-bit words on 16-byte boundaries.
  struct alignas(16) Four {
    uint32_t word[kLanes] = {};
  };
  class Digests {
   public:
    void resize(size_t words) { fours_.assign(words / kLanes, Four{}); }
    const uint32_t* data() const { return fours_.empty() ? nullptr : fours_.data()->word; }
    uint32_t& operator[](size_t i) { return fours_[i / kLanes].word[i % kLanes]; }
    void clear() { fours_.assign(fours_.size(), Four{}); }

   private:
    std::vector<Four> fours_;
  };
  static uint32_t digest_of(uint64_t key) {
    return static_cast<uint32_t>(key) ^ static_cast<uint32_t>(key >> 32) * 0x9e3779b1U;
  }
  static bool is(uint64_t stored, uint64_t key, uint64_t other) {
    return (stored & ~kMark) == key || (stored & ~kMark) == other;
  }
  uint32_t& digest(unsigned slot) { return digests_[size_t{slot / ways_} * padded_ways_ + slot % ways_]; }

  /// How the order of use is kept.
  enum class Order : uint8_t {
    kQueue,   ///< LRU of up to 16 ways: a queue of 4-bit way numbers in one word, most recent lowest, empty ones last
    kStamps,  ///< LRU of more ways: the time of last use, 0 for empty slots
    kTree,    ///< pseudo-LRU bits
    kNone,    ///< random
  };

  void to_front(unsigned slot) {
    const unsigned set = slot / ways_;
    const uint64_t way = slot % ways_;
    uint64_t& queue = queues_[set];
    if ((queue & 15) == way) return;
    // Find the nibble that equals `way`: the lowest zero nibble of the exclusive or.
    const uint64_t x = queue ^ way * 0x1111111111111111;
    const uint64_t zero = (x - 0x1111111111111111) & ~x & 0x8888888888888888;
    const unsigned shift = static_cast<unsigned>(std::countr_zero(zero)) & ~3U;
    const uint64_t below = (uint64_t{1} << shift) - 1;
    const uint64_t above = shift == 60 ? 0 : ~uint64_t{0} << (shift + 4);
    queue = (queue & above) | (queue & below) << 4 | way;
  }
  void to_back(unsigned slot);
  unsigned victim_slow(unsigned set);
  unsigned hashed(uint64_t index) const;
  void touch_tree(unsigned slot);
  unsigned tree_victim(uint32_t tree, unsigned ways) const;
  static uint32_t tree_touched(uint32_t tree, unsigned way, unsigned ways);

  Geometry geometry_;
  unsigned ways_;
  unsigned padded_ways_;  // a multiple of kLanes
  unsigned sets_;
  uint64_t set_mask_;
  bool power_of_two_;
  Order order_;
  unsigned last_shift_;  // of the last nibble of a queue
  uint64_t tick_ = 0;
  uint64_t random_;
  std::vector<uint64_t> keys_;
  Digests digests_;
  std::vector<uint64_t> queues_;    // by set
  std::vector<uint64_t> stamps_;    // by slot
  std::vector<uint32_t> trees_;     // PLRU: one tree for each group of ways
  std::vector<uint8_t> mru_group_;  // Skylake form
};

}  // namespace mmusim
