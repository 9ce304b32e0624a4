// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/base/types.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

/// One line of a DRAM request trace.
struct TimedRequest {
  uint64_t arrival_ps = 0;
  PhysAddr pa;
  bool write = false;
};

/// Reads a DRAM request trace: a line `arrival_ns hex_address R|W` for each 64-byte request; empty lines and lines that
/// start with '#' are skipped. The file may be plain, gzip, xz or zstd (by content), and is streamed; "-" is standard
/// input.
class RequestReader {
 public:
  /// Throws EnvironmentError if the file cannot be opened, InputError if it is empty.
  explicit RequestReader(const std::string& path) : RequestReader(open_bytes(path)) {}
  explicit RequestReader(ByteInput input) : name_(std::move(input.name)), bytes_(std::move(input.source)) {}

  /// The next request; nullopt at the end. Throws InputError with file and line number.
  std::optional<TimedRequest> next();
  /// Throws InputError about the line of the last request.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::optional<std::string_view> next_line();
  TimedRequest parse(std::string_view text) const;

  std::string name_;
  ByteReader bytes_;
  uint64_t line_ = 0;
};

}  // namespace mmusim
