// SPDX-License-Identifier: MIT
#include "sim/measure/prober.h"

#include <algorithm>
#include <cmath>

namespace mmusim {

bool Prober::has(uint64_t n) const {
  return std::any_of(curve_.begin(), curve_.end(), [n](const Point& p) { return p.n == n; });
}

bool Prober::probe(uint64_t n) {
  if (subject_.stopped()) return false;
  const auto sample = probe_(n);
  if (sample) insert(curve_, {n, *sample});
  return sample.has_value();
}

void Prober::grid(uint64_t first, uint64_t last, unsigned per_octave) {
  constexpr uint64_t kLarge = 65536;  // takes long, and small disturbances do not matter
  const uint64_t each = last <= 256 ? 16 : 4;
  for (unsigned pass = 0; pass < subject_.passes(); ++pass) {
    if (pass > 0) last = std::min(last, kLarge);
    double next = static_cast<double>(first);
    for (uint64_t n = first; n <= last;) {
      if (!probe(n)) return;
      next = n < each ? static_cast<double>(n + 1) : next * std::exp2(1.0 / per_octave);
      n = std::max(n + 1, static_cast<uint64_t>(std::llround(next)));
    }
  }
}

void Prober::bisect(const Plateau& plateau, double slack, double resolution) {
  constexpr unsigned kMost = 40;
  for (unsigned i = 0; i < kMost; ++i) {
    const Knee knee = knee_of(curve_, plateau, slack);
    if (!knee.first_raised) return;
    const uint64_t width = *knee.first_raised - knee.last_flat;
    if (width <= 1 || static_cast<double>(width) <= resolution * static_cast<double>(knee.last_flat)) return;
    if (!measure(knee.last_flat + width / 2)) return;
  }
}

void Prober::refine(unsigned level, double resolution) {
  const auto before = levels(level + 2);
  if (before.size() <= level) return;
  bisect(before[level].plateau, 0, resolution);
  if (subject_.foreign_share() == 0 || before.size() <= level + 1) return;
  const double height = before[level + 1].plateau.level - before[level].plateau.level;
  bisect(before[level].plateau, subject_.foreign_share() * std::max(0.0, height), resolution);
}

}  // namespace mmusim
