// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

/// Unsigned LEB128 integers and zig-zag signed ones, as VMT1 and our binary form use them.
namespace mmusim::leb128 {

inline constexpr size_t kMaxBytes = 10;  ///< of one 64-bit number

/// Reads one number at `at` and moves on; false (with `at` anywhere) if it does not end before `end` or has over 64
/// bits.
inline bool read(const uint8_t*& at, const uint8_t* end, uint64_t& value) {
  if (at == end) return false;
  uint64_t byte = *at++;
  if (byte < 0x80) [[likely]] {
    value = byte;
    return true;
  }
  uint64_t result = byte & 0x7f;
  for (unsigned shift = 7; shift < 64; shift += 7) {
    if (at == end) return false;
    byte = *at++;
    if (shift == 63 && byte > 1) return false;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

/// Reads a zig-zag signed number, as two's complement.
inline bool read_signed(const uint8_t*& at, const uint8_t* end, uint64_t& value) {
  uint64_t z;
  if (!read(at, end, z)) return false;
  value = (z >> 1) ^ (~(z & 1) + 1);
  return true;
}

/// Writes one number at `to` (room for kMaxBytes) and returns the end.
inline uint8_t* write(uint8_t* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<uint8_t>(value);
  return to;
}

inline uint8_t* write_signed(uint8_t* to, uint64_t value) {
  const uint64_t sign = ~(value >> 63) + 1;
  return write(to, (value << 1) ^ sign);
}

}  // namespace mmusim::leb128
