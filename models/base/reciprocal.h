// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include "models/base/errors.h"

namespace mmusim {

/// Division by a number that stays the same, as a multiplication. Exact for dividends below 2^62.
///
/// With w the width of the divisor d in bits and m = ceil(2^(62+w) / d), the product n * m / 2^(62+w) exceeds n / d by
/// less than n * d / (2^(62+w) * d) < 1 / d: never enough to reach the next whole number. m is below 2^63 + 1.
/// Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994, theorem 4.2.
class Reciprocal {
 public:
  explicit Reciprocal(uint64_t divisor) : shift_(kBits + static_cast<unsigned>(std::bit_width(divisor))) {
    MMUSIM_INVARIANT(divisor != 0 && divisor >> 32 == 0, "a divisor of at most 32 bits");
    multiplier_ = static_cast<uint64_t>(((Wide{1} << shift_) + divisor - 1) / divisor);
  }
  uint64_t divide(uint64_t dividend) const { return static_cast<uint64_t>(Wide{dividend} * multiplier_ >> shift_); }

 private:
  static constexpr unsigned kBits = 62;
  __extension__ using Wide = unsigned __int128;

  unsigned shift_;
  uint64_t multiplier_ = 0;
};

}  // namespace mmusim
