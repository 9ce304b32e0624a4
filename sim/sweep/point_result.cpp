// SPDX-License-Identifier: MIT
#include "sim/sweep/point_result.h"

#include <nlohmann/json.hpp>

namespace mmusim {

using nlohmann::json;

std::string line_of(const PointResult& r) {
  const json line = {{"id", r.id},
                     {"message", r.message},
                     {"wall_seconds", r.wall_seconds},
                     {"cpu_seconds", r.cpu_seconds},
                     {"summary", r.summary}};
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<PointResult> result_of(std::string_view line) {
  const json j = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) return std::nullopt;
  const auto text = [&j](const char* key) { return j.contains(key) && j[key].is_string(); };
  const auto number = [&j](const char* key) { return j.contains(key) && j[key].is_number(); };
  if (!text("id") || !text("message") || !text("summary") || !number("wall_seconds") || !number("cpu_seconds")) {
    return std::nullopt;
  }
  PointResult result{j["id"], j["message"], j["wall_seconds"], j["cpu_seconds"], j["summary"]};
  if (!result.failed() && !json::accept(result.summary)) return std::nullopt;
  return result;
}

}  // namespace mmusim
