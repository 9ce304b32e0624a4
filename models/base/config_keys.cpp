// SPDX-License-Identifier: MIT
#include "models/base/config_keys.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "models/base/types.h"

namespace mmusim {

using nlohmann::ordered_json;

ValueForm ValueForm::of(Kind kind) {
  ValueForm form;
  form.kind = kind;
  return form;
}

ValueForm ValueForm::integer(uint64_t min, uint64_t max) {
  ValueForm form = of(Kind::kInteger);
  form.min = min;
  form.max = max;
  return form;
}

ValueForm ValueForm::choice(std::vector<std::string> words) {
  ValueForm form = of(Kind::kChoice);
  form.words = std::move(words);
  return form;
}

ValueForm ValueForm::list(ValueForm element, size_t min_items, size_t max_items) {
  ValueForm form = of(Kind::kList);
  form.elements.push_back(std::move(element));
  form.min_items = min_items;
  form.max_items = max_items;
  return form;
}

ValueForm ValueForm::map(ValueForm member) {
  ValueForm form = of(Kind::kMap);
  form.elements.push_back(std::move(member));
  return form;
}

namespace {

const char* plain_type(ValueForm::Kind kind) {
  using enum ValueForm::Kind;
  switch (kind) {
    case kAny:
      return "any";
    case kFlag:
      return "true or false";
    case kInteger:
      return "integer";
    case kNumber:
      return "number";
    case kText:
      return "text";
    case kAddress:
      return "address";
    case kSize:
      return "size";
    case kChoice:
      return "choice";
    case kObject:
      return "object";
    case kList:
      return "list";
    case kMap:
      return "object by name";
  }
  return "?";
}

std::string joined(const std::vector<std::string>& items, const char* last) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) text += i + 1 == items.size() ? last : ", ";
    text += items[i];
  }
  return text;
}

}  // namespace

std::string ValueForm::type_text() const {
  if (kind == Kind::kList && !elements.empty()) return "list of: " + elements[0].type_text();
  std::string text = plain_type(kind);
  if (kind == Kind::kChoice) return text;
  for (const std::string& word : words) text += word.empty() ? " or name" : " or \"" + word + "\"";
  return text;
}

std::string ValueForm::range_text() const {
  if (kind == Kind::kList && !elements.empty()) return elements[0].range_text();
  if (kind == Kind::kChoice) return joined(words, " or ");
  const bool size = kind == Kind::kSize;
  const auto number = [&](uint64_t n) {
    if (kind == Kind::kAddress) return fmt::format("0x{:x}", n);
    return size ? size_text(n) : std::to_string(n);
  };
  if (!values.empty()) {
    std::vector<std::string> texts;
    for (const uint64_t value : values) texts.push_back(number(value));
    return joined(texts, " or ");
  }
  if (kind == Kind::kInteger || kind == Kind::kAddress || size) {
    if (max != kNoLimit) return number(min) + " to " + number(max);
    return min != 0 ? "at least " + number(min) : "";
  }
  if (kind != Kind::kNumber) return "";
  if (high != std::numeric_limits<double>::infinity()) {
    return fmt::format("{}{} to {}", above_low ? "above " : "", low, high);
  }
  if (low == -std::numeric_limits<double>::infinity()) return "";
  return fmt::format("{} {}", above_low ? "above" : "at least", low);
}

namespace {

const KeyNode* find_in(const std::list<KeyNode>& nodes, std::string_view name) {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const KeyNode& node) { return node.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

KeyNode& found_or_made(std::list<KeyNode>& nodes, std::string_view name) {
  if (const KeyNode* node = find_in(nodes, name)) return const_cast<KeyNode&>(*node);
  KeyNode& made = nodes.emplace_back();
  made.name = name;
  return made;
}

}  // namespace

KeyNode& KeyNode::key(std::string_view key_name) { return found_or_made(keys, key_name); }

const KeyNode* KeyNode::find(std::string_view key_name) const { return find_in(keys, key_name); }

KeyNode& KeyNode::case_of(std::string_view case_name) { return found_or_made(cases, case_name); }

const KeyNode* KeyNode::find_case(std::string_view case_name) const { return find_in(cases, case_name); }

bool KeyNode::needed() const {
  if (required) return true;
  if (optional || form.kind != ValueForm::Kind::kObject || !form.words.empty()) return false;
  return std::any_of(keys.begin(), keys.end(), [](const KeyNode& node) { return node.needed(); });
}

ordered_json document_of(const KeyNode& node) {
  if (!node.value.empty()) return ordered_json::parse(node.value);
  if (node.form.kind == ValueForm::Kind::kList) {
    ordered_json list = ordered_json::array();
    for (const KeyNode& element : node.keys) list.push_back(document_of(element));
    return list;
  }
  ordered_json object = ordered_json::object();
  for (const KeyNode& key : node.keys) {
    const bool structured = key.form.kind == ValueForm::Kind::kObject || key.form.kind == ValueForm::Kind::kList;
    if (key.value.empty() && (!structured || (key.keys.empty() && key.form.kind == ValueForm::Kind::kList))) continue;
    object[key.name] = document_of(key);
  }
  return object;
}

std::string size_text(uint64_t bytes) {
  static constexpr std::pair<const char*, uint64_t> kUnits[] = {
      {"TiB", kTiB}, {"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}};
  for (const auto& [unit, size] : kUnits) {
    if (bytes >= size && bytes % size == 0) return std::to_string(bytes / size) + unit;
  }
  return std::to_string(bytes);
}

namespace {

/// Insertions, deletions, substitutions and exchanges of neighbours that turn one word into the other.
size_t distance_between(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return lower;
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& words) {
  constexpr size_t kLongest = 64;
  if (word.empty() || word.size() > kLongest) return "";
  const std::string wanted = lower_case(word);
  std::string best;
  size_t least = std::max<size_t>(1, wanted.size() * 2 / 5) + 1;
  for (const std::string& candidate : words) {
    if (candidate.size() > kLongest) continue;
    const std::string name = lower_case(candidate);
    size_t distance = distance_between(wanted, name);
    // "issue" stands for "issue_width": a part of a name is one mistake.
    const bool part = wanted.size() >= 3 && (name.find(wanted) != std::string::npos);
    const bool longer = name.size() >= 3 && (wanted.find(name) != std::string::npos);
    if (part || longer) distance = std::min<size_t>(distance, 2);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace mmusim
