// SPDX-License-Identifier: MIT
#include "models/base/key_schema.h"

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

/// A whole object, or a merge patch of one: nothing is required, and null removes a key.
enum class Part : uint8_t { kWhole, kPatch };

constexpr const char* kNumberPattern = "^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$";
constexpr const char* kSizePattern = "^(0[xX][0-9a-fA-F]{1,16}|[0-9]+|[0-9]+(\\.[0-9]*)? *([KMGT]i)?B)$";

ordered_json integer_schema(const ValueForm& form) {
  if (!form.values.empty()) return {{"enum", form.values}};
  ordered_json schema = {{"type", "integer"}, {"minimum", form.min}};
  if (form.max != ValueForm::kNoLimit) schema["maximum"] = form.max;
  return schema;
}

ordered_json number_schema(const ValueForm& form) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ordered_json schema = {{"type", "number"}};
  if (form.low != -kInfinity) schema[form.above_low ? "exclusiveMinimum" : "minimum"] = form.low;
  if (form.high != kInfinity) schema["maximum"] = form.high;
  return schema;
}

ordered_json any_of(ordered_json first, ordered_json second) {
  return {{"anyOf", ordered_json::array({std::move(first), std::move(second)})}};
}

ordered_json form_schema(const ValueForm& form);

ordered_json list_schema(const ValueForm& form, ordered_json items) {
  ordered_json schema = {{"type", "array"}, {"items", std::move(items)}};
  if (form.min_items != 0) schema["minItems"] = form.min_items;
  if (form.max_items != ValueForm::kNoLimit) schema["maxItems"] = form.max_items;
  return schema;
}

/// The values of one key, without what may stand instead.
ordered_json plain_schema(const ValueForm& form) {
  using enum ValueForm::Kind;
  const auto text = [](const char* pattern) { return ordered_json{{"type", "string"}, {"pattern", pattern}}; };
  switch (form.kind) {
    case kAny:
      return ordered_json::object();
    case kFlag:
      return {{"type", "boolean"}};
    case kInteger:
    case kAddress:
      return any_of(integer_schema(form), text(kNumberPattern));
    case kNumber:
      return number_schema(form);
    case kText:
      return {{"type", "string"}};
    case kSize:
      return any_of(integer_schema(form), text(kSizePattern));
    case kChoice:
      return {{"enum", form.words}};
    case kObject:
      return {{"type", "object"}};
    case kList:
      return list_schema(form, form.elements.empty() ? ordered_json::object() : form_schema(form.elements[0]));
    case kMap:
      return {{"type", "object"}, {"additionalProperties", form_schema(form.elements[0])}};
  }
  return ordered_json::object();
}

/// Lists the words that may stand for a value: some of its own, or any name.
ordered_json with_words(ordered_json schema, const ValueForm& form) {
  if (form.kind == ValueForm::Kind::kChoice || form.words.empty()) return schema;
  const bool any_name = form.words.front().empty();
  return any_of(any_name ? ordered_json{{"type", "string"}, {"minLength", 1}} : ordered_json{{"enum", form.words}},
                std::move(schema));
}

ordered_json form_schema(const ValueForm& form) { return with_words(plain_schema(form), form); }

ordered_json object_schema(const KeyNode& node, Part part);

ordered_json key_value_schema(const KeyNode& key, Part part) {
  const bool objects = key.form.kind == ValueForm::Kind::kList && !key.keys.empty();
  ordered_json schema;
  if (key.form.kind == ValueForm::Kind::kObject) {
    schema = with_words(object_schema(key, part), key.form);
  } else if (objects) {
    schema = list_schema(key.form, object_schema(key.keys.front(), Part::kWhole));
  } else {
    schema = form_schema(key.form);
  }
  if (part == Part::kPatch) schema = any_of(std::move(schema), {{"type", "null"}});
  std::string description = key.meaning;
  if (!key.unit.empty()) description += " Unit: " + key.unit + ".";
  if (!key.otherwise.empty()) description += " If missing: " + key.otherwise + ".";
  if (!description.empty()) schema["description"] = description;
  if (!key.required && key.otherwise.empty() && !key.value.empty()) schema["default"] = ordered_json::parse(key.value);
  return schema;
}

void add_keys(ordered_json& schema, const KeyNode& node, Part part) {
  for (const KeyNode& key : node.keys) {
    schema["properties"][key.name] = key.remark ? ordered_json::object() : key_value_schema(key, part);
    if (key.needed() && part == Part::kWhole) schema["required"].push_back(key.name);
  }
}

/// An object that has the keys of the schema and no others.
ordered_json closed_object() {
  return {{"type", "object"}, {"properties", ordered_json::object()}, {"additionalProperties", false}};
}

/// Selects the objects whose selectors have the values that are constants in `schema`.
ordered_json same_selectors(const ordered_json& schema) {
  ordered_json condition;
  for (const auto& [name, value] : schema["properties"].items()) {
    if (!value.contains("const")) continue;
    condition["properties"][name] = value;
    condition["required"].push_back(name);
  }
  return condition;
}

ordered_json with_selector(ordered_json schema, const KeyNode& node) {
  schema["properties"][node.selector] = key_value_schema(*node.find(node.selector), Part::kWhole);
  schema["required"].push_back(node.selector);
  return schema;
}

/// Appends "if the selectors have these values, then the object is this" for each case of `node`, so that a validator's
/// error is about what is wrong in that case. `outer`: what holds for all of them.
void add_cases(ordered_json& conditions, const ordered_json& outer, const KeyNode& node, Part part) {
  ordered_json common = outer;
  add_keys(common, node, part);
  if (node.cases.empty()) {
    conditions.push_back({{"if", same_selectors(common)}, {"then", common}});
    return;
  }
  const ordered_json chosen = same_selectors(outer);
  if (!chosen.is_null()) conditions.push_back({{"if", chosen}, {"then", with_selector(ordered_json::object(), node)}});
  for (const KeyNode& one : node.cases) {
    ordered_json whole = common;
    whole["properties"][node.selector] = {{"const", one.name}};
    add_cases(conditions, whole, one, part);
  }
}

ordered_json object_schema(const KeyNode& node, Part part) {
  if (!node.selector.empty()) {
    ordered_json schema = with_selector({{"type", "object"}}, node);
    schema["allOf"] = ordered_json::array();
    add_cases(schema["allOf"], closed_object(), node, part);
    return schema;
  }
  ordered_json schema = closed_object();
  add_keys(schema, node, part);
  if (part == Part::kWhole && node.find("base") != nullptr) {
    return {{"if", {{"required", {"base"}}}}, {"then", object_schema(node, Part::kPatch)}, {"else", std::move(schema)}};
  }
  return schema;
}

}  // namespace

ordered_json key_schema(const KeyNode& root, const SchemaTitle& title) {
  ordered_json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                         {"title", title.title},
                         {"description", title.description}};
  const ordered_json whole = object_schema(root, Part::kWhole);
  for (const auto& [key, value] : whole.items()) schema[key] = value;
  return schema;
}

}  // namespace mmusim
