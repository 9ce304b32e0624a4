// SPDX-License-Identifier: MIT
#include "sim/output/html_report.h"

#include <string_view>
#include <utility>
#include <vector>

#include "sim/output/report_assets.h"
#include "sim/output/table_tree.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// JSON inside <script>: no "</script>" nor "<!--" can occur once '<' is written as an escape.
std::string script_safe(const std::string& text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

/// The template with each {{name}} replaced.
std::string filled(std::string_view form, const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string text;
  while (true) {
    const size_t open = form.find("{{");
    if (open == std::string_view::npos) return text += form;
    const size_t close = form.find("}}", open);
    const std::string_view name = form.substr(open + 2, close - open - 2);
    text += form.substr(0, open);
    for (const auto& [key, value] : values) {
      if (key == name) text += value;
    }
    form.remove_prefix(close + 2);
  }
}

json run_json(const ComparedRun& run, const std::string& directory) {
  json j = {{"label", run.label}, {"failures", run.failures}};
  if (!run.summaries.empty()) j["summary"] = run.summaries[0];
  if (!run.summaries.empty() && !run.directories.empty()) {
    j["tree"] = page_table_tree(directory + "/" + run.directories[0] + "/tables.json");
  }
  return j;
}

}  // namespace

std::string html_report(const std::string& title, const Comparison& comparison, const std::string& directory) {
  json runs = json::array();
  for (const ComparedRun& run : comparison.runs()) runs.push_back(run_json(run, directory));
  const json data = {{"comparison", comparison.to_json()}, {"runs", std::move(runs)}};
  return filled(report_template(), {{"title", html_escaped(title)},
                                    {"style", std::string(report_style())},
                                    {"vega", vega_script()},
                                    {"script", report_script()},
                                    {"data", script_safe(data.dump())}});
}

}  // namespace mmusim
