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

#include "models/base/config_keys.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/json_input.h"
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

/// An empty JSON object.
const nlohmann::json& empty_document();

/// Says what a reader's record of keys holds.
enum class Record : uint8_t {
  kDocument,  ///< the keys that were read, with the values that hold
  kAllKeys,   ///< every key that the reader knows: optional objects, an element of each list, each kind of phase
};

/// Reads one JSON object into a struct, key by key. A key that is missing leaves its default; a key of the wrong type
/// or range is an error; keys that nothing read are errors when finish() is called. Nothing throws: all errors are
/// collected in the ConfigErrors given at construction.
///
/// The functions that read a kind of file with it are the one home of that file's keys: a reader that was made with a
/// KeyNode records there each key, its form, its default and its meaning as it is read.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& node, std::string pointer, ConfigErrors& errors);
  ConfigReader(const nlohmann::json& node, std::string pointer, ConfigErrors& errors, KeyNode& node_record,
               Record what);

  bool has(std::string_view key) const;
  bool is_object(std::string_view key) const;
  /// True if all keys are being recorded: the document is empty, and what the reader returns is not used.
  bool records_all() const { return record_ != nullptr && what_ == Record::kAllKeys; }
  /// True if keys are being recorded.
  bool records() const { return record_ != nullptr; }
  /// Accepts a key without reading it: a text for the human reader, such as "source".
  void ignore(ConfigKey key);
  /// Records a key that is dealt with before the document reaches the reader.
  void note(ConfigKey key, ValueForm form);
  /// Records a word that stands for a value of the key and is replaced before the document reaches the reader.
  void also_takes(std::string_view key, std::string_view word);
  /// An error unless the key is there: "missing, expected `expected`".
  void require(std::string_view key, std::string_view expected);

  void read(ConfigKey key, bool& value);
  /// A number from low to high.
  void read(ConfigKey key, double& value, double low = -std::numeric_limits<double>::infinity(),
            double high = std::numeric_limits<double>::infinity());
  /// A number above low, up to high.
  void read_above(ConfigKey key, double& value, double low, double high = std::numeric_limits<double>::infinity());
  void read(ConfigKey key, std::string& value);
  /// Non-negative integer within [min, max]; hex strings ("0x1000") are accepted.
  void read(ConfigKey key, uint64_t& value, uint64_t min = 0, uint64_t max = ValueForm::kNoLimit);
  void read(ConfigKey key, unsigned& value, unsigned min = 0, unsigned max = std::numeric_limits<unsigned>::max());
  void read(ConfigKey key, Cycles& value, uint64_t min = 0, uint64_t max = uint64_t{1} << 32) {
    read(key, value.count, min, max);
  }
  /// Hex string or integer.
  void read(ConfigKey key, PhysAddr& value);
  void read(ConfigKey key, VirtAddr& value);
  /// A register's value: hex string or integer.
  void read_bits(ConfigKey key, uint64_t& value);
  /// One of some integers.
  void read_one_of(ConfigKey key, unsigned& value, std::initializer_list<unsigned> allowed);
  /// Bytes: an integer or a string such as "128MiB", "4KiB", "1.5GiB", "0x1000".
  void read_size(ConfigKey key, uint64_t& bytes, uint64_t min = 0, uint64_t max = ValueForm::kNoLimit);
  void read_size(ConfigKey key, std::optional<uint64_t>& bytes);
  /// One of some sizes.
  void read_size_of(ConfigKey key, uint64_t& bytes, std::initializer_list<uint64_t> allowed);
  /// One of the given names.
  template <class T>
  void read_enum(ConfigKey key, T& value, std::initializer_list<std::pair<std::string_view, T>> names) {
    std::vector<std::string> words;
    size_t index = names.size();
    for (const auto& [name, v] : names) {
      if (v == value && index == names.size()) index = words.size();
      words.emplace_back(name);
    }
    index = choose(key, std::move(words), index, "value");
    if (index < names.size()) value = names.begin()[index].second;
  }
  template <class T>
  void read(ConfigKey key, std::optional<T>& value) {
    T inner{};
    if (!has(key.name)) {
      expect_optional(key, inner);
      return;
    }
    read(key, inner);
    value = inner;
  }
  /// An integer within [min, max], or nothing.
  template <class T>
  void read(ConfigKey key, std::optional<T>& value, T min, T max) {
    T inner{};
    if (!has(key.name)) {
      expect_optional(key, inner, min, max);
      return;
    }
    read(key, inner, min, max);
    value = inner;
  }

  /// Reader of an object below, of an empty one if it is missing; an error if it is there but no object.
  ConfigReader child(ConfigKey key);
  /// Calls fn(ConfigReader) for an object below if it is there (or all keys are recorded).
  template <class Fn>
  void optional_child(ConfigKey key, Fn&& fn) {
    mark_optional(key);
    if (has(key.name) || records_all()) fn(child(key));
  }
  /// Reader of `document`, which stands for the object `key`, with errors of its own.
  ConfigReader instead(ConfigKey key, const nlohmann::json& document, ConfigErrors& errors);
  /// Calls fn(ConfigReader) for each object of an array; an error if `key` is there but no array of objects.
  template <class Fn>
  void for_each(ConfigKey key, Fn&& fn, size_t min_items = 0) {
    const size_t n = array_size(key, min_items);
    for (size_t i = 0; i < n; ++i) fn(element(key, i));
  }
  /// Returns the raw value (and marks the key as read), or nullptr if it is missing. The caller checks that it has
  /// `form`. `by_default`: JSON text of what holds if it is missing.
  const nlohmann::json* raw(ConfigKey key, ValueForm form = {}, std::string_view by_default = "");

  /// Reads which of `kinds` (elements with a `name`) the object is; its other keys depend on that. Returns nullptr if
  /// it is none (an error) or all keys are recorded. `noun` says in errors what kinds they are.
  template <class Kinds>
  auto read_kind(ConfigKey key, const Kinds& kinds, std::string_view noun) -> decltype(&*std::begin(kinds)) {
    std::vector<std::string> words;
    for (const auto& kind : kinds) words.emplace_back(kind.name);
    require_kind(key, words);
    const size_t index = choose(key, std::move(words), std::size(kinds), noun);
    return index < std::size(kinds) ? &*(std::begin(kinds) + static_cast<ptrdiff_t>(index)) : nullptr;
  }
  /// Calls fn(kind, reader) for the kind that read_kind() returned; to record all keys, for each kind.
  template <class Kind, class Kinds, class Fn>
  void with_kind(const Kind* kind, const Kinds& kinds, Fn&& fn) {
    if (kind != nullptr) {
      fn(*kind, *this);
    } else if (records_all()) {
      for (const auto& each : kinds) {
        ConfigReader own = reader_of_case(each.name);
        fn(each, own);
      }
    }
  }

  /// An error at `key` unless `condition`.
  template <class... Args>
  void check(bool condition, std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) error(key, fmt::format(format, std::forward<Args>(args)...));
  }
  void error(std::string_view key, const std::string& what);
  /// Reports keys that nothing read, each with the known key it may have been meant to be. Call once, last.
  void finish();

  const std::string& pointer() const { return pointer_; }
  ConfigErrors& errors() const { return *errors_; }

 private:
  const nlohmann::json* lookup(std::string_view key);
  /// As lookup(), and records the key with its form.
  const nlohmann::json* lookup(const ConfigKey& key, const ValueForm& form);
  void keep_value(std::string_view key, std::string value);
  void read_number(const ConfigKey& key, double& value, const ValueForm& form);
  void read_integer(const ConfigKey& key, uint64_t& value, const ValueForm& form);
  void read_bytes(const ConfigKey& key, uint64_t& bytes, const ValueForm& form);
  /// Reads one of `words`: its index; `by_default` if it is missing or wrong.
  size_t choose(const ConfigKey& key, std::vector<std::string> words, size_t by_default, std::string_view noun);
  size_t array_size(const ConfigKey& key, size_t min_items);
  ConfigReader element(const ConfigKey& key, size_t index);
  ConfigReader below(std::string_view key, const nlohmann::json& node, std::string pointer, ConfigErrors& errors) const;
  ConfigReader reader_of_case(std::string_view name) const;
  void require_kind(const ConfigKey& key, const std::vector<std::string>& words);
  void mark_optional(const ConfigKey& key);
  /// Records a key that is missing and has no default.
  template <class... Value>
  void expect_optional(const ConfigKey& key, Value&&... value) {
    read(key, value...);
    keep_value(key.name, "");
  }
  std::string pointer_to(std::string_view key) const;

  const nlohmann::json* node_;
  std::string pointer_;
  ConfigErrors* errors_;
  KeyNode* record_ = nullptr;
  Record what_ = Record::kDocument;
  std::set<std::string, std::less<>> read_;
};

/// Calls read(ConfigReader) on an empty document and returns every key that it knows.
template <class Read>
KeyNode record_all_keys(Read&& read) {
  KeyNode root;
  root.form.kind = ValueForm::Kind::kObject;
  ConfigErrors ignored("");
  read(ConfigReader(empty_document(), "", ignored, root, Record::kAllKeys));
  return root;
}

}  // namespace mmusim
