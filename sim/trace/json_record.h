// SPDX-License-Identifier: MIT
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "models/base/access.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

/// Reads one JSON object after the other from lines of text.
class JsonRecords {
 public:
  explicit JsonRecords(ByteReader& bytes) : bytes_(bytes) {}

  /// Goes to the next line; false at the end of the stream.
  bool next_line() {
    offset_ = bytes_.offset();
    const std::optional<std::string_view> line = bytes_.line();
    text_ = line.value_or(std::string_view());
    return line.has_value();
  }
  /// Calls member(key, value) for each member of the object on that line. Throws TraceDamage if it is no JSON object.
  template <class Member>
  void parse(Member&& member) {
    try {
      const simdjson::padded_string_view padded(text_.data(), text_.size(), text_.size() + ByteReader::kPadding);
      simdjson::ondemand::document document = parser_.iterate(padded);
      simdjson::ondemand::object object = document.get_object();
      for (simdjson::ondemand::field field : object) {
        const std::string_view key = field.unescaped_key();
        member(key, field.value());
      }
      const char* rest = nullptr;
      if (document.current_location().get(rest) == simdjson::SUCCESS) {
        throw TraceDamage("text after the JSON object of the line");
      }
    } catch (const simdjson::simdjson_error& error) {
      throw TraceDamage(std::string("no JSON object as expected: ") + error.what());
    }
  }
  /// next_line() and parse() in one; false at the end of the stream.
  template <class Member>
  bool next(Member&& member) {
    if (!next_line()) return false;
    parse(std::forward<Member>(member));
    return true;
  }
  /// Place where the line of the last next_line() begins, and its text (valid until the next call).
  uint64_t offset() const { return offset_; }
  std::string_view text() const { return text_; }

 private:
  static_assert(ByteReader::kPadding >= simdjson::SIMDJSON_PADDING);
  ByteReader& bytes_;
  simdjson::ondemand::parser parser_;
  uint64_t offset_ = 0;
  std::string_view text_;
};

/// "0x..." as a number.
uint64_t json_hex(simdjson::ondemand::value value);
/// An integer from 0 to `most`.
uint64_t json_number(simdjson::ondemand::value value, uint64_t most = UINT64_MAX);
std::string_view json_text(simdjson::ondemand::value value);
/// Reads "depends_on": a distance, or a list of at most kMostProducers of them.
void json_producers(simdjson::ondemand::value value, MemAccess& access);
bool json_boolean(simdjson::ondemand::value value);

}  // namespace mmusim
