// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "models/base/access.h"

namespace mmusim {

/// Reads and writes, always the same: half below `small_bytes`, a quarter from 32 to 64 MiB, a quarter in the second GiB.
inline std::vector<MemAccess> random_accesses(size_t count, uint64_t small_bytes) {
  std::vector<MemAccess> all(count);
  uint64_t x = 88172645463325252;
  for (MemAccess& a : all) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    const uint64_t where = x >> 60;
    a.va = VirtAddr(where < 8    ? x % (small_bytes - 8)
                    : where < 12 ? 32 * kMiB + x % (32 * kMiB - 8)
                                 : kGiB + x % (kGiB - 8));
    a.kind = (x >> 50 & 3) == 0 ? AccessKind::kWrite : AccessKind::kRead;
  }
  return all;
}

}  // namespace mmusim
