// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/access.h"

namespace mmusim {

enum class Pattern : uint8_t {
  kStride64,
  kRandom,
  /// A program as traces with fetches show it: blocks of eight instructions within 64 KiB of code, in every third an access
  /// to data, mostly to the same 8 KiB.
  kProgram,
};

/// The same numbers on every host (xorshift64).
class PatternRandom {
 public:
  uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_ = 88172645463325252;
};

inline void make_program(std::vector<MemAccess>& accesses, uint64_t span) {
  PatternRandom random;
  uint64_t instruction = 0, code = 0;
  for (size_t i = 0; i < accesses.size(); ++i) {
    if (instruction++ % 8 == 0) code = random() % (64 * kKiB) & ~uint64_t{15};
    accesses[i] = {.va = VirtAddr(code), .bytes = 4, .kind = AccessKind::kFetch};
    code += 4;
    if (instruction % 3 != 0 || i + 1 == accesses.size()) continue;
    const uint64_t where = random();
    const uint64_t va = kMiB + (where >> 8) % (where % 32 == 0 ? span - kMiB : 8 * kKiB);
    accesses[++i] = {.va = VirtAddr(va & ~uint64_t{7}), .kind = where & 64 ? AccessKind::kWrite : AccessKind::kRead};
  }
}

/// Accesses made before the measurement, at addresses below `span`.
inline std::vector<MemAccess> make_accesses(Pattern pattern, uint64_t span, size_t count = size_t{1} << 20) {
  std::vector<MemAccess> accesses(count);
  if (pattern == Pattern::kProgram) {
    make_program(accesses, span);
    return accesses;
  }
  PatternRandom random;
  uint64_t next = 0;
  for (MemAccess& a : accesses) {
    a.va = VirtAddr(pattern == Pattern::kStride64 ? next : random() % span & ~(kLineBytes - 1));
    next = (next + kLineBytes) % span;
  }
  return accesses;
}

}  // namespace mmusim
