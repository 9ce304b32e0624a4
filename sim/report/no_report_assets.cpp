// SPDX-License-Identifier: MIT
#include "models/base/errors.h"
#include "sim/report/html_report.h"
#include "sim/report/report_assets.h"

// In place of report_assets.cpp in a program that is built without the HTML report.

namespace mmusim {

bool has_html_report() { return false; }
std::string_view report_template() { internal_error(__FILE__, __LINE__, "has_html_report() was not asked"); }
std::string_view report_style() { return {}; }
std::string_view report_licences() { return {}; }
std::string report_script() { return {}; }
std::string vega_script() { return {}; }

}  // namespace mmusim
