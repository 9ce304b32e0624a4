// SPDX-License-Identifier: MIT
#include "sim/host/text_output.h"

#include <cerrno>
#include <cstdio>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

/// A character of UTF-8 text and its length in bytes; length 1 and `valid` false for a byte that begins none.
struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

Character character_at(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {first, 1, false};
  uint32_t code = first & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {first, 1, false};
    code = code << 6 | (next & 0x3FU);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = code >= kLeast[bytes] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (!valid) return {first, 1, false};
  return {code, bytes, true};
}

/// Characters that a terminal obeys, that reorder what stands beside them, or that end a line.
bool is_obeyed(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xE0000 && code <= 0xE007F);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

}  // namespace

std::string visible_text(std::string_view text, LineBreaks breaks) {
  std::string visible;
  visible.reserve(text.size());
  while (!text.empty()) {
    const Character c = character_at(text);
    const bool kept = breaks == LineBreaks::kKept && (c.code == '\n' || c.code == '\t');
    if (!c.valid) {
      visible += fmt::format("\\x{:02x}", c.code);
    } else if (kept || !is_obeyed(c.code)) {
      visible.append(text.substr(0, c.bytes));
    } else if (c.code == '\n' || c.code == '\t' || c.code == '\r') {
      visible += c.code == '\n' ? "\\n" : c.code == '\t' ? "\\t" : "\\r";
    } else {
      visible += c.code < 0x80 ? fmt::format("\\x{:02x}", c.code) : fmt::format("\\u{:04x}", c.code);
    }
    text.remove_prefix(c.bytes);
  }
  return visible;
}

std::string visible_json(std::string_view json) {
  std::string visible;
  visible.reserve(json.size());
  while (!json.empty()) {
    const Character c = character_at(json);
    const bool layout = c.code == '\n' || c.code == '\t' || c.code == '\r';
    if (!c.valid) {
      visible += "\\ufffd";
    } else if (layout || !is_obeyed(c.code)) {
      visible.append(json.substr(0, c.bytes));
    } else if (c.code < 0x10000) {
      visible += fmt::format("\\u{:04x}", c.code);
    } else {
      const uint32_t rest = c.code - 0x10000;
      visible += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
    json.remove_prefix(c.bytes);
  }
  return visible;
}

std::string utf8_text(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const Character c = character_at(text);
    valid.append(c.valid ? text.substr(0, c.bytes) : "\xEF\xBF\xBD");
    text.remove_prefix(c.bytes);
  }
  return valid;
}

void print_coloured(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return;
  throw system_error("write", "standard output", errno == 0 ? EIO : errno);
}

void print_text(std::string_view text) { print_coloured(visible_text(text)); }

void print_json(std::string_view json) { print_coloured(visible_json(json)); }

void print_error(std::string_view text) {
  const std::string visible = visible_text(text);
  (void)!std::fwrite(visible.data(), 1, visible.size(), stderr);
}

std::string path_component(std::string_view label) {
  constexpr size_t kMostBytes = 100;
  std::string name;
  for (const char c : label) name += is_plain(c) ? c : '_';
  if (name.empty()) return "_";
  if (name[0] == '.') name[0] = '_';
  if (name.size() <= kMostBytes) return name;
  uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : label) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{}-{:016x}", name.substr(0, kMostBytes - 17), digest);
}

std::string csv_field(std::string_view text) {
  std::string field(text);
  const size_t first = field.find_first_not_of(' ');
  if (first != std::string::npos && std::string_view("=+-@\t\r\n").find(field[first]) != std::string_view::npos) {
    field.insert(0, "'");
  }
  if (field.find_first_of(",;\"\n\r\t") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace mmusim
