// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mmusim {

/// The bytes or the form of a trace are wrong. Whoever knows the file and the place turns it into an InputError.
class TraceDamage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bytes from somewhere, in order.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills the front of `to` and returns how much of it; 0 only at the end. Throws TraceDamage for corrupt or truncated
  /// compressed data (after all bytes before the damage were delivered), EnvironmentError if the host fails.
  virtual size_t read(std::span<uint8_t> to) = 0;
};

/// A file (or standard input), decompressed if it begins like gzip, bzip2, xz or zstd, with concatenated members.
struct ByteInput {
  std::unique_ptr<ByteSource> source;
  std::string name;                                 ///< the path; "<stdin>" for "-"
  std::string compression;                          ///< "none", "gzip", "bzip2", "xz", "zstd"
  uint64_t file_bytes = 0;                          ///< size of the file, 0 for pipes
  std::shared_ptr<std::atomic<uint64_t>> consumed;  ///< bytes of the file read so far
  std::shared_ptr<std::atomic<bool>> stop;          ///< set it to end the stream, even while a pipe has nothing to read
};

/// Opens `path` ("-": standard input). Compressed data is decompressed on a thread of its own, at most 2 MiB ahead.
/// Throws EnvironmentError if it cannot be opened, InputError if it is a directory, or empty and that is an error.
/// A pipe that has nothing to read is waited for until `stop` says true; then it ends.
enum class EmptyInput : uint8_t { kError, kAllowed };
ByteInput open_bytes(const std::string& path, EmptyInput empty = EmptyInput::kError, std::function<bool()> stop = {});
/// Opens a stream over bytes in memory, all on the calling thread (fuzz targets, tests).
ByteInput open_bytes(std::vector<uint8_t> bytes, std::string name);

/// Buffered view of a ByteSource: contiguous bytes of bounded length, text lines, and the offset reached.
class ByteReader {
 public:
  explicit ByteReader(std::unique_ptr<ByteSource> source);

  /// Makes at least `bytes` bytes readable at data(), if that many are left. False (with what is left readable) if
  /// not. Invalidates earlier data(). `bytes` must be at most kMaxNeed.
  bool need(size_t bytes) { return end_ - begin_ >= bytes || fill(bytes); }
  const uint8_t* data() const { return buffer_.data() + begin_; }
  size_t available() const { return end_ - begin_; }
  void consume(size_t bytes) {
    begin_ += bytes;
    offset_ += bytes;
  }
  /// Offset of data() in the decompressed stream.
  uint64_t offset() const { return offset_; }
  bool at_end() { return !need(1); }

  /// The next line without its newline (and carriage return); nullopt at the end. Valid until the next call. Throws
  /// TraceDamage for lines over kMaxLine bytes, with a NUL byte, or without newline at the end of the stream.
  std::optional<std::string_view> line();
  /// Goes past the next newline, whatever stands before it; false if there is none up to the end.
  bool skip_line();

  static constexpr size_t kMaxNeed = size_t{2} << 20;
  static constexpr size_t kMaxLine = size_t{1} << 20;
  /// Readable bytes after the last one of data(), for parsers that load whole words.
  static constexpr size_t kPadding = 64;

 private:
  bool fill(size_t bytes);
  void find_nul();

  std::unique_ptr<ByteSource> source_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t clean_ = 0;  // no NUL byte in the buffer between begin_ and here
  uint64_t offset_ = 0;
  bool finished_ = false;
};

}  // namespace mmusim
