// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// A scenario made from what a kernel recorded about itself, and what had to be assumed for it.
struct DerivedScenario {
  std::string json;                ///< the scenario, formatted
  std::vector<std::string> notes;  ///< one sentence for each assumption
};

/// A scenario from a recorded kernel: the page-table dumps that a stopped guest gave (one JSON object with `stages`).
///
/// Only the inputs of that boot are read: command line, machine arguments, processor, memory ranges, reservations, the
/// resource tree and memory blocks of each stage, the optimised hugetlb folios. What the kernel built from them (its
/// tables, their statistics, allocations from sparse_init on) is never looked at, so a copy without those gives the
/// same scenario. Later stages are derived from the difference of the resource trees and from the recorded actions.
/// Throws InputError, naming `name` and a JSON pointer, if an input is missing or malformed.
DerivedScenario scenario_from_dump(const nlohmann::json& dump, const std::string& name);

}  // namespace mmusim
