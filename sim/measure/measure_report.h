// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/measure/counterpart.h"

namespace mmusim {

/// Contents of the report of a measurement.
struct MeasureReport {
  std::string title;
  std::vector<std::string> remarks;  ///< sentences
  const Survey& measured;
  const Counterpart& simulated;
  std::vector<Agreement> agreements;
};

/// Returns one self-contained HTML document: findings, and for each probe a picture with the measured curve, its quartiles,
/// and the simulated one. Nothing from a network, no scripts.
std::string measure_html(const MeasureReport& report);

/// "pages-4K: 31 of 32 points agree within 15 %; ..." for people.
std::string sentence_of(const Agreement& agreement);

/// "pages-4K: walks counted and simulated differ by 0.02 a step at most, at 1536." for people; empty if nothing was counted
/// at points of both.
std::string sentence_of_events(const NamedCurve& measured, const NamedCurve& simulated);

}  // namespace mmusim
