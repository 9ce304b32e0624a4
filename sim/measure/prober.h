// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "sim/measure/inference.h"
#include "sim/measure/subject.h"

namespace mmusim {

/// Measures one curve, first on a grid, then where its knees are.
class Prober {
 public:
  /// Measures at n; nullopt where the machine cannot, or was told to stop.
  using Probe = std::function<std::optional<Sample>(uint64_t n)>;

  Prober(Subject& subject, Probe probe) : subject_(subject), probe_(std::move(probe)) {}

  /// Measures each n up to 4 (16 for a short curve), then `per_octave` points for each doubling, up to `last`; in as many passes as the subject
  /// wants. A subject of several passes returns the quietest of what it has seen of a chase.
  void grid(uint64_t first, uint64_t last, unsigned per_octave);
  /// Bisects the knee of that level until it is known to `resolution` (share of n; 0: exactly).
  void refine(unsigned level, double resolution);
  /// Bisects the knee at the end of `plateau`, `slack` cycles above it, to that resolution.
  void bisect(const Plateau& plateau, double slack, double resolution);
  /// Measures one point, unless it is there; false if that was not possible.
  bool measure(uint64_t n) { return has(n) || probe(n); }

  const Curve& curve() const { return curve_; }
  std::vector<Level> levels(unsigned most) const { return staircase(curve_, most, subject_.foreign_share()); }

 private:
  bool has(uint64_t n) const;
  bool probe(uint64_t n);

  Subject& subject_;
  Probe probe_;
  Curve curve_;
};

}  // namespace mmusim
