// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/recorded/resource_tree.h"

namespace mmusim {

/// Reads a line of a log from left to right. A failed read leaves the position where it was.
class LineScan {
 public:
  explicit LineScan(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

  /// Moves behind the first `what`; false if there is none.
  bool find(std::string_view what);
  /// Moves behind `what` if the text goes on with it.
  bool take(std::string_view what);
  void skip_spaces();

  /// Hexadecimal digits without a prefix; nullopt without a digit or beyond 64 bits.
  std::optional<uint64_t> hex();
  /// Decimal digits; nullopt without a digit or beyond 64 bits.
  std::optional<uint64_t> decimal();
  /// The characters up to the next space, tabulator, comma or bracket.
  std::string_view word();

  /// "[mem 0xA-0xB]", whose last byte is B, as a half-open range. nullopt where B lies before A, where A lies beyond 52
  /// bits of address, or where the closing bracket is missing. A range that goes on beyond 52 bits ends there.
  std::optional<PhysRange> mem();
  /// "A - B" of hexadecimal numbers without prefix; the end is exclusive.
  std::optional<PhysRange> old_range();

 private:
  std::string_view rest_;
};

/// [first, last] as a half-open range below 2^52; nullopt where it is empty or begins beyond.
std::optional<PhysRange> inclusive_range(uint64_t first, uint64_t last);

}  // namespace mmusim
