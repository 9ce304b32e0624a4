// SPDX-License-Identifier: MIT
#include "sim/trace/trace_origin.h"

#include <nlohmann/json.hpp>

#include "sim/trace/json_lines.h"

namespace mmusim {

namespace {
constexpr int kMostLevels = 100;
}  // namespace

TraceOrigin origin_of(const TraceInfo& info) {
  TraceOrigin origin;
  bool too_deep = false;  // writing it again recurses
  const auto depth = [&too_deep](int level, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || level > kMostLevels;
    return !too_deep;
  };
  const nlohmann::json header = nlohmann::json::parse(info.header, depth, /*allow_exceptions=*/false);
  if (too_deep || !header.is_object()) return origin;
  const auto member = [&](const char* key) { return header.contains(key) ? header[key] : nlohmann::json(); };
  if (const auto source = member("source"); source.is_string()) origin.source = source.get<std::string>();
  if (const auto tables = member("page_tables"); tables.is_boolean()) origin.page_tables = tables.get<bool>();
  if (const auto made_by = member("configuration"); made_by.is_object()) origin.configuration = made_by.dump();
  return origin;
}

std::string header_of(const TraceOrigin& origin) {
  nlohmann::ordered_json header = {{"format", json_lines::kFormat}, {"version", json_lines::kVersion}};
  if (!origin.source.empty()) header["source"] = origin.source;
  if (origin.page_tables) header["page_tables"] = true;
  if (!origin.configuration.empty()) header["configuration"] = nlohmann::ordered_json::parse(origin.configuration);
  return header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace mmusim
