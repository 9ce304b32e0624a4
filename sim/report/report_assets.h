// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace mmusim {

// Files of the report, embedded when the program is built.
std::string_view report_template();
std::string_view report_style();
/// Licences of the third-party code that the report contains.
std::string_view report_licences();
/// charts.js and report.js, in the order in which they run.
std::string report_script();
/// charts.js and sweep.js, the report of a sweep.
std::string sweep_report_script();
/// The parts of Vega that our charts need, from Debian's libjs-vega, as one script that defines `vega`.
std::string vega_script();

}  // namespace mmusim
