// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mmusim {

/// Destination of the bytes of a trace.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Appends. Throws EnvironmentError if the host fails.
  virtual void write(std::string_view bytes) = 0;
  /// Ends the stream and makes the file appear under its name. Call once, last.
  virtual void finish() = 0;
};

/// "gzip", "bzip2", "xz", "zstd" by the end of a file's name (.gz, .bz2, .xz, .zst), else "none".
std::string compression_by_name(std::string_view path);

/// Compresses what is written on its way to `sink`. `compression` is a result of compression_by_name.
std::unique_ptr<ByteSink> compress(std::unique_ptr<ByteSink> sink, const std::string& compression);

/// Hands what is written to `sink` on a thread of its own, a few buffers of 256 KiB ahead. Errors of the sink come out
/// of a later write() or of finish().
std::unique_ptr<ByteSink> write_behind(std::unique_ptr<ByteSink> sink);

}  // namespace mmusim
