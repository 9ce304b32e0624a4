// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mmusim {

inline constexpr uint64_t kSplitmixStep = 0x9e37'79b9'7f4a'7c15;  ///< what the state of splitmix64 grows by

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): spreads each bit of `z` over all bits of the result.
constexpr uint64_t splitmix_finaliser(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

}  // namespace mmusim
