// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/base/access.h"

namespace mmusim {

/// The stores of a window between dispatch and the arrival of their lines, for loads that read what they write. State
/// only.
///
/// A store leaves when it has retired and its line is there.
class StoreQueue {
 public:
  explicit StoreQueue(unsigned capacity) : stores_(capacity) {
    for (unsigned i = capacity; i > 0; --i) free_.push_back(i - 1);
  }

  using Index = unsigned;
  static constexpr Index kNone = ~0U;

  struct Store {
    uint64_t number = 0;  ///< of the access; 0: no store
    MemAccess access;
    CycleTime dispatched;
    bool translated = false;
    bool written = false;  ///< its line is there: note_written()
    bool retired = false;
    std::vector<uint64_t> waiting;  ///< accesses that start when it is written
  };

  bool full() const { return free_.empty(); }
  /// True if the lines of all stores are there: no load can overlap one.
  bool all_written() const { return unwritten_.empty(); }
  /// Appends a store that is younger than all others; there is room.
  Index push(uint64_t number, const MemAccess& access, CycleTime dispatched);
  Store& operator[](Index i) { return stores_[i]; }
  /// Notes that the line of a store is there.
  void note_written(Index i);
  /// Removes a store that has retired and is written.
  void remove(Index i) {
    stores_[i].number = 0;
    free_.push_back(i);
  }

  /// The youngest store not yet written that writes some of the bytes of `access`, which is younger than all of them.
  struct Overlap {
    Index store = kNone;
    bool contained = false;  ///< it writes all of them
  };
  Overlap youngest_overlap(const MemAccess& access) const {
    // perf: most loads read no line that such a store writes
    if (access.bytes <= kLineBytes && in_line_[hash_of(access.va)] == 0 &&
        in_line_[hash_of(access.va + (access.bytes - 1U))] == 0)
      return {};
    return search(access);
  }

 private:
  static constexpr unsigned kHashBits = 8;

  static size_t hash_of(VirtAddr va) { return (va.raw() >> kLineShift) * 0x9e3779b97f4a7c15 >> (64 - kHashBits); }
  /// Adds to the counts of the lines of a store; `by` is 1 or -1.
  void count_lines(const MemAccess& access, int by);
  Overlap search(const MemAccess& access) const;

  std::vector<Store> stores_;
  std::vector<Index> free_;
  std::vector<Index> unwritten_;                       // oldest first
  std::array<int, size_t{1} << kHashBits> in_line_{};  // of these, by hash of the lines they write
};

}  // namespace mmusim
