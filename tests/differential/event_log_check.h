// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace mmusim::differential {

/// Compares a complete event log with the summary of the same execution, and each record with itself: the records of
/// each kind are as many as the log says, stages of accesses and parts of walks add up, sums over records are the
/// totals. `measured_all`: the totals are of the whole execution (no warm-up was left out of them). Returns what is
/// wrong, empty if nothing is.
std::string check_event_log(const std::string& compressed, const nlohmann::ordered_json& summary, bool measured_all);

/// Checks what must hold between the counters of one summary. Returns what is wrong.
std::string check_identities(const nlohmann::ordered_json& summary);

}  // namespace mmusim::differential
