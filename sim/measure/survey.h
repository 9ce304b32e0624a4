// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/measure/inference.h"
#include "sim/measure/subject.h"

namespace mmusim {

/// A parameter that a survey looks for.
struct Finding {
  std::string name;               ///< "l1_dtlb.4K.entries"
  std::string unit;               ///< "entries", "cycles", "KiB", "walks"
  std::optional<Interval> value;  ///< nullopt: could not tell
  std::string why;                ///< why not, or a remark; a sentence
};

/// Measurements and the parameters they imply.
struct Survey {
  std::vector<NamedCurve> curves;
  std::vector<Finding> findings;
  bool complete = true;       ///< false: stopped before the end
  uint64_t walk_pages = 0;    ///< pages of the chase with lanes
  uint64_t region_pages = 0;  ///< pages of the chases over regions
  uint64_t regions = 0;       ///< regions of the chase over GiB

  /// The finding of that name; nullptr: it was not looked for.
  const Finding* find(const std::string& name) const;
  const NamedCurve* curve(const std::string& name) const;
};

/// Thoroughness of a survey.
struct SurveyOptions {
  uint64_t most_lines =
      uint64_t{1} << 20;           ///< of the chase over caches; more than the last cache has, to find its size
  uint64_t most_pages = 8192;      ///< of chases over pages
  unsigned points_per_octave = 8;  ///< of curves before their knees are looked for
  bool fetches = true;
  bool associativity = true;
  bool guest = false;  ///< the machine is a guest: its walks have two dimensions, which hide what one of them does
  /// Is told the probe under way and the seconds since the begin, at each chase.
  std::function<void(const std::string& probe, double seconds)> progress;
};

/// Measures a machine: cache sizes and latencies, memory latency, entries of both TLB levels for each page size and what
/// a hit in the second costs, the cost of a walk, the number of walkers, what loads across lines and pages cost, the entries of paging-structure caches. Curves are measured on a grid first; then their
/// knees are bisected.
Survey survey(Subject& subject, const SurveyOptions& options);

/// Measures one point of a curve of `done` on another machine, so that both can be compared. nullopt if it cannot be
/// measured there.
std::optional<Sample> measure_point(Subject& subject, const Survey& done, const std::string& curve, uint64_t n);

}  // namespace mmusim
