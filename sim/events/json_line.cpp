// SPDX-License-Identifier: MIT
#include "sim/events/json_line.h"

#include <bit>
#include <charconv>

namespace mmusim {

namespace {

constexpr char kDigits[] = "0123456789abcdef";

constexpr uint64_t kOnes = 0x0101010101010101;  // a byte for each digit

/// The digits of a number below 10^8 with leading zeros, as values 0 to 9, the first in the lowest byte.
uint64_t eight_digits(uint64_t value) {
  // Halves of four digits, then pairs, then digits, each step in all lanes at once. The factors are reciprocals of 100
  // and 10 that are exact for the lane's range.
  const uint64_t halves = value / 10000 | value % 10000 << 32;
  const uint64_t hundreds = (halves * 10486 >> 20) & 0x0000007f0000007f;
  const uint64_t pairs = hundreds | (halves - 100 * hundreds) << 16;
  const uint64_t tens = (pairs * 103 >> 10) & 0x000f000f000f000f;
  return tens | (pairs - 10 * tens) << 8;
}

/// The eight hexadecimal digits of `value`, the first in the lowest byte.
uint64_t eight_hex_digits(uint32_t value) {
  uint64_t x = value;
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
  const uint64_t letters = ((x + 6 * kOnes) >> 4) & kOnes;  // of ten and more
  return __builtin_bswap64(x + '0' * kOnes + letters * ('a' - '9' - 1));
}

static_assert(std::endian::native == std::endian::little);

}  // namespace

char* JsonLine::put_number(char* at, uint64_t value) {
  constexpr uint64_t kEightDigits = 100'000'000;
  if (value >= kEightDigits) {
    at = JsonLine(at).number(value / kEightDigits).end();
    const uint64_t last = eight_digits(value % kEightDigits) + '0' * kOnes;
    std::memcpy(at, &last, 8);
    return at + 8;
  }
  const uint64_t digits = eight_digits(value);
  const unsigned zeros = static_cast<unsigned>(std::countr_zero(digits)) / 8;
  const uint64_t text = (digits + '0' * kOnes) >> 8 * zeros;
  std::memcpy(at, &text, 8);
  return at + 8 - zeros;
}

char* JsonLine::put_hex(char* at, uint64_t value) {
  const unsigned digits = value == 0 ? 1 : (static_cast<unsigned>(std::bit_width(value)) + 3) / 4;
  value <<= 4 * (16 - digits);
  const uint64_t first = eight_hex_digits(static_cast<uint32_t>(value >> 32));
  const uint64_t last = eight_hex_digits(static_cast<uint32_t>(value));
  std::memcpy(at, "\"0x", 3);
  std::memcpy(at + 3, &first, 8);
  std::memcpy(at + 11, &last, 8);
  at[3 + digits] = '"';
  return at + 4 + digits;
}

char* JsonLine::put_text(char* at, std::string_view value) {
  *at++ = '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *at++ = '\\';
      *at++ = c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::memcpy(at, "\\u00", 4);
      at[4] = kDigits[byte >> 4];
      at[5] = kDigits[byte & 15];
      at += 6;
    } else {
      *at++ = c;
    }
  }
  *at++ = '"';
  return at;
}

std::string json_quoted(std::string_view value) {
  std::string quoted(value.size() * 6 + 2, '\0');
  quoted.resize(static_cast<size_t>(JsonLine(quoted.data()).text(value).end() - quoted.data()));
  return quoted;
}

}  // namespace mmusim
