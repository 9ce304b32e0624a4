// SPDX-License-Identifier: MIT
#include "sim/translate/line_splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mmusim {

LineSplitter::LineSplitter(size_t max_line, size_t padding, size_t piece)
    : max_line_(max_line), padding_(padding), piece_(piece), buffer_(piece + padding) {}

std::span<uint8_t> LineSplitter::space() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (end_ + piece_ / 2 + padding_ > buffer_.size()) buffer_.resize(2 * buffer_.size());
  return std::span(buffer_).subspan(end_, buffer_.size() - padding_ - end_);
}

void LineSplitter::added(size_t bytes) { end_ += bytes; }

std::optional<std::string_view> LineSplitter::next() {
  while (true) {
    const void* found = std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
    const bool whole = found != nullptr;
    const size_t stop = whole ? static_cast<size_t>(static_cast<const uint8_t*>(found) - buffer_.data()) : end_;
    const size_t length = stop - begin_;
    const size_t line = begin_;
    scanned_ = stop;
    if (whole || (finished_ && length != 0)) {
      begin_ = scanned_ = stop + (whole ? 1 : 0);
      if (std::exchange(skipping_, false)) continue;
      ++line_number_;
    } else if (length > max_line_) {
      begin_ = stop;
      if (std::exchange(skipping_, true)) continue;
      ++line_number_;
    } else {
      if (skipping_) begin_ = stop;
      return std::nullopt;
    }
    std::string_view text(reinterpret_cast<const char*>(buffer_.data()) + line, std::min(length, max_line_ + 1));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }
}

}  // namespace mmusim
