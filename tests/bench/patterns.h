// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/access.h"

namespace mmusim {

enum class Pattern : uint8_t { kStride64, kRandom };

/// Accesses made before the measurement.
inline std::vector<MemAccess> make_accesses(Pattern pattern, uint64_t span, size_t count = size_t{1} << 20) {
  std::vector<MemAccess> accesses(count);
  uint64_t random = 88172645463325252, next = 0;
  for (MemAccess& a : accesses) {
    if (pattern == Pattern::kStride64) {
      a.va = VirtAddr(next);
      next = (next + kLineBytes) % span;
    } else {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      a.va = VirtAddr(random % span & ~(kLineBytes - 1));
    }
  }
  return accesses;
}

}  // namespace mmusim
