// SPDX-License-Identifier: MIT
#include "sim/measure/curve.h"

#include <algorithm>
#include <cmath>

#include "models/base/errors.h"

namespace mmusim {

Sample sample_of(std::vector<double> values) {
  MMUSIM_INVARIANT(!values.empty(), "a sample has values");
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
  };
  return {at(0.25), at(0.5), at(0.75)};
}

Sample difference(const Sample& a, const Sample& b) {
  const double median = a.median - b.median;
  return {median - std::hypot(a.median - a.low, b.high - b.median), median,
          median + std::hypot(a.high - a.median, b.median - b.low), a.events};
}

void insert(Curve& curve, const Point& point) {
  const auto at =
      std::lower_bound(curve.begin(), curve.end(), point.n, [](const Point& p, uint64_t n) { return p.n < n; });
  if (at != curve.end() && at->n == point.n) {
    *at = point;
  } else {
    curve.insert(at, point);
  }
}

}  // namespace mmusim
