// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "tests/differential/random_case.h"

namespace mmusim::differential {

/// A promise that a case broke.
struct Violation {
  std::string check;  ///< its name: "alive", "driving", "lock-step", "events", "paranoid", "log", "identities",
                      ///< "functional", "replay"; empty: none
  std::string what;   ///< for people

  explicit operator bool() const { return !check.empty(); }
};

/// Drives a case in several ways and compares them:
///   alive       every execution ends, without an internal error
///   lock-step   never running ahead gives the same summary
///   events      logging changes nothing
///   paranoid    each translation is that of the page tables, and checking changes nothing
///   log         the event log agrees with the summary; stages add up
///   identities  counters agree with each other
///   replay      a recorded run, replayed, gives the run's totals and counters (one core)
///   functional  the functional model counts the same (blocking core)
/// The first three ways are driven at once and told apart only if something differs. `scratch` is a directory for
/// files, which are removed.
Violation check_case(const Case& one, const std::string& scratch);

}  // namespace mmusim::differential
