// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "sim/trace/event_log_names.h"

namespace mmusim {

/// Formats one JSON object into memory that is known to be large enough, with 16 bytes to spare: numbers are written in
/// whole words, the end of which the next text overwrites. Nothing is checked and nothing is allocated: the event log
/// makes room first. Names need no escaping.
class JsonLine {
 public:
  explicit JsonLine(char* at) : at_(at) {}
  char* end() const { return at_; }

  /// Raw text, braces and commas included.
  template <size_t N>
  JsonLine& raw(const char (&text)[N]) {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
    return *this;
  }
  JsonLine& raw(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  /// Begins a record of the event log: `{"event":"kind"`.
  template <EventKind Kind>
  JsonLine& begin() {
    return raw(std::string_view(kEventBeginText<Kind>.data(), kEventBeginText<Kind>.size()));
  }
  /// The name of a member of the event log: `,"name":`, or with `Before` in place of the comma.
  template <EventField Field, char Before = ','>
  JsonLine& key() {
    constexpr const auto& kText = kEventKeyText<Field, Before>;
    return raw(std::string_view(kText.data(), kText.size()));
  }
  /// A member of the event log whose value needs no escaping.
  template <EventField Field>
  JsonLine& word(std::string_view value) {
    return key<Field>().raw("\"").raw(value).raw("\"");
  }
  JsonLine& number(uint64_t value) {
    if (value >= 10) return at(put_number(at_, value));
    *at_++ = static_cast<char>('0' + value);
    return *this;
  }
  /// "0x..." with quotes.
  JsonLine& hex(uint64_t value) { return at(put_hex(at_, value)); }
  /// Quoted and escaped; takes up to 6 bytes for each byte of text.
  JsonLine& text(std::string_view value) { return at(put_text(at_, value)); }
  JsonLine& boolean(bool value) { return value ? raw("true") : raw("false"); }

 private:
  // A function that writes at `at` and returns where it ended: so the place stays in a register of the host.
  static char* put_number(char* at, uint64_t value);  // from 10 on
  static char* put_hex(char* at, uint64_t value);
  static char* put_text(char* at, std::string_view value);
  JsonLine& at(char* end) {
    at_ = end;
    return *this;
  }

  char* at_;
};

/// `value` as a JSON string, with its quotes.
std::string json_quoted(std::string_view value);

}  // namespace mmusim
