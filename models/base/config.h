// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/types.h"

namespace mmusim {

/// Everything found wrong in one input file, each with its JSON pointer.
class ConfigErrors {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}

  void add(const std::string& pointer, const std::string& what);
  bool empty() const { return lines_.empty(); }
  size_t size() const { return lines_.size(); }
  const std::string& file() const { return file_; }
  /// One line for each error: `file: /json/pointer: what is wrong, what was expected`.
  std::string text() const;
  /// Throws InputError with text() if there is any error.
  void throw_if_any() const;

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

/// Reads one JSON object into a struct, key by key. A key that is missing leaves its default; a key of the wrong type
/// or range is an error; keys that nobody read are errors when finish() is called. Nothing throws: all errors are
/// collected in the ConfigErrors given at construction.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& node, std::string pointer, ConfigErrors& errors);

  bool has(std::string_view key) const;
  /// Marks a key as known without reading it (for keys read elsewhere, or comments such as "source").
  void ignore(std::string_view key);

  void read(std::string_view key, bool& value);
  void read(std::string_view key, double& value);
  void read(std::string_view key, std::string& value);
  /// Non-negative integer within [min, max]; hex strings ("0x1000") are accepted.
  void read(std::string_view key, uint64_t& value, uint64_t min = 0,
            uint64_t max = std::numeric_limits<uint64_t>::max());
  void read(std::string_view key, unsigned& value, unsigned min = 0,
            unsigned max = std::numeric_limits<unsigned>::max());
  void read(std::string_view key, Cycles& value) { read(key, value.count, 0, uint64_t{1} << 32); }
  /// Hex string or integer.
  void read(std::string_view key, PhysAddr& value);
  void read(std::string_view key, VirtAddr& value);
  /// Bytes: an integer or a string such as "128MiB", "4KiB", "1.5GiB", "0x1000".
  void read_size(std::string_view key, uint64_t& bytes);
  /// One of the given names.
  template <class T>
  void read_enum(std::string_view key, T& value, std::initializer_list<std::pair<std::string_view, T>> names) {
    std::string text;
    if (!has(key)) return;
    read(key, text);
    if (text.empty()) return;
    std::string expected;
    for (const auto& [name, v] : names) {
      if (text == name) {
        value = v;
        return;
      }
      expected += (expected.empty() ? "" : ", ") + std::string(name);
    }
    error(key, fmt::format("unknown value \"{}\", expected one of {}", text, expected));
  }
  template <class T>
  void read(std::string_view key, std::optional<T>& value) {
    if (!has(key)) return;
    T inner{};
    read(key, inner);
    value = inner;
  }

  /// Reader of an object below; an error (and an empty object) if it is there but no object.
  ConfigReader child(std::string_view key);
  /// Calls fn(ConfigReader) for each object of an array; an error if `key` is there but no array of objects.
  template <class Fn>
  void for_each(std::string_view key, Fn&& fn) {
    const size_t n = array_size(key);
    for (size_t i = 0; i < n; ++i) fn(element(key, i));
  }
  /// Calls fn(name, ConfigReader) for each member of an object whose members are objects, in the file's order.
  template <class Fn>
  void for_each_member(std::string_view key, Fn&& fn) {
    for (const std::string& name : member_names(key)) fn(name, child(key).child(name));
  }
  std::vector<std::string> member_names(std::string_view key);
  /// The raw value (marks the key as read); nullptr if missing.
  const nlohmann::json* raw(std::string_view key);

  /// An error at `key` unless `condition`.
  template <class... Args>
  void check(bool condition, std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) error(key, fmt::format(format, std::forward<Args>(args)...));
  }
  void error(std::string_view key, const std::string& what);
  /// Reports keys that nobody read. Call once, last.
  void finish();

  const std::string& pointer() const { return pointer_; }
  ConfigErrors& errors() const { return *errors_; }

 private:
  const nlohmann::json* lookup(std::string_view key);
  size_t array_size(std::string_view key);
  ConfigReader element(std::string_view key, size_t index);
  std::string pointer_to(std::string_view key) const;

  const nlohmann::json* node_;
  std::string pointer_;
  ConfigErrors* errors_;
  std::set<std::string, std::less<>> read_;
};

/// Parses a JSON file, comments allowed. Throws EnvironmentError if it cannot be opened, InputError (with line and
/// column) if it is not JSON, has a duplicate key, or is larger than 256 MiB.
nlohmann::json parse_json_file(const std::string& path);
/// The same for text; `name` stands for the file in messages.
nlohmann::json parse_json_text(std::string_view text, const std::string& name);

/// "0x..." or decimal digits as an unsigned number; nullopt if it is anything else or does not fit 64 bits.
std::optional<uint64_t> parse_number(std::string_view text);
/// parse_number with an optional unit KiB, MiB, GiB, TiB or B ("1.5GiB").
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace mmusim
