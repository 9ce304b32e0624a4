// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Names and explains a key where it is read. `meaning` is one plain sentence. A key of a platform, a DRAM device or a
/// scenario without a meaning fails a test.
struct ConfigKey {
  std::string_view name;
  std::string_view meaning;
  std::string_view unit;       ///< "cycles", "entries"; empty if the value has none
  std::string_view otherwise;  ///< says what holds if the key is missing and that is no fixed value

  constexpr ConfigKey(const char* key) : name(key) {}
  constexpr ConfigKey(std::string_view key) : name(key) {}
  ConfigKey(const std::string& key) : name(key) {}
  constexpr ConfigKey(std::string_view key, std::string_view says, std::string_view counts = "",
                      std::string_view if_missing = "")
      : name(key), meaning(says), unit(counts), otherwise(if_missing) {}
};

/// The values that a key takes.
struct ValueForm {
  enum class Kind : uint8_t {
    kAny,
    kFlag,     ///< true or false
    kInteger,  ///< min to max; hex strings are accepted
    kNumber,   ///< low to high, fractions too
    kText,
    kAddress,  ///< hex string or integer, min to max
    kSize,     ///< bytes: integer or "128MiB", min to max
    kChoice,   ///< one of `words`
    kObject,
    kList,  ///< of one form, min_items to max_items of them
    kMap,   ///< an object whose members have names of the user's choice and one form
  };
  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  Kind kind = Kind::kAny;
  uint64_t min = 0;
  uint64_t max = kNoLimit;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;           ///< kNumber: low itself is not allowed
  std::vector<std::string> words;   ///< of a choice; what an integer or an object may be instead (an empty word: any)
  std::vector<uint64_t> values;     ///< if not empty: the only integers or sizes that are allowed
  std::vector<ValueForm> elements;  ///< one: the form of each element of a list, or of each member of a map
  size_t min_items = 0;
  size_t max_items = kNoLimit;

  static ValueForm of(Kind kind);
  static ValueForm integer(uint64_t min, uint64_t max);
  static ValueForm choice(std::vector<std::string> words);
  static ValueForm map(ValueForm member);
  static ValueForm list(ValueForm element, size_t min_items = 0, size_t max_items = kNoLimit);

  /// "integer", "size", "one of open, closed", "list of integers".
  std::string type_text() const;
  /// "1 to 64", "4KiB, 2MiB or 1GiB"; empty if every value of the type is allowed.
  std::string range_text() const;
};

/// One key, as the reader that read it recorded it: the home of what the program says about its configuration files.
///
/// Recorded from a document, an object has the keys that were read, with the values that hold (given or default), and a
/// list has its elements. Recorded from nothing (record_all_keys()), an object has every key that its reader knows,
/// with the defaults, and a list of objects has one element.
struct KeyNode {
  std::string name;  ///< of an element of a list: its index
  std::string meaning;
  std::string unit;
  std::string otherwise;
  ValueForm form;
  std::string value;      ///< JSON text; empty: no value, or an object or list that has keys
  bool required = false;  ///< its object is an error without it
  bool optional = false;  ///< an object that does without it has none of its keys, whatever their defaults
  bool remark = false;    ///< a text for the human reader: accepted, not read
  std::list<KeyNode> keys;
  std::string selector;      ///< the key whose value decides which further keys the object has; empty: none does
  std::list<KeyNode> cases;  ///< one for each value of the selector, named by it

  /// Returns the key of that name, made if it is not there.
  KeyNode& key(std::string_view key_name);
  const KeyNode* find(std::string_view key_name) const;
  /// Returns the case of that name, made if it is not there.
  KeyNode& case_of(std::string_view case_name);
  const KeyNode* find_case(std::string_view case_name) const;
  /// True if the object cannot do without the key: it is required, or one below it is.
  bool needed() const;
};

/// Returns the document that a node was recorded from, with all defaults filled in.
nlohmann::ordered_json document_of(const KeyNode& node);

/// "128MiB": the largest unit that divides `bytes`; digits alone below 1 KiB.
std::string size_text(uint64_t bytes);

/// The word that is most like `word`, for "did you mean"; empty if none is similar.
std::string nearest_word(std::string_view word, const std::vector<std::string>& words);

}  // namespace mmusim
