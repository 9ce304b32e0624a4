// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr char kEscape = '\x1b';

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// Surrogates without a partner become '?'.
std::string from_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](size_t i) {
    const auto a = static_cast<uint8_t>(bytes[i]);
    const auto b = static_cast<uint8_t>(bytes[i + 1]);
    return static_cast<uint32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  std::string out;
  out.reserve(bytes.size() / 2);
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const uint32_t code = unit(i);
    if (code < 0xd800 || code > 0xdfff) {
      append_utf8(out, code);
    } else if (code < 0xdc00 && i + 3 < bytes.size() && (unit(i + 2) & 0xfc00) == 0xdc00) {
      append_utf8(out, 0x10000 + ((code & 0x3ff) << 10) + (unit(i + 2) & 0x3ff));
      i += 2;
    } else {
      out += '?';
    }
  }
  return out;
}

/// Text in UTF-16 without a mark: of the first bytes nearly every second one is NUL.
bool looks_like_utf16(std::string_view bytes, size_t nul_at) {
  const std::string_view head = bytes.substr(0, 4096);
  size_t nuls = 0;
  size_t others = 0;
  for (size_t i = 0; i < head.size(); ++i) (i % 2 == nul_at ? nuls : others) += head[i] == '\0';
  return nuls * 10 > head.size() * 4 && others * 100 < head.size();
}

std::string to_utf8(std::string_view bytes, std::vector<std::string>& notes) {
  const auto utf16 = [&](size_t skip, bool big_endian) {
    notes.push_back("the log is in UTF-16");
    return from_utf16(bytes.substr(skip), big_endian);
  };
  if (bytes.starts_with("\xff\xfe")) return utf16(2, false);
  if (bytes.starts_with("\xfe\xff")) return utf16(2, true);
  if (bytes.size() >= 16 && looks_like_utf16(bytes, 1)) return utf16(0, false);
  if (bytes.size() >= 16 && looks_like_utf16(bytes, 0)) return utf16(0, true);
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  return std::string(bytes);
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  size_t at = text.find(what);
  if (at == std::string::npos) return;
  std::string out;
  size_t start = 0;
  for (; at != std::string::npos; at = text.find(what, start)) {
    out.append(text, start, at - start).append(by);
    start = at + what.size();
  }
  text = out.append(text, start);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Mail as RFC 2045 section 6.7 encodes it: "=3D" for "=", and "=" at the end of a line that goes on.
std::string from_quoted_printable(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
    } else if (text.compare(i + 1, 1, "\n") == 0) {
      ++i;
    } else if (text.compare(i + 1, 2, "\r\n") == 0) {
      i += 2;
    } else if (i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += '=';
    }
  }
  return out;
}

bool is_quoted_printable(const std::string& text) {
  return text.find("=3D") != std::string::npos &&
         (text.find("=\n") != std::string::npos || text.find("=\r\n") != std::string::npos);
}

/// Behind the escape sequence that begins at `at` [ECMA-48 section 5].
size_t after_escape(const std::string& text, size_t at) {
  const size_t size = text.size();
  if (++at >= size) return size;
  if (text[at] == ']') {  // a string for the terminal, ended by BEL or ESC backslash
    while (++at < size && text[at] != '\a' && text[at] != '\n') {
      if (text[at] == kEscape) return std::min(at + 2, size);
    }
    return std::min(at + 1, size);
  }
  if (text[at] != '[') {  // intermediate bytes, then the final one: ESC ( B
    while (at < size && text[at] >= 0x20 && text[at] <= 0x2f) ++at;
    return std::min(at + 1, size);
  }
  while (++at < size && text[at] >= 0x20 && text[at] <= 0x3f) {
  }
  const bool whole = at < size && text[at] >= 0x40 && text[at] <= 0x7e;
  return std::min(whole ? at + 1 : at, size);
}

/// Bytes of the UTF-8 sequence at `at`; 0 if it is none.
size_t utf8_length(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0U; };
  const unsigned first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : length;
}

/// Drops escape sequences and control characters, makes each carriage return the end of a line, replaces what is not
/// UTF-8; returns how many bytes were replaced.
size_t clean(const std::string& text, std::string& out) {
  size_t replaced = 0;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == kEscape) {
      i = after_escape(text, i);
    } else if (c == '\r') {
      if (text.compare(i + 1, 1, "\n") != 0) out += '\n';
      ++i;
    } else if (c == '\n' || c == '\t') {
      out += c;
      ++i;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      ++i;
    } else if (const size_t length = utf8_length(text, i); length == 0) {
      out += '?';
      ++replaced;
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  return replaced;
}

}  // namespace

LogText decode_log(std::string_view bytes) {
  LogText out;
  std::string text = to_utf8(bytes, out.notes);
  if (is_quoted_printable(text)) text = from_quoted_printable(text);
  replace_all(text, "#033[", "\x1b[");
  replace_all(text, "^[[", "\x1b[");
  replace_all(text, "#011", "\t");
  if (text.find("==&gt;") != std::string::npos || text.find("&lt;") != std::string::npos) {
    static constexpr std::array<std::array<std::string_view, 2>, 4> kEntities = {
        {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}}};
    for (const auto& [entity, character] : kEntities) replace_all(text, entity, character);
  }
  for (const std::string_view tag : {"<br />", "<br/>", "<br>"}) replace_all(text, tag, "\n");
  const size_t replaced = clean(text, out.text);
  replace_all(out.text, "\xc2\xa0", " ");  // no-break spaces of web pages
  replace_all(out.text, "&nbsp;", " ");
  if (replaced != 0) out.notes.push_back(fmt::format("{} bytes of the log are not UTF-8 and were replaced", replaced));
  return out;
}

}  // namespace mmusim
