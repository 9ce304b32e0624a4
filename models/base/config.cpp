// SPDX-License-Identifier: MIT
#include "models/base/config.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace mmusim {

using nlohmann::json;

namespace {

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

const json& empty_document() {
  static const json object = json::object();
  return object;
}

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
    node_ = &empty_document();
  }
}

ConfigReader::ConfigReader(const json& node, std::string pointer, ConfigErrors& errors, KeyNode& node_record,
                           Record what)
    : ConfigReader(node, std::move(pointer), errors) {
  record_ = &node_record;
  record_->form.kind = ValueForm::Kind::kObject;
  what_ = what;
}

bool ConfigReader::has(std::string_view key) const { return node_->contains(key); }

bool ConfigReader::is_object(std::string_view key) const {
  const auto found = node_->find(key);
  return found != node_->end() && found->is_object();
}

void ConfigReader::ignore(ConfigKey key) {
  const json* j = lookup(key, ValueForm::of(ValueForm::Kind::kAny));
  if (record_ == nullptr) return;
  record_->key(key.name).remark = true;
  if (j != nullptr) keep_value(key.name, j->dump());
}

void ConfigReader::note(ConfigKey key, ValueForm form) {
  if (records_all()) lookup(key, form);
}

void ConfigReader::also_takes(std::string_view key, std::string_view word) {
  if (record_ != nullptr) record_->key(key).form.words.emplace_back(word);
}

void ConfigReader::require(std::string_view key, std::string_view expected) {
  if (!has(key)) error(key, fmt::format("missing, expected {}", expected));
  if (record_ != nullptr) record_->key(key).required = true;
}

std::string ConfigReader::pointer_to(std::string_view key) const {
  return key.empty() ? pointer_ : pointer_ + "/" + escaped(key);
}

void ConfigReader::error(std::string_view key, const std::string& what) { errors_->add(pointer_to(key), what); }

const json* ConfigReader::lookup(std::string_view key) {
  read_.emplace(key);
  const auto it = node_->find(key);
  return it == node_->end() ? nullptr : &*it;
}

const json* ConfigReader::lookup(const ConfigKey& key, const ValueForm& form) {
  if (record_ != nullptr) {
    KeyNode& node = record_->key(key.name);
    node.meaning = key.meaning;
    node.unit = key.unit;
    node.otherwise = key.otherwise;
    node.form = form;
  }
  return lookup(key.name);
}

void ConfigReader::keep_value(std::string_view key, std::string value) {
  if (record_ != nullptr) record_->key(key).value = std::move(value);
}

const json* ConfigReader::raw(ConfigKey key, ValueForm form, std::string_view by_default) {
  const json* j = lookup(key, form);
  if (record_ != nullptr) keep_value(key.name, j != nullptr ? j->dump() : std::string(by_default));
  return j;
}

void ConfigReader::read(ConfigKey key, bool& value) {
  const json* j = lookup(key, ValueForm::of(ValueForm::Kind::kFlag));
  if (j != nullptr && !j->is_boolean()) error(key.name, fmt::format("expected true or false, got {}", shown(*j)));
  if (j != nullptr && j->is_boolean()) value = j->get<bool>();
  keep_value(key.name, value ? "true" : "false");
}

void ConfigReader::read(ConfigKey key, double& value, double low, double high) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kNumber);
  form.low = low;
  form.high = high;
  read_number(key, value, form);
}

void ConfigReader::read_above(ConfigKey key, double& value, double low, double high) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kNumber);
  form.low = low;
  form.high = high;
  form.above_low = true;
  read_number(key, value, form);
}

void ConfigReader::read_number(const ConfigKey& key, double& value, const ValueForm& form) {
  const json* j = lookup(key, form);
  if (j != nullptr && !j->is_number()) {
    error(key.name, fmt::format("expected a number, got {}", shown(*j)));
  } else if (j != nullptr) {
    const double number = j->get<double>();
    const bool fits = (form.above_low ? number > form.low : number >= form.low) && number <= form.high;
    if (fits) value = number;
    if (!fits) error(key.name, fmt::format("expected {}, got {}", form.range_text(), shown(*j)));
  }
  if (record_ != nullptr) keep_value(key.name, json(value).dump());
}

void ConfigReader::read(ConfigKey key, std::string& value) {
  const json* j = lookup(key, ValueForm::of(ValueForm::Kind::kText));
  if (j != nullptr && !j->is_string()) error(key.name, fmt::format("expected a string, got {}", shown(*j)));
  if (j != nullptr && j->is_string()) value = j->get<std::string>();
  if (record_ != nullptr) keep_value(key.name, json(value).dump());
}

void ConfigReader::read_integer(const ConfigKey& key, uint64_t& value, const ValueForm& form) {
  const json* j = lookup(key, form);
  if (j != nullptr) {
    const auto number = exact_unsigned(*j);
    const bool listed = form.values.empty() ||
                        (number && std::find(form.values.begin(), form.values.end(), *number) != form.values.end());
    const bool fits = number && *number >= form.min && *number <= form.max && listed;
    if (fits) value = *number;
    if (!number) error(key.name, fmt::format("expected a non-negative integer, got {}", shown(*j)));
    if (number && !fits) error(key.name, fmt::format("expected {}, got {}", form.range_text(), shown(*j)));
  }
  if (record_ == nullptr) return;
  const bool hex = form.kind == ValueForm::Kind::kAddress;
  keep_value(key.name, hex ? fmt::format("\"0x{:x}\"", value) : std::to_string(value));
}

void ConfigReader::read(ConfigKey key, uint64_t& value, uint64_t min, uint64_t max) {
  read_integer(key, value, ValueForm::integer(min, max));
}

void ConfigReader::read(ConfigKey key, unsigned& value, unsigned min, unsigned max) {
  uint64_t wide = value;
  read_integer(key, wide, ValueForm::integer(min, max));
  value = static_cast<unsigned>(wide);
}

void ConfigReader::read_one_of(ConfigKey key, unsigned& value, std::initializer_list<unsigned> allowed) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kInteger);
  form.values.assign(allowed.begin(), allowed.end());
  uint64_t wide = value;
  read_integer(key, wide, form);
  value = static_cast<unsigned>(wide);
}

void ConfigReader::read(ConfigKey key, PhysAddr& value) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kAddress);
  form.max = (uint64_t{1} << 52) - 1;
  uint64_t raw = value.raw();
  read_integer(key, raw, form);
  value = PhysAddr(raw);
}

void ConfigReader::read(ConfigKey key, VirtAddr& value) {
  uint64_t raw = value.raw();
  read_bits(key, raw);
  value = VirtAddr(raw);
}

void ConfigReader::read_bits(ConfigKey key, uint64_t& value) {
  read_integer(key, value, ValueForm::of(ValueForm::Kind::kAddress));
}

void ConfigReader::read_size(ConfigKey key, uint64_t& bytes, uint64_t min, uint64_t max) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kSize);
  form.min = min;
  form.max = max;
  read_bytes(key, bytes, form);
}

void ConfigReader::read_size(ConfigKey key, std::optional<uint64_t>& bytes) {
  uint64_t size = 0;
  read_size(key, size);
  if (has(key.name)) {
    bytes = size;
  } else {
    keep_value(key.name, "");
  }
}

void ConfigReader::read_size_of(ConfigKey key, uint64_t& bytes, std::initializer_list<uint64_t> allowed) {
  ValueForm form = ValueForm::of(ValueForm::Kind::kSize);
  form.values.assign(allowed.begin(), allowed.end());
  read_bytes(key, bytes, form);
}

void ConfigReader::read_bytes(const ConfigKey& key, uint64_t& bytes, const ValueForm& form) {
  if (const json* j = lookup(key, form)) {
    const auto size = j->is_string() ? parse_size(j->get_ref<const std::string&>()) : exact_unsigned(*j);
    const bool listed =
        form.values.empty() || (size && std::find(form.values.begin(), form.values.end(), *size) != form.values.end());
    const bool fits = size && *size >= form.min && *size <= form.max && listed;
    if (fits) bytes = *size;
    if (!size) error(key.name, fmt::format("expected a size such as \"128MiB\", got {}", shown(*j)));
    if (size && !fits) error(key.name, fmt::format("expected {}, got {}", form.range_text(), shown(*j)));
  }
  if (record_ == nullptr) return;
  const std::string text = size_text(bytes);
  keep_value(key.name, bytes < kKiB ? text : "\"" + text + "\"");
}

size_t ConfigReader::choose(const ConfigKey& key, std::vector<std::string> words, size_t by_default,
                            std::string_view noun) {
  const json* j = lookup(key, record_ != nullptr ? ValueForm::choice(words) : ValueForm{});
  size_t index = by_default;
  if (j != nullptr && !j->is_string()) {
    error(key.name, fmt::format("expected a string, got {}", shown(*j)));
  } else if (j != nullptr) {
    const auto& text = j->get_ref<const std::string&>();
    index = static_cast<size_t>(std::find(words.begin(), words.end(), text) - words.begin());
    if (index == words.size()) {
      error(key.name, fmt::format("unknown {} \"{}\", expected one of {}", noun, text, fmt::join(words, ", ")));
      index = by_default;
    }
  }
  if (index < words.size()) keep_value(key.name, "\"" + words[index] + "\"");
  return index;
}

void ConfigReader::require_kind(const ConfigKey& key, const std::vector<std::string>& words) {
  require(key.name, fmt::format("one of {}", fmt::join(words, ", ")));
  if (record_ != nullptr) record_->selector = key.name;
}

ConfigReader ConfigReader::below(std::string_view key, const json& node, std::string pointer,
                                 ConfigErrors& errors) const {
  if (record_ == nullptr) return {node, std::move(pointer), errors};
  return {node, std::move(pointer), errors, record_->key(key), what_};
}

ConfigReader ConfigReader::child(ConfigKey key) {
  const json* j = lookup(key, ValueForm::of(ValueForm::Kind::kObject));
  return below(key.name, j == nullptr ? empty_document() : *j, pointer_to(key.name), *errors_);
}

ConfigReader ConfigReader::instead(ConfigKey key, const json& document, ConfigErrors& errors) {
  lookup(key, ValueForm::of(ValueForm::Kind::kObject));
  keep_value(key.name, "");
  return below(key.name, document, records_all() ? pointer_to(key.name) : "", errors);
}

void ConfigReader::mark_optional(const ConfigKey& key) {
  if (record_ != nullptr && (has(key.name) || records_all())) record_->key(key.name).optional = true;
  read_.emplace(key.name);
}

size_t ConfigReader::array_size(const ConfigKey& key, size_t min_items) {
  const json* j = lookup(key, ValueForm::list(ValueForm::of(ValueForm::Kind::kObject), min_items));
  keep_value(key.name, "");
  if (record_ != nullptr && min_items != 0) record_->key(key.name).required = true;
  if (j != nullptr && !j->is_array()) error(key.name, fmt::format("expected an array, got {}", shown(*j)));
  const size_t size = j != nullptr && j->is_array() ? j->size() : 0;
  return records_all() ? 1 : size;
}

ConfigReader ConfigReader::element(const ConfigKey& key, size_t index) {
  const std::string pointer = fmt::format("{}/{}", pointer_to(key.name), index);
  const json& node = records_all() ? empty_document() : (*lookup(key.name))[index];
  if (record_ == nullptr) return {node, pointer, *errors_};
  return {node, pointer, *errors_, record_->key(key.name).key(std::to_string(index)), what_};
}

ConfigReader ConfigReader::reader_of_case(std::string_view name) const {
  return {empty_document(), pointer_, *errors_, record_->case_of(name), what_};
}

void ConfigReader::finish() {
  for (const auto& [key, value] : node_->items()) {
    if (read_.contains(key)) continue;
    const std::vector<std::string> known(read_.begin(), read_.end());
    const std::string nearest = nearest_word(key, known);
    if (!nearest.empty()) {
      error(key, fmt::format("unknown key, did you mean \"{}\"?", nearest));
    } else if (known.empty()) {
      error(key, "unknown key, expected an empty object");
    } else {
      error(key, fmt::format("unknown key, expected one of {}", fmt::join(known, ", ")));
    }
  }
}

}  // namespace mmusim
