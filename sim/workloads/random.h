// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "models/base/splitmix.h"

namespace mmusim {

/// splitmix64 (Steele, Lea, Flood 2014): a small generator whose numbers are the same with every compiler and library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += kSplitmixStep;
    return splitmix_finaliser(state_);
  }
  /// Uniform in [0, bound), bound at least 1 (multiply and shift; the bias is below bound / 2^64).
  uint64_t below(uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }
  /// Uniform in [0, 1) with 53 bits.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// True with probability `p`.
  bool chance(double p) { return unit() < p; }

 private:
  uint64_t state_;
};

/// Derives an independent seed for random stream number `user`.
constexpr uint64_t derived_seed(uint64_t seed, uint64_t user) {
  return (seed ^ (user * 0x9e3779b97f4a7c15)) * 0xff51afd7ed558ccd;
}

}  // namespace mmusim
