// SPDX-License-Identifier: MIT
#include "models/base/reciprocal.h"

#include <gtest/gtest.h>

#include <random>

namespace mmusim {
namespace {

constexpr uint64_t kLimit = uint64_t{1} << 62;

/// Around every multiple the quotient changes: there it is easiest to be wrong.
void expect_exact_around(uint64_t divisor, uint64_t dividend) {
  const Reciprocal by(divisor);
  for (const uint64_t n : {dividend / divisor * divisor, dividend / divisor * divisor - 1, dividend}) {
    if (n < kLimit) {
      ASSERT_EQ(by.divide(n), n / divisor) << n << " / " << divisor;
    }
  }
}

TEST(Reciprocal, IsDivisionForSmallNumbers) {
  for (uint64_t divisor = 1; divisor < 300; ++divisor) {
    const Reciprocal by(divisor);
    for (uint64_t n = 0; n < 3000; ++n) ASSERT_EQ(by.divide(n), n / divisor) << n << " / " << divisor;
  }
}

TEST(Reciprocal, IsDivisionUpToTheLimit) {
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 200000; ++i) {
    const uint64_t divisor = (random() >> 32 >> random() % 32) + 1;
    if (divisor >> 32 != 0) continue;
    expect_exact_around(divisor, random() >> (2 + random() % 60));
    expect_exact_around(divisor, kLimit - 1 - random() % divisor);
  }
}

TEST(Reciprocal, IsDivisionAroundPowersOfTwo) {
  for (unsigned bit = 0; bit < 32; ++bit) {
    for (const uint64_t divisor : {uint64_t{1} << bit, (uint64_t{1} << bit) + 1, (uint64_t{1} << bit) - 1}) {
      if (divisor == 0 || divisor >> 32 != 0) continue;
      expect_exact_around(divisor, kLimit - 1);
      expect_exact_around(divisor, divisor);
    }
  }
}

}  // namespace
}  // namespace mmusim
