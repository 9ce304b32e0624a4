// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_unwrap.h"

#include <algorithm>
#include <vector>

#include "sim/bootlog/log_prefix.h"

namespace mmusim {

namespace {

constexpr size_t kFewestColumns = 32;  // nobody wraps at fewer
constexpr size_t kFewestJoints = 3;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

/// True if a time stamp, a host or a priority begins the line.
bool is_dressed(std::string_view line) { return log_prefix(line).dressed; }

}  // namespace

std::optional<UnwrappedLog> unwrapped(std::string_view text) {
  const std::vector<std::string_view> lines = lines_of(text);
  UnwrappedLog out;
  for (const std::string_view line : lines) out.columns = std::max(out.columns, static_cast<unsigned>(line.size()));
  if (out.columns < kFewestColumns) return std::nullopt;
  const auto is_full = [&](size_t i) { return lines[i].size() == out.columns; };
  // A full line goes on, unless the next one begins a message: then it has just that length.
  const auto goes_on = [&](size_t i) {
    return is_full(i) && i + 1 < lines.size() && !lines[i + 1].empty() && !is_dressed(lines[i + 1]);
  };
  for (size_t i = 0; i < lines.size(); ++i) out.joints += goes_on(i);
  if (out.joints < kFewestJoints) return std::nullopt;
  // A log without time stamps has no line by which one would see where the next message begins.
  const auto dressed = std::count_if(lines.begin(), lines.end(), is_dressed);
  if (static_cast<size_t>(dressed) < kFewestJoints) return std::nullopt;
  out.text.reserve(text.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    out.text += lines[i];
    if (!goes_on(i)) out.text += '\n';
  }
  return out;
}

}  // namespace mmusim
