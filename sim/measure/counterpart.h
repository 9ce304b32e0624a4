// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/machine/virtualization.h"
#include "sim/measure/survey.h"

namespace mmusim {

/// The curves of a survey as a simulated machine shows them.
struct Counterpart {
  std::vector<NamedCurve> curves;  ///< some of the points of the survey's curves
  bool complete = true;
};

struct CounterpartOptions {
  VirtualizationConfig guest;
  double ratio = 1.1;             ///< n of a point over n of the one before, at least
  uint64_t most_steps = 100'000;  ///< larger chases are left out: simulating them takes long
  std::vector<std::string> only;  ///< names of curves; empty: all
};

/// Simulates the chases of `measured` on the platform `document` in a process of its own, because a process can simulate
/// only machines that were made before the first of them ran. Throws EnvironmentError if there can be no such process.
Counterpart simulate_counterpart(const nlohmann::json& document, const Survey& measured,
                                 const CounterpartOptions& options);

/// One curve, measured and simulated.
struct Agreement {
  std::string curve;
  unsigned compared = 0;                 ///< points outside knees
  unsigned within = 0;                   ///< of them, those that agree within 15 %
  uint64_t first_off = 0, last_off = 0;  ///< n of the first and last that do not; 0: all do
  double worst = 0;                      ///< largest difference, as share of what was measured
};

/// Compares point by point. What a curve shows beyond a reference is compared together with the latency of the
/// first-level cache, of which it is a part in reality. Points within an eighth of a knee of either curve count for neither.
std::vector<Agreement> agreement(const Survey& measured, const Counterpart& simulated);

}  // namespace mmusim
