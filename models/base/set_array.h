// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "models/base/config.h"
#include "models/base/errors.h"

namespace mmusim {

/// Which entry of a full set makes room.
enum class Replacement : uint8_t {
  kLru,       ///< true least recently used
  kTreePlru,  ///< binary-tree pseudo-LRU; ways must be a power of two
  kSkylake,   ///< three groups of 4-way tree PLRU, victim from group (MRU group + 1) mod 3; 12 ways. TLB;DR, USENIX Security 2022
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
/// A key of 0 means empty. Plain state: no time, no statistics.
class SetArray {
 public:
  static constexpr unsigned kNone = ~0u;

  explicit SetArray(const Geometry& geometry, uint64_t seed = 1);

  unsigned slots() const { return geometry_.entries; }
  unsigned ways() const { return ways_; }
  uint64_t key(unsigned slot) const { return keys_[slot]; }

  unsigned set_of(uint64_t index) const {
    if (geometry_.hash == IndexHash::kLinear) [[likely]] {
      return static_cast<unsigned>(power_of_two_ ? index & set_mask_ : index % sets_);
    }
    return hashed(index);
  }
  /// Slot of `key` in the set, or kNone. Does not count as a use.
  unsigned find(unsigned set, uint64_t key) const {
    const uint64_t* k = keys_.data() + static_cast<size_t>(set) * ways_;
    for (unsigned w = 0; w < ways_; ++w) {
      if (k[w] == key) return set * ways_ + w;
    }
    return kNone;
  }
  /// Slot of the first of two keys found, or kNone.
  unsigned find(unsigned set, uint64_t key, uint64_t other) const {
    const uint64_t* k = keys_.data() + static_cast<size_t>(set) * ways_;
    for (unsigned w = 0; w < ways_; ++w) {
      if (k[w] == key || k[w] == other) return set * ways_ + w;
    }
    return kNone;
  }
  /// Makes `slot` the most recently used of its set.
  void touch(unsigned slot) {
    if (geometry_.replacement == Replacement::kLru) [[likely]] {
      stamps_[slot] = ++tick_;
    } else {
      touch_tree(slot);
    }
  }
  /// The slot that a fill of this set takes: an empty one if there is, else the policy's victim.
  unsigned victim(unsigned set);
  /// Puts `key` into `slot` and touches it.
  void put(unsigned slot, uint64_t key) {
    keys_[slot] = key;
    touch(slot);
  }
  void erase(unsigned slot) { keys_[slot] = 0; }
  void clear();

 private:
  unsigned hashed(uint64_t index) const;
  void touch_tree(unsigned slot);
  unsigned tree_victim(uint32_t tree, unsigned ways) const;
  static uint32_t tree_touched(uint32_t tree, unsigned way, unsigned ways);

  Geometry geometry_;
  unsigned ways_;
  unsigned sets_;
  uint64_t set_mask_;
  bool power_of_two_;
  uint64_t tick_ = 0;
  uint64_t random_;
  std::vector<uint64_t> keys_;
  std::vector<uint64_t> stamps_;    // LRU: last use of each slot
  std::vector<uint32_t> trees_;     // PLRU: one tree for each group of ways
  std::vector<uint8_t> mru_group_;  // Skylake form
};

}  // namespace mmusim
