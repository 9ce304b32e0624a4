// SPDX-License-Identifier: MIT
#include "sim/trace/event_log_schema.h"

#include <limits>
#include <string_view>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/trace/event_log_format.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

ordered_json reference(const char* name) { return {{"$ref", std::string("#/$defs/") + name}}; }

ordered_json words_of(const EventMember& member) {
  ordered_json words = ordered_json::array();
  for (const std::string_view word : member.words) words.push_back(word);
  return words;
}

ordered_json object_of(std::span<const EventMember> members);

/// An object with a count for each word; all of them in the totals record, some in the stages of an access.
ordered_json counts_of(const EventMember& member) {
  ordered_json object = {{"type", "object"}};
  for (const std::string_view word : member.words) object["properties"][std::string(word)] = reference("count");
  if (member.field == EventField::kRecords) object["required"] = words_of(member);
  object["additionalProperties"] = false;
  return object;
}

ordered_json value_of(const EventMember& member) {
  using enum EventForm;
  switch (member.form) {
    case kCount:
      return reference("count");
    case kHex:
      return reference("hex");
    case kPageLevel:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", 5}};
    case kLevelOrNone:
      return {{"type", "integer"}, {"minimum", 0}, {"maximum", 5}};
    case kTableIndex:
      return {{"type", "integer"}, {"minimum", 0}, {"maximum", 511}};
    case kFlag:
      return {{"type", "boolean"}};
    case kFalse:
      return {{"const", false}};
    case kString:
      return {{"type", "string"}};
    case kWord:
      return {{"enum", words_of(member)}};
    case kRegister:
      return {{"enum", {3, 4}}};
    case kJson:
      return {{"type", "object"}};
    case kProducers:
      return {
          {"anyOf",
           {reference("count"), {{"type", "array"}, {"items", reference("count")}, {"minItems", 2}, {"maxItems", 5}}}}};
    case kCounts:
      return counts_of(member);
    case kAnyCounts:
      return {{"type", "object"}, {"additionalProperties", reference("count")}};
    case kObjects:
      return {{"type", "array"}, {"items", object_of(member.members)}};
  }
  return {};
}

/// Members that hold the same in every record of a kind.
ordered_json constant_of(EventField field) {
  if (field == EventField::kFormat) return {{"const", kEventLogFormat}};
  if (field == EventField::kVersion) return {{"const", kEventLogVersion}};
  return {};
}

void add_members(ordered_json& object, std::span<const EventMember> members) {
  for (const EventMember& member : members) {
    const std::string name(name_of(member.field));
    ordered_json value = constant_of(member.field);
    if (value.is_null()) value = value_of(member);
    value["description"] = member.meaning;
    object["properties"][name] = std::move(value);
    if (member.always) object["required"].push_back(name);
  }
}

ordered_json object_of(std::span<const EventMember> members) {
  ordered_json object = {{"type", "object"}};
  add_members(object, members);
  object["additionalProperties"] = false;
  return object;
}

ordered_json record_of(const EventKindFormat& kind) {
  const std::string event(name_of(EventField::kEvent));
  ordered_json object = {{"type", "object"}, {"description", kind.meaning}};
  object["properties"][event] = {{"const", kind.name}};
  object["required"].push_back(event);
  add_members(object, kind.members);
  object["additionalProperties"] = false;
  return object;
}

}  // namespace

ordered_json event_log_schema() {
  ordered_json schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", fmt::format("A record of an mmusim event log, format version {}", kEventLogVersion)},
      {"description", "events.jsonl.zst holds one such object per line; traces/README.md tells more."},
      {"type", "object"},
      {"required", {name_of(EventField::kEvent)}},
      {"oneOf", ordered_json::array()},
      {"$defs",
       {{"hex",
         {{"type", "string"},
          {"pattern", "^0x(0|[1-9a-f][0-9a-f]{0,15})$"},
          {"description", "64-bit number, lower case, no leading zeros"}}},
        {"count", {{"type", "integer"}, {"minimum", 0}, {"maximum", std::numeric_limits<uint64_t>::max()}}}}}};
  for (const EventKindFormat& kind : kEventKindFormats) {
    const std::string name(kind.name);
    schema["oneOf"].push_back(reference(name.c_str()));
    schema["$defs"][name] = record_of(kind);
  }
  return schema;
}

namespace {

std::string member_text(const EventMember& member) {
  std::string text = fmt::format("`{}`", name_of(member.field));
  if (!member.always) text += " (not always)";
  text += fmt::format(": {}", member.meaning);
  if (!member.members.empty()) {
    std::string inner;
    for (const EventMember& each : member.members) inner += (inner.empty() ? "" : ", ") + member_text(each);
    text += fmt::format(" [{}]", inner);
  }
  return text;
}

}  // namespace

std::string event_log_tables() {
  std::string text = "| Record | With `--events` | Says |\n|---|---|---|\n";
  for (const EventKindFormat& kind : kEventKindFormats) {
    text += fmt::format("| `{}` | {} | {} |\n", kind.name, kind.logged_with, kind.meaning);
  }
  text += "\n| Record | Members after `event` |\n|---|---|\n";
  for (const EventKindFormat& kind : kEventKindFormats) {
    std::string members;
    for (const EventMember& member : kind.members) members += (members.empty() ? "" : "; ") + member_text(member);
    text += fmt::format("| `{}` | {} |\n", kind.name, members);
  }
  return text + "\n";
}

}  // namespace mmusim
