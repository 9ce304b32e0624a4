// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/report/comparison.h"
#include "sim/report/json_shape.h"

namespace mmusim {

namespace {

std::vector<std::string> texts(const JsonShape& list) {
  std::vector<std::string> all;
  for (size_t i = 0; i < list.array().node().size(); ++i) all.push_back(list.at(i).text());
  return all;
}

}  // namespace

std::vector<NamedRun> comparison_from_text(const std::string& text, const std::string& place) {
  const nlohmann::ordered_json document = parse_ordered_json(text, place);
  const JsonShape comparison(document, place);
  if (!comparison.has("format") || document["format"] != "mmusim-compare" || !comparison.has("runs")) {
    throw InputError(fmt::format("{}: not a comparison of mmusim (no \"format\": \"mmusim-compare\")", place));
  }
  std::vector<NamedRun> runs;
  const JsonShape sides = comparison.at("runs").array();
  for (size_t i = 0; i < sides.node().size(); ++i) {
    const JsonShape side = sides.at(i);
    NamedRun run;
    run.label = side.at("label").text();
    if (side.has("family")) run.family = side.at("family").text();
    if (side.has("options")) run.options = side.at("options").text();
    if (side.has("failures")) run.failures = texts(side.at("failures"));
    run.directories = texts(side.at("directories"));
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace mmusim
