// SPDX-License-Identifier: MIT
#include "sim/bootlog/line_scan.h"

#include <algorithm>
#include <charconv>

namespace mmusim {

namespace {

constexpr uint64_t kAddressLimit = uint64_t{1} << 52;

std::optional<uint64_t> number(std::string_view& text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

std::optional<PhysRange> inclusive_range(uint64_t first, uint64_t last) {
  if (last < first || first >= kAddressLimit) return std::nullopt;
  return PhysRange{PhysAddr(first), PhysAddr(std::min(last, kAddressLimit - 1) + 1)};
}

bool LineScan::find(std::string_view what) {
  const size_t at = rest_.find(what);
  if (at == std::string_view::npos) return false;
  rest_.remove_prefix(at + what.size());
  return true;
}

bool LineScan::take(std::string_view what) {
  if (!rest_.starts_with(what)) return false;
  rest_.remove_prefix(what.size());
  return true;
}

void LineScan::skip_spaces() {
  while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
}

std::optional<uint64_t> LineScan::hex() { return number(rest_, 16); }
std::optional<uint64_t> LineScan::decimal() { return number(rest_, 10); }

std::string_view LineScan::word() {
  const std::string_view word = rest_.substr(0, std::min(rest_.find_first_of(" \t,()[]"), rest_.size()));
  rest_.remove_prefix(word.size());
  return word;
}

std::optional<PhysRange> LineScan::mem() {
  LineScan scan = *this;
  if (!scan.take("[mem 0x")) return std::nullopt;
  const auto first = scan.hex();
  if (!first || !scan.take("-0x")) return std::nullopt;
  const auto last = scan.hex();
  if (!last || !scan.take("]")) return std::nullopt;
  const auto range = inclusive_range(*first, *last);
  if (range) *this = scan;
  return range;
}

std::optional<PhysRange> LineScan::old_range() {
  LineScan scan = *this;
  const auto first = scan.hex();
  if (!first || !scan.take(" - ")) return std::nullopt;
  const auto end = scan.hex();
  if (!end || *end == 0) return std::nullopt;
  const auto range = inclusive_range(*first, *end - 1);
  if (range) *this = scan;
  return range;
}

}  // namespace mmusim
