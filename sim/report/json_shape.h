// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace mmusim {

/// Looks up parts of a JSON document that this program wrote once and that may have been changed since: what is missing
/// or of another type is an InputError with place and pointer, never an exception of the JSON library.
class JsonShape {
 public:
  JsonShape(const nlohmann::ordered_json& node, std::string place, std::string pointer = "")
      : node_(&node), place_(std::move(place)), pointer_(std::move(pointer)) {}

  const nlohmann::ordered_json& node() const { return *node_; }
  const std::string& place() const { return place_; }
  const std::string& pointer() const { return pointer_; }

  /// The member `key` of an object, which must be there.
  JsonShape at(const std::string& key) const;
  /// Element `i` of an array, which must be there.
  JsonShape at(size_t i) const;
  bool has(const std::string& key) const { return node_->is_object() && node_->contains(key); }

  const JsonShape& object() const;
  const JsonShape& array() const;
  const JsonShape& number() const;
  const std::string& text() const;

  [[noreturn]] void fail(const std::string& expected) const;

 private:
  const nlohmann::ordered_json* node_;
  std::string place_;
  std::string pointer_;
};

/// Parses JSON text as strictly as parse_json_text() does, with the members of objects in their order.
nlohmann::ordered_json parse_ordered_json(const std::string& text, const std::string& place);

/// Reads a whole file as text. Throws EnvironmentError; InputError if it is larger than a file of JSON may be.
std::string read_json_file_text(const std::string& path);

}  // namespace mmusim
