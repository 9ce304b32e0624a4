// SPDX-License-Identifier: MIT
#include "models/base/histogram.h"

#include <algorithm>
#include <cmath>

#include "models/base/errors.h"

namespace mmusim {

uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double exact_rank = std::ceil(percent / 100.0 * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(std::max(exact_rank, 1.0)), 1, count_);
  if (rank == 1) return min_;
  if (rank == count_) return max_;
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen < rank) continue;
    const uint64_t middle = lower_bound(i) + (upper_bound(i) - lower_bound(i)) / 2;
    return std::clamp(middle, min_, max_);
  }
  return max_;
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::subtract(const Histogram& earlier) {
  if (earlier.count_ == 0) return;
  uint64_t new_min = ~uint64_t{0};
  uint64_t new_max = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    MMUSIM_INVARIANT(buckets_[i] >= earlier.buckets_[i], "subtracted a histogram that is no former state");
    buckets_[i] -= earlier.buckets_[i];
    if (buckets_[i] == 0) continue;
    if (new_min > max_) new_min = std::max(lower_bound(i), min_);
    new_max = std::min(upper_bound(i), max_);
  }
  count_ -= earlier.count_;
  sum_ -= earlier.sum_;
  min_ = new_min;
  max_ = new_max;
}

}  // namespace mmusim
