// SPDX-License-Identifier: MIT
#include "sim/report/units.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "models/base/format.h"
#include "sim/host/text_output.h"

namespace mmusim {

std::string grouped(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string plain_number(double value, int digits) {
  if (value < 0) return "-" + plain_number(-value, digits);
  if (value == std::floor(value) && value < 9e15) return grouped(static_cast<uint64_t>(value));
  if (value >= std::pow(10, digits)) return grouped(static_cast<uint64_t>(std::llround(value)));
  if (value < 0.0001) return "<0.0001";
  const int decimals = std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(value))));
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string human_bytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  unsigned unit = 0;
  while (unit < 6 && bytes >> (10 * (unit + 1)) != 0) ++unit;
  const uint64_t one = uint64_t{1} << (10 * unit);
  if (bytes % one == 0) return fmt::format("{} {}", bytes / one, kUnits[unit]);
  return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(one), kUnits[unit]);
}

std::string human_time(double seconds) {
  if (seconds >= 1) return plain_number(seconds, 3) + " s";
  if (seconds >= 1e-3) return plain_number(seconds * 1e3, 3) + " ms";
  if (seconds >= 1e-6) return plain_number(seconds * 1e6, 3) + " us";
  return plain_number(seconds * 1e9, 3) + " ns";
}

std::string cycles_as_time(uint64_t cycles, double core_ghz) {
  if (core_ghz <= 0) return "-";
  return human_time(static_cast<double>(cycles) / (core_ghz * 1e9));
}

std::string percent(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  return plain_number(100.0 * static_cast<double>(part) / static_cast<double>(whole), 3) + " %";
}

void TextTable::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = visible_text(cell, LineBreaks::kShown);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(size_t indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == 0) {
        fmt::format_to(std::back_inserter(line), "{:<{}}", row[i], widths[i]);
      } else {
        fmt::format_to(std::back_inserter(line), "  {:>{}}", row[i], widths[i]);
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace mmusim
