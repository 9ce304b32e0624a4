// SPDX-License-Identifier: MIT
#include "models/base/json_input.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/types.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr uint64_t kMaxFileBytes = 256 * kMiB;

/// Rejects duplicate keys and runaway nesting, which nlohmann accepts in silence.
class StrictCallback {
 public:
  explicit StrictCallback(const std::string& name) : name_(name) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (depth > 200) throw InputError(name_ + ": nested deeper than 200 levels");
    if (event == json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second)
        throw InputError(fmt::format("{}: key \"{}\" given twice in one object", name_, key));
    }
    return true;
  }

 private:
  std::string name_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json parse_json_text(std::string_view text, const std::string& name) {
  try {
    json document = json::parse(text, StrictCallback(name), /*allow_exceptions=*/true, /*ignore_comments=*/true);
    // To nlohmann a zero byte is the end; what follows would be ignored.
    const size_t zero = text.find('\0');
    if (zero != std::string_view::npos) throw InputError(fmt::format("{}: byte {}: a zero byte", name, zero + 1));
    return document;
  } catch (const json::parse_error& e) {
    const std::string_view before = text.substr(0, std::min(e.byte == 0 ? 0 : e.byte - 1, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t start = before.rfind('\n');
    const size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
    std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: <reason>"
    if (const size_t at = what.find(": "); at != std::string::npos) what = what.substr(at + 2);
    throw InputError(fmt::format("{}: line {}, column {}: not valid JSON: {}", name, line, column, what));
  } catch (const json::out_of_range& e) {  // "[json.exception.out_of_range.406] number overflow parsing '1e999'"
    const std::string_view what = e.what();
    throw InputError(fmt::format("{}: {}", name, what.substr(std::min(what.find("] ") + 2, what.size()))));
  }
}

json parse_json_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw system_error("open", path, errno);
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxFileBytes)
      throw InputError(fmt::format("{}: larger than 256 MiB, too large for a JSON input", path));
  }
  if (in.bad()) throw system_error("read", path, errno);
  return parse_json_text(text, path);
}

std::optional<uint64_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

namespace {

__extension__ using Wide = unsigned __int128;

/// Returns `digits`, a decimal number with or without a fraction, times `unit`, if that is a whole number of less than
/// 2^63; exact, because sizes are compared with addresses.
std::optional<uint64_t> exact_product(std::string_view digits, uint64_t unit) {
  constexpr size_t kMostDigits = 18;
  const size_t point = std::min(digits.find('.'), digits.size());
  std::string_view whole = digits.substr(0, point);
  std::string_view fraction = digits.substr(std::min(point + 1, digits.size()));
  while (whole.starts_with('0')) whole.remove_prefix(1);
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (whole.size() > kMostDigits + 1 || fraction.size() > kMostDigits) return std::nullopt;
  Wide value = 0, scale = 1;
  for (const std::string_view part : {whole, fraction}) {
    for (const char c : part) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
  }
  for (size_t i = 0; i < fraction.size(); ++i) scale *= 10;
  if (value > (~Wide{0} >> 48)) return std::nullopt;  // units have at most 41 bits
  const Wide total = value * unit;
  if (total % scale != 0 || total / scale >= Wide{1} << 63) return std::nullopt;
  return static_cast<uint64_t>(total / scale);
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  if (const auto plain = parse_number(text)) return plain;
  static constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
      {"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}, {"TiB", kTiB}, {"B", 1}};
  for (const auto& [unit, bytes] : kUnits) {
    if (!text.ends_with(unit)) continue;
    std::string_view digits = text.substr(0, text.size() - unit.size());
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    if (digits.empty() || digits == ".") return std::nullopt;
    return exact_product(digits, bytes);
  }
  return std::nullopt;
}

}  // namespace mmusim
