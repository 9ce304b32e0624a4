// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mmusim {

/// A log whose long lines were cut at one width, as a terminal or fold(1) cuts them.
struct UnwrappedLog {
  std::string text;      ///< with the pieces put together
  unsigned columns = 0;  ///< the width
  size_t joints = 0;     ///< places where two pieces met
};

/// Puts the lines of a decoded log together again. It is taken as wrapped if several lines have exactly the width of its
/// longest line and are followed by one that begins with no time stamp or the like, while others do. nullopt if it is
/// not: lines broken at spaces have no common width, and each is mended where it is read.
std::optional<UnwrappedLog> unwrapped(std::string_view text);

}  // namespace mmusim
