// SPDX-License-Identifier: MIT
#include "sim/recorded/stage_tables.h"

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

namespace {

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

TablesFile::TablesFile(const std::string& path, const std::string& name) : file_(path) {
  file_.write(fmt::format("{{\"name\": {}, \"stages\": [", json_string(name)));
}

void TablesFile::stage(const StageTables& tables) {
  file_.write(fmt::format("{}\n {{\"stage\": {}, \"levels\": {}, \"entries\": [", first_ ? "" : ",",
                          json_string(tables.stage), tables.levels));
  first_ = false;
  fmt::memory_buffer line;
  bool first_entry = true;
  for (const mm::TableEntry& e : tables.entries) {
    line.clear();
    fmt::format_to(std::back_inserter(line),
                   "{}\n  {{\"level\": {}, \"va\": \"0x{:x}\", \"index\": {}, \"table_pa\": \"0x{:x}\", "
                   "\"value\": \"0x{:x}\"}}",
                   first_entry ? "" : ",", e.level, e.va.raw(), e.index, e.table_pa.raw(), e.value);
    file_.write({line.data(), line.size()});
    first_entry = false;
  }
  file_.write("]}");
}

void TablesFile::close() {
  file_.write("\n]}\n");
  file_.commit();
}

}  // namespace mmusim
