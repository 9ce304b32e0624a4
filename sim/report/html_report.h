// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/report/comparison.h"

namespace mmusim {

/// Returns whether the program was built with the HTML report (option MMUSIM_HTML_REPORT).
bool has_html_report();

/// Returns the report as one self-contained HTML document: text, style, scripts (Vega included) and data, nothing from a
/// network. `directory` is where the runs' directories are relative to; their `tables.json`, where there is one,
/// becomes the page-table tree, and `events.jsonl.zst` the steps in which it was built. Call only if has_html_report().
std::string html_report(const std::string& title, const Comparison& comparison, const std::string& directory);

/// Returns such a document that `script` draws from `data`, which it finds as JSON in the element "data". Call only if
/// has_html_report().
std::string html_page(const std::string& title, const std::string& script, const nlohmann::ordered_json& data);

}  // namespace mmusim
