// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "models/x86/control.h"

namespace mmusim::test {

/// One entry of the random tables.
struct TableEntry {
  PhysAddr pa;
  unsigned level = 0;
  VirtAddr va;  ///< the first address it covers
  bool user_half = true;
};

/// Random page tables over a few regions of an address space: every level, every page size, every flag, some entries
/// absent, some with reserved bits. `Store` is called as store(pa, value).
class RandomTables {
 public:
  RandomTables(const ControlState& control, std::mt19937_64& random) : control_(control), random_(random) {}

  /// Builds tables below `root`. In the upper half the top entries are marked accessed from the start.
  template <class Store>
  void build(PhysAddr root, Store&& store) {
    const unsigned top = control_.mode() == PagingMode::kPae ? 2 : control_.levels();
    fill(top, root, VirtAddr(0), top, store);
  }

  const std::vector<TableEntry>& entries() const { return entries_; }
  /// An entry for `level` that points to `table` or maps some page below 2 GiB.
  uint64_t random_entry(unsigned level, PhysAddr table, bool user_half);
  /// One of a few addresses that come again, else one that some entry covers, or now and then any other one.
  VirtAddr random_address();
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  PhysAddr next_table() { return PhysAddr(next_ += 0x1000); }

 private:
  /// Slots of a table that are filled: a few runs at both ends.
  std::vector<unsigned> slots(unsigned level) const {
    if (level == 1) return {0, 1, 2, 3, 4, 5, 6, 7, 62, 63, 510, 511};
    if (level == control_.levels() && is_long_mode(control_.mode())) return {0, 511};
    return {0, 1, 2, 511};
  }

  template <class Store>
  void fill(unsigned level, PhysAddr table, VirtAddr base, unsigned top, Store& store) {
    for (const unsigned slot : slots(level)) {
      const uint64_t offset = uint64_t{slot} << control_.rules(level).shift;
      VirtAddr va(base.raw() + offset);
      if (is_long_mode(control_.mode())) {
        const unsigned spare = 64 - control_.linear_bits();
        va = VirtAddr(static_cast<uint64_t>(static_cast<int64_t>(va.raw() << spare) >> spare));
      }
      const bool user_half = static_cast<int64_t>(va.raw()) >= 0;
      const PhysAddr pa = table + uint64_t{slot} * control_.entry_bytes();
      const PhysAddr below = next_table();
      const uint64_t entry = random_entry(level, below, user_half);
      store(pa, level == top && !user_half ? entry | pte::kAccessed : entry);
      entries_.push_back({pa, level, va, user_half});
      const bool leaf = (entry & control_.rules(level).leaf_bit) != 0;
      if (level > 1 && !leaf) fill(level - 1, below, va, top, store);
    }
  }

  static constexpr size_t kHot = 48;
  VirtAddr cold_address();

  const ControlState& control_;
  std::mt19937_64& random_;
  std::vector<VirtAddr> hot_;
  std::vector<TableEntry> entries_;
  uint64_t next_ = 0x10'0000;
};

inline uint64_t RandomTables::random_entry(unsigned level, PhysAddr table, bool user_half) {
  const ControlState::LevelRules& rules = control_.rules(level);
  uint64_t entry = 0;
  const auto maybe = [&](unsigned percent, uint64_t bits) { entry |= chance(percent) ? bits : 0; };
  maybe(96, pte::kPresent);
  maybe(88, pte::kWritable);
  maybe(user_half ? 92 : 15, pte::kUser);
  maybe(5, pte::kWriteThrough);
  maybe(3, pte::kCacheDisable);
  maybe(70, pte::kAccessed);
  maybe(30, pte::kDirty);
  const bool wide = control_.entry_bytes() == 8;
  if (wide) maybe(10, pte::kNoExecute);
  const bool leaf = level == 1 || (rules.leaf_bit != 0 && chance(level == 2 ? 25 : 10));
  if (!leaf) {
    entry |= table.raw();
  } else {
    if (level > 1) entry |= pte::kPageSize;
    entry |= random_() & rules.frame_mask & 0xffff'ffff & ~uint64_t{0x8000'0000};
    maybe(10, uint64_t{1} << rules.pat_shift);
    if (!user_half) maybe(50, pte::kGlobal);
    if (is_long_mode(control_.mode())) entry |= (random_() & pte::kKeyMask) << pte::kKeyShift;
  }
  const uint64_t reserved = rules.reserved[leaf ? 1 : 0] & ~rules.leaf_bit;
  if (reserved != 0 && chance(2)) entry |= reserved & (~reserved + 1);
  return entry;
}

inline VirtAddr RandomTables::random_address() {
  if (hot_.size() == kHot && chance(70)) return hot_[random_() % kHot] + random_() % 64;
  const VirtAddr va = cold_address();
  if (hot_.size() < kHot) {
    hot_.push_back(va);
  } else if (chance(10)) {
    hot_[random_() % kHot] = va;
  }
  return va;
}

inline VirtAddr RandomTables::cold_address() {
  if (chance(3)) return VirtAddr(random_());
  const TableEntry& entry = entries_[random_() % entries_.size()];
  const uint64_t span = uint64_t{1} << control_.rules(entry.level).shift;
  const uint64_t near = chance(70) ? random_() % kPageBytes + random_() % 16 * kPageBytes : random_();
  return entry.va + near % span;
}

}  // namespace mmusim::test
