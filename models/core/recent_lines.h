// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "models/cache/cache_array.h"

namespace mmusim {

/// The recent-line table: where in a cache the lines are that were used lately, so that the next hit needs no search of a
/// set. The table decides nothing: each answer is checked against the key that the cache holds there now, so whatever takes
/// a line away (a fill, a flush, another core) needs to tell nobody.
class RecentLines {
 public:
  explicit RecentLines(CacheArray& cache) : cache_(cache) { places_.fill(cache.place(0)); }

  CacheArray& cache() { return cache_; }
  /// Returns the place of the line that `pa` lies in, or nullptr if the cache does not have it; good until the next call.
  /// Does not count as a use.
  [[gnu::always_inline]] const CacheArray::Place* find(PhysAddr pa) {
    CacheArray::Place& place = places_[pa.raw() >> kLineShift & (kLines - 1)];
    if (CacheArray::holds(place, pa)) [[likely]]
      return &place;
    const unsigned slot = cache_.find(pa.align_down(kLineBytes));
    if (slot == CacheArray::kNone) return nullptr;
    place = cache_.place(slot);
    return &place;
  }

 private:
  static constexpr unsigned kLines = 1024;  // 64 KiB: as much as the first-level caches of most processors

  std::array<CacheArray::Place, kLines> places_;
  CacheArray& cache_;
};

}  // namespace mmusim
