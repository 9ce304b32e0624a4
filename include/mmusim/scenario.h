// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mmusim {
inline namespace v0 {

/// A scenario file and what is changed in it before it is read.
struct Scenario {
  std::string name_or_path;            ///< a file, or the name of a shipped scenario
  std::optional<std::string> variant;  ///< one of variants()
  std::vector<std::string> settings;   ///< "/json/pointer=VALUE", applied in order
  std::optional<uint64_t> seed;        ///< of everything random

  /// Returns the names of the variants, in the file's order. Throws std::runtime_error if the file is wrong.
  std::vector<std::string> variants() const;
  /// Reads and checks it all; returns the effective scenario as JSON text, with the platform filled in. Throws
  /// std::runtime_error that names every error found.
  std::string effective() const;
  /// Returns the names of the shipped scenarios.
  static std::vector<std::string> names();
};

}  // namespace v0
}  // namespace mmusim
