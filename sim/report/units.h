// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mmusim {

/// 1234567 as "1,234,567".
std::string grouped(uint64_t value);
/// A number with `digits` significant digits, whole and large ones in full: "1,234,567", "34.34", "<0.001"; never with an
/// exponent.
std::string plain_number(double value, int digits = 4);
/// Bytes in the largest unit that leaves at least 1: "8.2 MiB"; whole numbers without fraction.
std::string human_bytes(uint64_t bytes);
/// A length of time: "3.6 ms".
std::string human_time(double seconds);
/// Core cycles as time; "-" when the clock is unknown (0 GHz).
std::string cycles_as_time(uint64_t cycles, double core_ghz);
/// 100 * part / whole with three digits, "12.3 %"; "-" when whole is 0.
std::string percent(uint64_t part, uint64_t whole);

/// Columns aligned with two blanks between them: the first to the left, the others to the right.
class TextTable {
 public:
  /// Control characters in cells are shown, not obeyed (visible_text()).
  void row(std::vector<std::string> cells);
  /// The text, each line after `indent` blanks.
  std::string text(size_t indent = 0) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mmusim
