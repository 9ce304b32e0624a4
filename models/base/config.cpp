// SPDX-License-Identifier: MIT
#include "models/base/config.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace mmusim {

using nlohmann::json;

namespace {

constexpr uint64_t kMaxFileBytes = 256 * kMiB;

const json& empty_object() {
  static const json object = json::object();
  return object;
}

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// A JSON number or hex string as uint64_t, without the silent conversions of json::get.
std::optional<uint64_t> exact_unsigned(const json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (value.is_string()) return parse_number(value.get_ref<const std::string&>());
  return std::nullopt;
}

std::string escaped(std::string_view key) {
  std::string out;
  for (char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void ConfigErrors::add(const std::string& pointer, const std::string& what) {
  lines_.push_back(fmt::format("{}: {}: {}", file_, pointer.empty() ? "/" : pointer, what));
}

std::string ConfigErrors::text() const { return fmt::format("{}", fmt::join(lines_, "\n")); }

void ConfigErrors::throw_if_any() const {
  if (!empty()) throw InputError(text());
}

ConfigReader::ConfigReader(const json& node, std::string pointer, ConfigErrors& errors)
    : node_(&node), pointer_(std::move(pointer)), errors_(&errors) {
  if (!node.is_object()) {
    errors.add(pointer_, fmt::format("expected an object, got {}", shown(node)));
    node_ = &empty_object();
  }
}

bool ConfigReader::has(std::string_view key) const { return node_->contains(key); }

void ConfigReader::ignore(std::string_view key) { read_.emplace(key); }

std::string ConfigReader::pointer_to(std::string_view key) const {
  return key.empty() ? pointer_ : pointer_ + "/" + escaped(key);
}

void ConfigReader::error(std::string_view key, const std::string& what) { errors_->add(pointer_to(key), what); }

const json* ConfigReader::lookup(std::string_view key) {
  read_.emplace(key);
  const auto it = node_->find(key);
  return it == node_->end() ? nullptr : &*it;
}

const json* ConfigReader::raw(std::string_view key) { return lookup(key); }

void ConfigReader::read(std::string_view key, bool& value) {
  const json* j = lookup(key);
  if (j == nullptr) return;
  if (!j->is_boolean()) return error(key, fmt::format("expected true or false, got {}", shown(*j)));
  value = j->get<bool>();
}

void ConfigReader::read(std::string_view key, double& value) {
  const json* j = lookup(key);
  if (j == nullptr) return;
  if (!j->is_number()) return error(key, fmt::format("expected a number, got {}", shown(*j)));
  value = j->get<double>();
}

void ConfigReader::read(std::string_view key, std::string& value) {
  const json* j = lookup(key);
  if (j == nullptr) return;
  if (!j->is_string()) return error(key, fmt::format("expected a string, got {}", shown(*j)));
  value = j->get<std::string>();
}

void ConfigReader::read(std::string_view key, uint64_t& value, uint64_t min, uint64_t max) {
  const json* j = lookup(key);
  if (j == nullptr) return;
  const auto number = exact_unsigned(*j);
  if (!number) return error(key, fmt::format("expected a non-negative integer, got {}", shown(*j)));
  if (*number < min || *number > max) {
    return error(key, fmt::format("expected {} to {}, got {}", min, max, shown(*j)));
  }
  value = *number;
}

void ConfigReader::read(std::string_view key, unsigned& value, unsigned min, unsigned max) {
  uint64_t wide = value;
  read(key, wide, min, max);
  value = static_cast<unsigned>(wide);
}

void ConfigReader::read(std::string_view key, PhysAddr& value) {
  uint64_t raw = value.raw();
  read(key, raw, 0, (uint64_t{1} << 52) - 1);
  value = PhysAddr(raw);
}

void ConfigReader::read(std::string_view key, VirtAddr& value) {
  uint64_t raw = value.raw();
  read(key, raw);
  value = VirtAddr(raw);
}

void ConfigReader::read_size(std::string_view key, uint64_t& bytes) {
  const json* j = lookup(key);
  if (j == nullptr) return;
  const auto size = j->is_string() ? parse_size(j->get_ref<const std::string&>()) : exact_unsigned(*j);
  if (!size) return error(key, fmt::format("expected a size such as \"128MiB\", got {}", shown(*j)));
  bytes = *size;
}

ConfigReader ConfigReader::child(std::string_view key) {
  const json* j = lookup(key);
  return {j == nullptr ? empty_object() : *j, pointer_to(key), *errors_};
}

size_t ConfigReader::array_size(std::string_view key) {
  const json* j = lookup(key);
  if (j == nullptr) return 0;
  if (!j->is_array()) {
    error(key, fmt::format("expected an array, got {}", shown(*j)));
    return 0;
  }
  return j->size();
}

ConfigReader ConfigReader::element(std::string_view key, size_t index) {
  return {(*lookup(key))[index], fmt::format("{}/{}", pointer_to(key), index), *errors_};
}

std::vector<std::string> ConfigReader::member_names(std::string_view key) {
  std::vector<std::string> names;
  const json* j = lookup(key);
  if (j == nullptr) return names;
  if (!j->is_object()) {
    error(key, fmt::format("expected an object, got {}", shown(*j)));
    return names;
  }
  for (const auto& [name, value] : j->items()) names.push_back(name);
  return names;
}

void ConfigReader::finish() {
  for (const auto& [key, value] : node_->items()) {
    if (!read_.contains(key)) error(key, "unknown key");
  }
}

namespace {

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

std::optional<uint64_t> parse_size(std::string_view text) {
  if (const auto plain = parse_number(text)) return plain;
  static constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
      {"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}, {"TiB", kTiB}, {"B", 1}};
  for (const auto& [unit, bytes] : kUnits) {
    if (!text.ends_with(unit)) continue;
    std::string_view digits = text.substr(0, text.size() - unit.size());
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    double value = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (ec != std::errc{} || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
    const double total = value * static_cast<double>(bytes);
    if (!(total >= 0) || total >= 0x1p63 || total != std::floor(total)) return std::nullopt;
    return static_cast<uint64_t>(total);
  }
  return std::nullopt;
}

}  // namespace mmusim
