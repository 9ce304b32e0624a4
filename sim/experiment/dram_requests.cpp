// SPDX-License-Identifier: MIT
#include "sim/experiment/dram_requests.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr double kMaxArrivalNs = 1e15;  ///< eleven days of simulated time

std::string_view next_word(std::string_view& text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  const size_t end = std::min(text.find_first_of(" \t", start), text.size());
  const std::string_view word = text.substr(start, end - start);
  text.remove_prefix(end);
  return word;
}

template <class T, class... Base>
bool parse_whole(std::string_view word, T& value, Base... base) {
  const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), value, base...);
  return ec == std::errc{} && end == word.data() + word.size() && !word.empty();
}

}  // namespace

void RequestReader::fail(const std::string& what) const {
  throw InputError(fmt::format("{}: line {}: {}", name_, line_, what));
}

std::optional<std::string_view> RequestReader::next_line() {
  ++line_;
  try {
    return bytes_.line();
  } catch (const TraceDamage& damage) {
    fail(damage.what());
  }
}

TimedRequest RequestReader::parse(std::string_view text) const {
  const std::string_view arrival = next_word(text), address = next_word(text), kind = next_word(text);
  TimedRequest request;
  double ns = 0;
  if (!parse_whole(arrival, ns) || !(ns >= 0) || ns > kMaxArrivalNs)
    fail(fmt::format("expected an arrival time in ns first, got \"{:.40}\"", arrival));
  request.arrival_ps = static_cast<uint64_t>(std::llround(ns * 1000));
  const std::string_view digits = address.starts_with("0x") || address.starts_with("0X") ? address.substr(2) : address;
  uint64_t raw = 0;
  if (!parse_whole(digits, raw, 16) || raw >> 52 != 0)
    fail(fmt::format("expected a hexadecimal address of at most 52 bits second, got \"{:.40}\"", address));
  request.pa = PhysAddr(raw);
  if (kind != "R" && kind != "W") fail(fmt::format("expected R or W third, got \"{:.40}\"", kind));
  request.write = kind == "W";
  if (const std::string_view rest = next_word(text); !rest.empty())
    fail(fmt::format("expected nothing after R or W, got \"{:.40}\"", rest));
  return request;
}

std::optional<TimedRequest> RequestReader::next() {
  while (const auto text = next_line()) {
    if (text->starts_with('#') || text->find_first_not_of(" \t") == std::string_view::npos) continue;
    return parse(*text);
  }
  return std::nullopt;
}

}  // namespace mmusim
