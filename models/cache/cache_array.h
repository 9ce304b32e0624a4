// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "models/base/set_array.h"
#include "models/base/types.h"

namespace mmusim {

/// Tags, order of use and dirty bits of a cache. State only: the data are in PhysMem, the time is with the module.
class CacheArray {
 public:
  static constexpr unsigned kNone = SetArray::kNone;

  explicit CacheArray(const Geometry& geometry) : array_(geometry, 1, ~uint64_t{0}, kRegionShift) {}

  /// Place where a line can be here; computed once for all that is done with the line.
  struct Home {
    unsigned set;
    SetArray::Tag tag;
  };
  Home home_of(PhysAddr line) const { return {set_of(line), SetArray::tag_of(key_of(line))}; }

  /// Slot that holds the line, or kNone. Does not count as a use.
  unsigned find(PhysAddr line) const { return find(home_of(line)); }
  unsigned find(const Home& home) const { return array_.find(home.set, home.tag, home.tag.key); }
  void prefetch(PhysAddr line) const { array_.prefetch_whole(set_of(line)); }
  /// Returns the place of the line that follows the one at `home`.
  void prefetch_after(const Home& home) const {
    array_.prefetch_whole(home.set + 1 < array_.sets() ? home.set + 1 : 0);
  }
  using Place = SetArray::Place;
  Place place(unsigned slot) { return array_.place(slot); }
  /// Returns true if the slot at `place` holds the line that `pa` lies in.
  static bool holds(const Place& place, PhysAddr pa) { return SetArray::holds(place, key_of(pa)); }
  void touch(const Place& place) { array_.touch(place); }
  static void mark_dirty(const Place& place) { SetArray::mark(place); }
  static bool dirty(const Place& place) { return SetArray::marked(place); }

  void touch(unsigned slot) { array_.touch(slot); }
  void mark_dirty(unsigned slot) { array_.mark(slot); }
  void mark_clean(unsigned slot) { array_.unmark(slot); }
  bool dirty(unsigned slot) const { return array_.marked(slot); }

  struct Evicted {
    PhysAddr line;
    bool valid = false;
    bool dirty = false;
  };
  /// Puts a line that is not there into its set; says what had to leave.
  Evicted fill(const Home& home, bool is_dirty) {
    const SetArray::Replaced old = array_.replace(home.set, home.tag, is_dirty);
    return {PhysAddr((old.key() >> 1) << kLineShift), old.stored != 0, old.marked()};
  }
  void erase(unsigned slot) { array_.erase(slot); }
  /// Calls `fn(line, dirty)` for each line that is here.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (unsigned slot = 0; slot < array_.slots(); ++slot) {
      const uint64_t key = array_.key(slot);
      if (key != 0) fn(PhysAddr((key >> 1) << kLineShift), array_.marked(slot));
    }
  }

 private:
  unsigned set_of(PhysAddr line) const { return array_.set_of(line.raw() >> kLineShift); }
  static uint64_t key_of(PhysAddr line) { return (line.raw() >> kLineShift) << 1 | 1; }

  static constexpr unsigned kRegionShift = 1 + 8;  // 256 lines, above the bit that says that there is a key

  SetArray array_;
};

}  // namespace mmusim
