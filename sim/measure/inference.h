// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/measure/curve.h"

namespace mmusim {

/// A number that was inferred, and between which bounds it lies.
struct Interval {
  double value = 0;
  double low = 0, high = 0;  ///< both included
};

/// A stretch of a curve in which the cost does not depend on n.
struct Plateau {
  double level = 0;              ///< cycles
  double tolerance = 0;          ///< what counts as level: quartiles of the points, 0.001 cycles at least
  uint64_t first = 0, last = 0;  ///< n of the points that belong to it
};

/// End of a plateau of a curve: the capacity is `last_flat` at least, and less than `first_raised`.
struct Knee {
  uint64_t last_flat = 0;
  std::optional<uint64_t> first_raised;  ///< nullopt: the curve ends before
};

/// One structure of a staircase: what a hit in it costs, and how much it holds.
struct Level {
  Plateau plateau;
  Knee knee;
  /// Returns the capacity; nullopt if the curve ends before. The value is the roundest number in the interval.
  std::optional<Interval> capacity;
};

/// Returns the first stretch at or beyond `from` in which at least three points, over a range of n of 5:4 at least, are
/// equal within the spread of their quartiles. nullopt: there is none. With a `share` above 0
/// (Subject::foreign_share()) what lies less than this share of the step from level `below` apart, or less than 0.3 cycles,
/// counts as equal too.
std::optional<Plateau> plateau_from(const Curve& curve, uint64_t from, double below = 0, double share = 0);
/// Returns the level on which a curve begins: its first three points, if they are equal within the spread of their quartiles
/// and `slack` cycles.
std::optional<Plateau> first_level_of(const Curve& curve, double slack);
/// Returns where the curve rises above `plateau` for good. `slack`: cycles above its tolerance that are not taken for a rise.
Knee knee_of(const Curve& curve, const Plateau& plateau, double slack = 0);

/// Returns the plateaus of a curve that rises in steps, cheapest first, at most `most`. `foreign_share`: see Subject.
/// A step whose plateau is not flat ends the list: what is beyond cannot be told from this curve.
std::vector<Level> staircase(const Curve& curve, unsigned most, double foreign_share);

/// Returns the capacity behind a knee: of a level whose step to the next is `height` cycles high. nullopt: there is no knee.
std::optional<Interval> capacity_of(const Curve& curve, const Plateau& plateau, double height, double foreign_share);

/// Returns the number in [low, high] that ends in most zeros in binary; the least of several.
uint64_t roundest(uint64_t low, uint64_t high);

/// Returns the number of units that serve a queue of walks: `walk` cycles each in one unit, one done every `between`
/// cycles (quartiles of both). nullopt if the quotient is not within 0.15 of the same whole number.
std::optional<Interval> units_of(const Sample& walk, const Sample& between);

}  // namespace mmusim
