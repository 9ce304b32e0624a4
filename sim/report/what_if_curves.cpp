// SPDX-License-Identifier: MIT
#include "sim/report/what_if_curves.h"

#include <algorithm>
#include <iterator>

#include "models/base/format.h"
#include "sim/host/text_output.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

/// Returns the place of a curve of this kind, added if there is none yet.
json& place_of(const json& curve, json& curves) {
  const auto same = [&](const json& other) {
    return other["page_size"] == curve["page_size"] && other["ways"] == curve["ways"] &&
           other["entries"] == curve["entries"];
  };
  const auto found = std::find_if(curves.begin(), curves.end(), same);
  if (found != curves.end()) return *found;
  curves.push_back({{"page_size", curve["page_size"]},
                    {"ways", curve["ways"]},
                    {"entries", curve["entries"]},
                    {"runs", json::object()}});
  return curves.back();
}

}  // namespace

json what_if_curves(const std::vector<ComparedRun>& runs) {
  json curves = json::array();
  for (const ComparedRun& run : runs) {
    if (run.summaries.empty()) continue;
    const json what_if = run.summaries[0].value("replay", json::object()).value("what_if", json::object());
    if (what_if.empty()) continue;
    const double lookups = std::max(1.0, what_if.at("lookups").get<double>());
    for (const json& curve : what_if.at("curves")) {
      json misses = json::array();
      for (const json& count : curve.at("misses")) misses.push_back(1000 * count.get<double>() / lookups);
      place_of(curve, curves)["runs"][run.label] = std::move(misses);
    }
  }
  return curves;
}

std::string what_if_csv(const json& curve) {
  const unsigned ways = curve["ways"];
  const std::string kind = fmt::format("what-if {} {}", curve["page_size"].get<std::string>(),
                                       ways == 0 ? "fully associative" : fmt::format("{}-way", ways));
  std::string text;
  for (size_t i = 0; i < curve["entries"].size(); ++i) {
    const json& runs = curve["runs"];
    const double base = runs.begin().value()[i];
    for (const auto& [label, misses] : runs.items()) {
      const double mine = misses[i];
      fmt::format_to(std::back_inserter(text), "{} {} entries,misses per 1000 lookups,{},{},0,1,{}\n", kind,
                     curve["entries"][i].get<uint64_t>(), csv_field(label), mine,
                     base == 0 ? "" : fmt::format("{:.6g}", mine / base));
    }
  }
  return text;
}

}  // namespace mmusim
