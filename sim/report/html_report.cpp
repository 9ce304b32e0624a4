// SPDX-License-Identifier: MIT
#include "sim/report/html_report.h"

#include <algorithm>
#include <functional>
#include <future>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sim/host/text_output.h"
#include "sim/report/entry_writes.h"
#include "sim/report/report_assets.h"
#include "sim/report/table_tree.h"

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
  json j = {{"label", run.label}, {"failures", run.failures}, {"options", run.options}};
  if (!run.summaries.empty()) j["summary"] = run.summaries[0];
  if (!run.summaries.empty() && !run.directories.empty()) {
    const std::string folder = directory + "/" + run.directories[0];
    const EntryWrites writes = read_entry_writes(folder + "/events.jsonl.zst");
    j["tree"] = page_table_tree(folder + "/tables.json", writes);
    j["story"] = populate_story(writes, j["tree"]);
  }
  return j;
}

/// Begins work on a thread of its own; if the host refuses one, the work is done when its result is asked for.
template <class Work>
std::future<json> begin(const Work& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, work);
  }
}

/// All runs: as many at a time as the host has processors, because page tables are large files.
json runs_json(const std::vector<ComparedRun>& runs, const std::string& directory) {
  json all = json::array();
  const size_t at_once = std::max(1U, std::thread::hardware_concurrency());
  for (size_t first = 0; first < runs.size(); first += at_once) {
    const size_t end = std::min(first + at_once, runs.size());
    std::vector<std::future<json>> parts;
    for (size_t i = first; i < end; ++i) {
      parts.push_back(begin([&, i] { return run_json(runs[i], directory); }));
    }
    for (std::future<json>& part : parts) all.push_back(part.get());
  }
  return all;
}

}  // namespace

std::string html_report(const std::string& title, const Comparison& comparison, const std::string& directory) {
  const json data = {{"comparison", comparison.to_json()}, {"runs", runs_json(comparison.runs(), directory)}};
  return html_page(title, report_script(), data);
}

std::string html_page(const std::string& title, const std::string& script, const json& data) {
  return filled(report_template(), {{"title", html_escaped(utf8_text(title))},
                                    {"style", std::string(report_style())},
                                    {"licences", html_escaped(report_licences())},
                                    {"vega", vega_script()},
                                    {"script", script},
                                    {"data", script_safe(data.dump(-1, ' ', false, json::error_handler_t::replace))}});
}

}  // namespace mmusim
