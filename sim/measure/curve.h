// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mmusim {

/// Events in the TLBs for each step of a chase; nullopt: not counted.
struct Events {
  std::optional<double> dtlb_misses;  ///< of the first level
  std::optional<double> walks;
};

/// Repeated measurements of one thing: quartiles, in core cycles for each step of a chase.
struct Sample {
  double low = 0;     ///< first quartile
  double median = 0;  ///< second
  double high = 0;    ///< third
  Events events{};

  double spread() const { return high - low; }
};

/// Returns the quartiles of `values`, which are not empty.
Sample sample_of(std::vector<double> values);
/// Returns `a` less what `b` measured; quartiles widen. The events are those of `a`.
Sample difference(const Sample& a, const Sample& b);

/// One point of a curve.
struct Point {
  uint64_t n = 0;  ///< pages, lines or lanes
  Sample cycles;
};

/// Points by `n`, ascending, each `n` once.
using Curve = std::vector<Point>;

/// Adds a point, or replaces the one with that `n`.
void insert(Curve& curve, const Point& point);

/// A curve with its name and what its axis counts, for reports.
struct NamedCurve {
  std::string name;  ///< "pages-4k"
  std::string axis;  ///< "pages of 4 KiB"
  Curve points;
};

}  // namespace mmusim
