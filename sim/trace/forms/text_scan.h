// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// Small scanners for the lines of text traces. Each takes from the front of `text` and says whether it could.
namespace mmusim::scan {

inline constexpr uint8_t kNoDigit = 0xff;
inline constexpr std::array<uint8_t, 256> kHexDigit = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (unsigned c = '0'; c <= '9'; ++c) digits[c] = static_cast<uint8_t>(c - '0');
  for (unsigned c = 'a'; c <= 'f'; ++c) digits[c] = static_cast<uint8_t>(c - 'a' + 10);
  for (unsigned c = 'A'; c <= 'F'; ++c) digits[c] = static_cast<uint8_t>(c - 'A' + 10);
  return digits;
}();

/// 1 to 16 hexadecimal digits, without prefix.
inline bool hex(std::string_view& text, uint64_t& value) {
  uint64_t result = 0;
  size_t n = 0;
  for (; n < text.size(); ++n) {
    const uint8_t digit = kHexDigit[static_cast<uint8_t>(text[n])];
    if (digit == kNoDigit) break;
    if (n == 16) return false;
    result = result << 4 | digit;
  }
  text.remove_prefix(n);
  value = result;
  return n != 0;
}

/// 1 to 19 decimal digits.
inline bool decimal(std::string_view& text, uint64_t& value) {
  uint64_t result = 0;
  size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n) {
    if (n == 19) return false;
    result = result * 10 + static_cast<uint64_t>(text[n] - '0');
  }
  text.remove_prefix(n);
  value = result;
  return n != 0;
}

inline bool literal(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

/// An address of 1 to 16 hexadecimal digits, with or without "0x".
inline bool address(std::string_view& text, uint64_t& value) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  return hex(text, value);
}

/// The whole of `text` is one.
inline bool whole_hex(std::string_view text, uint64_t& value) { return hex(text, value) && text.empty(); }
inline bool whole_address(std::string_view text, uint64_t& value) { return address(text, value) && text.empty(); }
inline bool whole_decimal(std::string_view text, uint64_t& value) { return decimal(text, value) && text.empty(); }

/// `text` for a message: what is not printable ASCII as \x and two digits.
std::string printable(std::string_view text);

/// The next run of non-blank characters; empty at the end.
inline std::string_view token(std::string_view& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(begin);
  const size_t end = text.find_first_of(" \t");
  const std::string_view found = text.substr(0, end);
  text.remove_prefix(found.size());
  return found;
}

}  // namespace mmusim::scan
