// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "models/base/types.h"

namespace mmusim {

/// Distribution of lengths of time, in cycles.
///
/// Log-linear: values below 64 have a bucket of their own, larger ones share 32 buckets for each power of two, so that
/// a bucket is never wider than 1/32 of its values. Count, sum, minimum and maximum are exact. All 64-bit values are
/// representable; add() neither allocates nor branches on the range beyond one compare.
class Histogram {
 public:
  static constexpr unsigned kSubBits = 5;  ///< 2^5 buckets for each power of two
  static constexpr uint64_t kExactBelow = uint64_t{1} << (kSubBits + 1);
  static constexpr size_t kBuckets = kExactBelow + (64 - kSubBits - 1) * (size_t{1} << kSubBits);

  void add(uint64_t value, uint64_t times = 1) {
    buckets_[bucket_of(value)] += times;
    count_ += times;
    sum_ += value * times;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }
  void add(Cycles value) { add(value.count); }

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }  ///< 0 when empty
  uint64_t max() const { return max_; }                    ///< 0 when empty
  double mean() const { return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_); }

  /// The value at or below which `percent` of 100 of the values lie (nearest rank); 0 when empty. Exact below 64 and at
  /// the minimum and maximum, else the middle of a bucket: off by at most 1/64 of the true value.
  uint64_t percentile(double percent) const;

  /// Adds the values of `other`.
  void merge(const Histogram& other);
  /// Takes away what `earlier` had already seen: the region of interest is end minus begin. `earlier` must be a former
  /// state of this histogram. Minimum and maximum are then those of the buckets that remain (within 1/32).
  void subtract(const Histogram& earlier);

  static constexpr size_t bucket_of(uint64_t value) {
    if (value < kExactBelow) return static_cast<size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - (kSubBits + 1);  // leaves kSubBits + 1 bits
    return (static_cast<size_t>(shift) << kSubBits) + static_cast<size_t>(value >> shift);
  }
  /// Smallest value of bucket `index`.
  static constexpr uint64_t lower_bound(size_t index) {
    if (index < kExactBelow) return index;
    const size_t shift = (index >> kSubBits) - 1;
    return static_cast<uint64_t>(index - (shift << kSubBits)) << shift;
  }
  /// Largest value of bucket `index`.
  static constexpr uint64_t upper_bound(size_t index) {
    if (index < kExactBelow) return index;
    const size_t shift = (index >> kSubBits) - 1;
    return lower_bound(index) + ((uint64_t{1} << shift) - 1);
  }
  /// Number of values that fell into bucket `index` (< kBuckets).
  uint64_t in_bucket(size_t index) const { return buckets_[index]; }

  bool operator==(const Histogram&) const = default;

 private:
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t min_ = ~uint64_t{0};
  uint64_t max_ = 0;
};
static_assert(Histogram::bucket_of(~uint64_t{0}) == Histogram::kBuckets - 1);
static_assert(Histogram::lower_bound(Histogram::bucket_of(1000)) <= 1000);
static_assert(Histogram::upper_bound(Histogram::bucket_of(1000)) >= 1000);

}  // namespace mmusim
