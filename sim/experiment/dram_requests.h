// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <memory>
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
/// start with '#' are skipped. The file may be plain, gzip, bzip2, xz or zstd (by content), and is streamed; "-" is
/// standard input.
class RequestReader {
 public:
  /// Throws EnvironmentError if the file cannot be opened, InputError if it is empty.
  /// A pipe that has nothing to read ends once `stop` says true.
  explicit RequestReader(const std::string& path, std::function<bool()> stop = {})
      : RequestReader(open_bytes(path, EmptyInput::kError, std::move(stop))) {}
  explicit RequestReader(ByteInput input)
      : name_(std::move(input.name)),
        file_bytes_(input.file_bytes),
        consumed_(std::move(input.consumed)),
        bytes_(std::move(input.source)) {}

  /// Bytes of the file, 0 for a pipe, and how many of them are read.
  uint64_t bytes_total() const { return file_bytes_; }
  uint64_t bytes_read() const { return consumed_->load(std::memory_order_relaxed); }

  /// The next request; nullopt at the end. Throws InputError with file and line number.
  std::optional<TimedRequest> next();
  /// Throws InputError about the line of the last request.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::optional<std::string_view> next_line();
  TimedRequest parse(std::string_view text) const;

  std::string name_;
  uint64_t file_bytes_;
  std::shared_ptr<std::atomic<uint64_t>> consumed_;
  ByteReader bytes_;
  uint64_t line_ = 0;
};

}  // namespace mmusim
