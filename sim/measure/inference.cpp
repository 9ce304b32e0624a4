// SPDX-License-Identifier: MIT
#include "sim/measure/inference.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mmusim {

namespace {

constexpr double kLeastTolerance = 0.001;  // cycles; of a machine without noise
constexpr unsigned kLeastPoints = 3;
constexpr double kLeastStep = 0.6;  // cycles; smaller ones are no levels where others disturb

double median_of(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// The points [begin, end) as a plateau, if they are level.
std::optional<Plateau> level_run(const Curve& curve, size_t begin, size_t end, double below, double share) {
  std::vector<double> medians, spreads;
  for (size_t i = begin; i < end; ++i) {
    medians.push_back(curve[i].cycles.median);
    spreads.push_back(curve[i].cycles.spread());
  }
  Plateau p{median_of(medians), kLeastTolerance + median_of(spreads), curve[begin].n, curve[end - 1].n};
  if (share > 0) p.tolerance += std::max(kLeastStep / 2, share * (p.level - below));
  for (const double m : medians) {
    if (std::abs(m - p.level) > p.tolerance) return std::nullopt;
  }
  return p;
}

/// Costs that grow with n are told from noise: the later half of the points is above the first.
bool rises(const Curve& curve, size_t begin, size_t end, double tolerance) {
  std::vector<double> first, second;
  for (size_t i = begin; i < end; ++i) (i < (begin + end) / 2 ? first : second).push_back(curve[i].cycles.median);
  return median_of(second) > median_of(first) + tolerance / 2 + kLeastTolerance / 2;
}

}  // namespace

std::optional<Plateau> plateau_from(const Curve& curve, uint64_t from, double below, double share) {
  size_t begin = 0;
  while (begin < curve.size() && curve[begin].n < from) ++begin;
  for (; begin + kLeastPoints <= curve.size(); ++begin) {
    std::optional<Plateau> best;
    for (size_t end = begin + kLeastPoints; end <= curve.size(); ++end) {
      const auto run = level_run(curve, begin, end, below, share);
      if (!run) break;
      if (run->last * 4 >= run->first * 5 && !rises(curve, begin, end, run->tolerance)) best = run;
    }
    if (best) return best;
  }
  return std::nullopt;
}

Knee knee_of(const Curve& curve, const Plateau& plateau, double slack) {
  Knee knee{plateau.first, std::nullopt};
  const double bound = plateau.level + plateau.tolerance + slack;
  for (auto p = curve.rbegin(); p != curve.rend() && p->n > plateau.first; ++p) {
    if (p->cycles.median <= bound) {
      knee.last_flat = p->n;
      break;
    }
    knee.first_raised = p->n;
  }
  return knee;
}

std::optional<Plateau> first_level_of(const Curve& curve, double slack) {
  if (curve.size() < kLeastPoints) return std::nullopt;
  std::vector<double> medians, spreads;
  for (size_t i = 0; i < kLeastPoints; ++i) {
    medians.push_back(curve[i].cycles.median);
    spreads.push_back(curve[i].cycles.spread());
  }
  const Plateau p{median_of(medians), kLeastTolerance + median_of(spreads) + slack, curve[0].n,
                  curve[kLeastPoints - 1].n};
  const auto level = [&](double m) { return std::abs(m - p.level) <= p.tolerance; };
  return std::all_of(medians.begin(), medians.end(), level) ? std::optional(p) : std::nullopt;
}

// A point counts as level although the structure is too small for it by the share that would raise it by no more than the
// tolerance: one page in n that always misses adds height / n.
std::optional<Interval> capacity_of(const Curve& curve, const Plateau& plateau, double height, double foreign_share) {
  const Knee knee = knee_of(curve, plateau);
  if (!knee.first_raised || height <= 0) return std::nullopt;
  const Knee late = foreign_share > 0 ? knee_of(curve, plateau, foreign_share * height) : knee;
  const uint64_t high = late.first_raised.value_or(*knee.first_raised) - 1;
  const double unseen = std::min(1.0, plateau.tolerance / height);
  const auto low = static_cast<uint64_t>(std::ceil(static_cast<double>(knee.last_flat) * (1 - unseen)));
  return Interval{static_cast<double>(roundest(low, high)), static_cast<double>(low), static_cast<double>(high)};
}

std::vector<Level> staircase(const Curve& curve, unsigned most, double foreign_share) {
  std::vector<Level> levels;
  uint64_t from = 0;
  while (levels.size() < most) {
    const double below = levels.empty() ? 0 : levels.back().plateau.level;
    const auto plateau = plateau_from(curve, from, below, foreign_share);
    if (!plateau) break;
    if (!levels.empty() && foreign_share > 0 && plateau->level < below + kLeastStep) {
      from = plateau->last + 1;
      continue;
    }
    const Knee knee = knee_of(curve, *plateau);
    levels.push_back({*plateau, knee, std::nullopt});
    if (!knee.first_raised) break;
    from = *knee.first_raised;
  }
  for (size_t i = 0; i < levels.size(); ++i) {
    Level& level = levels[i];
    double next = i + 1 < levels.size() ? levels[i + 1].plateau.level : level.plateau.level;
    if (i + 1 == levels.size()) {
      for (const Point& p : curve) next = std::max(next, p.cycles.median);
    }
    level.capacity = capacity_of(curve, level.plateau, next - level.plateau.level, foreign_share);
  }
  return levels;
}

uint64_t roundest(uint64_t low, uint64_t high) {
  uint64_t best = low;
  for (unsigned bit = 63; bit > 0; --bit) {
    const uint64_t unit = uint64_t{1} << bit;
    const uint64_t candidate = (low + unit - 1) / unit * unit;
    if (candidate >= low && candidate <= high && candidate != 0) return candidate;
  }
  return best;
}

std::optional<Interval> units_of(const Sample& walk, const Sample& between) {
  if (between.low <= 0 || walk.low <= 0) return std::nullopt;
  const double quotient = walk.median / between.median;
  const double whole = std::round(quotient);
  const double low = std::round(walk.low / between.high), high = std::round(walk.high / between.low);
  if (whole < 1 || std::abs(quotient - whole) > 0.15 * std::max(1.0, whole / 4)) return std::nullopt;
  return Interval{whole, std::max(1.0, low), high};
}

}  // namespace mmusim
