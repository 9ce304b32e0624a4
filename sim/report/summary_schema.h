// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Returns the JSON Schema (draft 2020-12) of summary.json. It is made from what to_json() writes for a run with one of
/// everything, so that a counter added to a describe() is in it.
nlohmann::ordered_json summary_schema();

}  // namespace mmusim
