// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mmusim {

/// Cuts a stream that arrives in pieces into lines, without a copy for lines that lie in the buffer whole. Behind each
/// line at least `padding` bytes are readable. A line longer than the limit is delivered cut to limit + 1 bytes, the
/// rest of it dropped.
class LineSplitter {
 public:
  static constexpr size_t kPiece = size_t{256} << 10;
  /// `piece` is the size of the first buffer; longer lines make it grow.
  LineSplitter(size_t max_line, size_t padding, size_t piece = kPiece);

  /// Returns the space for the next bytes of the stream; invalidates lines. Then call added().
  std::span<uint8_t> space();
  void added(size_t bytes);
  /// The stream has ended: what is left without newline is a line too.
  void finish() { finished_ = true; }

  /// The next line without newline and carriage return; nullopt when more bytes are needed.
  std::optional<std::string_view> next();
  /// Number of the line that next() returned last, from 1.
  uint64_t line_number() const { return line_number_; }

 private:
  size_t max_line_;
  size_t padding_;
  size_t piece_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;    // of the line to come
  size_t scanned_ = 0;  // no newline before that
  size_t end_ = 0;
  bool skipping_ = false;  // within the rest of a line that was too long
  bool finished_ = false;
  uint64_t line_number_ = 0;
};

}  // namespace mmusim
