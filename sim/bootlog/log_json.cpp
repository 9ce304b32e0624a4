// SPDX-License-Identifier: MIT
#include <array>
#include <sstream>

#include <nlohmann/json.hpp>

#include "sim/bootlog/log_boots.h"

namespace mmusim {

namespace {

using nlohmann::json;

constexpr size_t kHead = 64 * 1024;  // where the first entry tells what the text is

/// The text of an entry: a string, or an array of bytes where journald saw bytes that are not UTF-8.
std::optional<std::string> message_of(const json& entry) {
  for (const char* key : {"MESSAGE", "msg", "message", "log"}) {
    const auto value = entry.find(key);
    if (value == entry.end()) continue;
    if (value->is_string()) return value->get<std::string>();
    if (!value->is_array()) continue;
    std::string bytes;
    for (const json& byte : *value) {
      if (byte.is_number_unsigned() && byte.get<uint64_t>() < 256) bytes += static_cast<char>(byte.get<uint64_t>());
    }
    return bytes;
  }
  return std::nullopt;
}

bool is_from_kernel(const json& entry) {
  for (const char* key : {"_TRANSPORT", "SYSLOG_IDENTIFIER"}) {
    const auto value = entry.find(key);
    if (value != entry.end() && value->is_string()) return *value == "kernel";
  }
  return true;
}

/// Collects the entries as lines.
class JsonLines {
 public:
  void value(const json& read) {
    const auto list = read.is_object() ? read.find("dmesg") : read.end();
    const json& content = list != read.end() ? *list : read;
    if (!content.is_array()) return entry(content);
    for (const json& element : content) entry(element);
  }

  std::string lines;
  size_t entries = 0;

 private:
  void entry(const json& object) {
    if (!object.is_object()) return;
    const auto message = message_of(object);
    if (!message) return;
    ++entries;
    if (!is_from_kernel(object)) return;
    if (const auto boot = object.find("_BOOT_ID"); boot != object.end() && boot->is_string() && *boot != boot_) {
      boot_ = *boot;
      lines += "-- Boot " + boot->get<std::string>() + " --\n";
    }
    for (const char c : *message) lines += c == '\n' ? ' ' : c;
    lines += '\n';
  }

  json boot_;
};

/// One value on each line; false if a line is none.
bool read_lines(const std::string& text, JsonLines& out) {
  size_t bad = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    size_t first = start;
    while (first < end && (text[first] == ' ' || text[first] == '\x1e')) ++first;
    if (text.compare(first, 6, "data: ") == 0) first += 6;
    const json value = first < end ? json::parse(text.begin() + static_cast<ptrdiff_t>(first),
                                                 text.begin() + static_cast<ptrdiff_t>(end), nullptr, false)
                                   : json();
    bad += first < end && value.is_discarded();
    if (!value.is_discarded()) out.value(value);
    start = end + 1;
  }
  return out.entries > bad;
}

/// Values one after another, whatever lines they are on.
void read_stream(const std::string& text, JsonLines& out) {
  std::istringstream in(text);
  try {
    while (in >> std::ws && in.peek() != std::char_traits<char>::eof()) {
      json value;
      in >> value;
      out.value(value);
    }
  } catch (const json::exception&) {
    // The rest is damaged: what was whole is taken, and the comparison of what the log says twice tells what is missing.
  }
}

}  // namespace

std::optional<std::string> lines_of_json_log(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n\x1e");
  if (first == std::string::npos) return std::nullopt;
  const bool object = text[first] == '{' || text[first] == '[' || text.compare(first, 6, "data: ") == 0;
  const std::string head = text.substr(first, kHead);
  static constexpr std::array<const char*, 5> kKeys = {"\"MESSAGE\"", "\"dmesg\"", "\"msg\"", "\"message\"", "\"log\""};
  bool named = false;
  for (const char* key : kKeys) named |= head.find(key) != std::string::npos;
  if (!object || !named || head.find("\"stages\"") != std::string::npos) return std::nullopt;
  JsonLines by_line;
  if (read_lines(text, by_line)) return by_line.lines;
  JsonLines by_value;
  read_stream(text, by_value);
  if (by_value.entries == 0) return std::nullopt;
  return by_value.lines;
}

}  // namespace mmusim
