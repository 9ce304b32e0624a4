// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include "tests/differential/dice.h"

namespace mmusim::differential {

/// One random case as a JSON document, so that it can be shrunk member by member, stored and run by hand:
/// `{"seed": N, "scenario": {...}}` for a run, `{"seed": N, "platform": {...}, "trace": [lines...], "options": {...}}`
/// for a replay. A run's platform is the scenario's.
using Case = nlohmann::ordered_json;

/// Draws the case of a seed: a valid platform, and a scenario for it or a trace.
Case random_case(uint64_t seed);

/// Draws a scenario (without its platform) for a processor of `levels` paging levels and `cores` cores.
nlohmann::ordered_json random_scenario(Dice& dice, unsigned levels, bool gib_pages, unsigned cores);

/// Draws the lines of a trace in the form `jsonl`, the first and the last included or not (a trace without its end is
/// salvaged), and the options of its replay.
void random_trace(Dice& dice, unsigned levels, bool gib_pages, Case& into);

/// True if the readers take the case; what they refuse says how good the generator is.
bool is_valid(const Case& one);

}  // namespace mmusim::differential
