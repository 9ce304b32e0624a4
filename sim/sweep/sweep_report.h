// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/sweep/findings.h"

namespace mmusim {

/// Returns sweep.csv: one line for each point, in order; columns as in the database without time and summary. Equal
/// sweeps give equal text.
std::string csv_of(const std::vector<std::string>& axes, const std::vector<PointRow>& rows);

/// Returns report.html: lines, small multiples and heat maps of each metric, best points and knees. Call only if
/// has_html_report().
std::string sweep_html(const SweepPlan& plan, const SweepTable& table, const SweepFindings& findings,
                       const SweepCounts& counts);

}  // namespace mmusim
