// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mmusim {

/// SHA-256 of what is added (FIPS 180-4).
class Sha256 {
 public:
  void add(std::string_view bytes);
  /// Returns the digest as 64 hex digits. Call once, last.
  std::string hex();

 private:
  void block(const unsigned char* bytes);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};  // bytes of a block that is not full
  size_t kept_ = 0;                       // of these
  uint64_t bytes_ = 0;
};

/// Returns the digest of a text.
std::string sha256_of(std::string_view text);
/// Returns the digest of a file's content. Throws EnvironmentError if it cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace mmusim
