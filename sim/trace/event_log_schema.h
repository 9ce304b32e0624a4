// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Returns the JSON Schema (draft 2020-12) of one record of the event log, made from the table of event_log_format.h.
nlohmann::ordered_json event_log_schema();

/// Writes that table for traces/README.md: one row for each kind of record, then its members.
std::string event_log_tables();

}  // namespace mmusim
