// SPDX-License-Identifier: MIT
#include "sim/output/json_line.h"

#include <array>
#include <bit>
#include <charconv>

namespace mmusim {

namespace {

constexpr char kDigits[] = "0123456789abcdef";

/// "000102...ff": two digits at once.
constexpr auto kHexPairs = [] {
  std::array<char, 512> pairs{};
  for (size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = kDigits[i >> 4];
    pairs[2 * i + 1] = kDigits[i & 15];
  }
  return pairs;
}();

}  // namespace

JsonLine& JsonLine::number(uint64_t value) {
  at_ = std::to_chars(at_, at_ + 20, value).ptr;
  return *this;
}

JsonLine& JsonLine::signed_number(int64_t value) {
  at_ = std::to_chars(at_, at_ + 20, value).ptr;
  return *this;
}

JsonLine& JsonLine::hex(uint64_t value) {
  raw("\"0x");
  const unsigned digits = value == 0 ? 1 : (static_cast<unsigned>(std::bit_width(value)) + 3) / 4;
  char* last = at_ + digits;
  at_ = last;
  while (last - 2 >= at_ - digits) {
    last -= 2;
    std::memcpy(last, &kHexPairs[2 * (value & 0xff)], 2);
    value >>= 8;
  }
  if (last > at_ - digits) *--last = kDigits[value & 15];
  return raw("\"");
}

JsonLine& JsonLine::text(std::string_view value) {
  *at_++ = '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *at_++ = '\\';
      *at_++ = c;
    } else if (byte < 0x20 || byte == 0x7f) {
      raw("\\u00");
      *at_++ = kDigits[byte >> 4];
      *at_++ = kDigits[byte & 15];
    } else {
      *at_++ = c;
    }
  }
  *at_++ = '"';
  return *this;
}

std::string json_quoted(std::string_view value) {
  std::string quoted(value.size() * 6 + 2, '\0');
  quoted.resize(static_cast<size_t>(JsonLine(quoted.data()).text(value).end() - quoted.data()));
  return quoted;
}

}  // namespace mmusim
