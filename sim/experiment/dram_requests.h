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
#include "sim/trace/forms/request_form.h"

namespace mmusim {

/// One request of a DRAM request trace, of 64 bytes.
struct TimedRequest {
  std::optional<uint64_t> arrival_ps;  ///< empty: the form has no times
  PhysAddr pa;
  bool write = false;
};

/// Options for reading a DRAM request trace.
struct RequestOptions {
  std::optional<RequestForm> form;  ///< empty: found by the first request
  uint64_t tck_ps = 1000;           ///< clock cycle of the forms that count cycles
  bool salvage = false;             ///< a damaged or cut trace ends where the damage is
};

/// Reads a DRAM request trace in one of the forms of request_form.h, one request a line; empty lines and lines that
/// start with '#' are skipped. The file may be plain, gzip, bzip2, xz or zstd (by content), and is streamed; "-" is
/// standard input.
class RequestReader {
 public:
  /// Throws EnvironmentError if the file cannot be opened, InputError if it is empty.
  /// A pipe that has nothing to read ends once `stop` says true.
  explicit RequestReader(const std::string& path, const RequestOptions& options = {}, std::function<bool()> stop = {})
      : RequestReader(open_bytes(path, EmptyInput::kError, std::move(stop)), options) {}
  explicit RequestReader(ByteInput input, const RequestOptions& options = {})
      : options_(options),
        name_(std::move(input.name)),
        file_bytes_(input.file_bytes),
        consumed_(std::move(input.consumed)),
        bytes_(std::move(input.source)) {}

  /// Bytes of the file, 0 for a pipe, and how many of them are read.
  uint64_t bytes_total() const { return file_bytes_; }
  uint64_t bytes_read() const { return consumed_->load(std::memory_order_relaxed); }

  /// The next request; nullopt at the end. Throws InputError with file, line number and byte offset.
  std::optional<TimedRequest> next();
  /// Throws InputError about the line of the last request.
  [[noreturn]] void fail(const std::string& what) const;

  /// The form, once a request was read.
  std::optional<RequestForm> form() const { return options_.form; }
  /// With RequestOptions::salvage, the error that ended the trace; else empty.
  const std::string& damage() const { return damage_; }

 private:
  std::optional<TimedRequest> read();
  void find_form(std::string_view line);
  TimedRequest parse(std::string_view line) const;

  RequestOptions options_;
  std::string name_;
  uint64_t file_bytes_;
  std::shared_ptr<std::atomic<uint64_t>> consumed_;
  ByteReader bytes_;
  uint64_t line_ = 0;
  uint64_t offset_ = 0;  // of the line
  std::string damage_;
};

}  // namespace mmusim
