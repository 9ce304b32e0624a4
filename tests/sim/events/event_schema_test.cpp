// SPDX-License-Identifier: MIT
// The schema made from the table of the format and what the event log writes must say the same.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "sim/trace/event_log_format.h"
#include "sim/trace/event_log_schema.h"
#include "tests/support/log_files.h"
#include "tests/support/sample_events.h"

namespace mmusim {
namespace {

using nlohmann::json;

/// As much of JSON Schema as our schema uses; returns what is wrong, or nothing.
class Validator {
 public:
  explicit Validator(const json& root) : root_(root) {}

  std::string check(const json& value, const json& schema) const {
    if (schema.contains("$ref"))
      return check(value, root_.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1))));
    if (schema.contains("anyOf")) {
      for (const json& one : schema["anyOf"]) {
        if (check(value, one).empty()) return "";
      }
      return value.dump() + " is none of " + schema["anyOf"].dump();
    }
    for (const auto& [keyword, _] : schema.items()) {
      if (!kKnown.contains(keyword)) return "schema keyword the test does not know: " + keyword;
    }
    if (schema.contains("const") && value != schema["const"]) return value.dump() + " is not " + schema["const"].dump();
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      return value.dump() + " is not one of " + schema["enum"].dump();
    if (schema.contains("type") && !has_type(value, schema["type"]))
      return value.dump() + " is no " + schema["type"].dump();
    if (schema.contains("pattern") &&
        !std::regex_match(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>())))
      return value.dump() + " does not match";
    if (schema.contains("minimum") && value < schema["minimum"]) return value.dump() + " is too small";
    if (schema.contains("maximum") && value > schema["maximum"]) return value.dump() + " is too large";
    if (value.is_array() && schema.contains("items")) return check_items(value, schema["items"]);
    if (value.is_object()) return check_members(value, schema);
    return "";
  }

 private:
  static bool has_type(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    return type == "integer" && value.is_number_integer();
  }

  std::string check_items(const json& value, const json& schema) const {
    for (const json& item : value) {
      if (const std::string wrong = check(item, schema); !wrong.empty()) return wrong;
    }
    return "";
  }

  std::string check_members(const json& value, const json& schema) const {
    for (const json& key : schema.value("required", json::array())) {
      if (!value.contains(key.get<std::string>())) return "lacks " + key.dump();
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      std::string wrong;
      if (properties.contains(key)) {
        wrong = check(member, properties[key]);
      } else if (const json other = schema.value("additionalProperties", json(true)); other.is_object()) {
        wrong = check(member, other);
      } else if (other == false) {
        wrong = "not in the schema";
      }
      if (!wrong.empty()) return key + ": " + wrong;
    }
    return "";
  }

  inline static const std::set<std::string> kKnown = {
      "type",    "description", "properties", "required", "additionalProperties", "const", "enum", "pattern", "items",
      "minimum", "maximum",     "minItems",   "maxItems"};
  const json& root_;
};

json schema() { return json::parse(event_log_schema().dump()); }

TEST(EventLogSchema, EveryKindOfRecordIsWrittenAsTheSchemaSays) {
  const ScratchDir dir;
  EventLog log(dir / "log", all_events(), sample_header());
  log_one_of_each(log);
  log_rare_members(log);
  log.close(CycleTime(99), false, {{"walks", 1}});
  const json root = schema();
  const Validator validator(root);
  std::set<std::string> seen;
  for (const json& record : records_of(unzstd(slurp(dir / "log")))) {
    const std::string kind = record["event"];
    seen.insert(kind);
    ASSERT_TRUE(root["$defs"].contains(kind)) << kind;
    EXPECT_EQ(validator.check(record, root["$defs"][kind]), "") << record.dump();
  }
  EXPECT_EQ(seen.size(), root["oneOf"].size()) << "a kind of the schema is never written, or the other way round";
}

TEST(EventLogSchema, EachMemberOfTheTableIsWrittenSomewhere) {
  const ScratchDir dir;
  EventLogHeader header = sample_header();
  header.page_tables = true;
  EventLog log(dir / "log", all_events(), header);
  log_one_of_each(log);
  log_rare_members(log);
  log.close(CycleTime(99), false, {{"walks", 1}});
  std::map<std::string, std::set<std::string>> written;
  for (const json& record : records_of(unzstd(slurp(dir / "log")))) {
    for (const auto& [name, value] : record.items()) written[record["event"]].insert(name);
  }
  for (const EventKindFormat& kind : kEventKindFormats) {
    for (const EventMember& member : kind.members) {
      EXPECT_TRUE(written[std::string(kind.name)].contains(std::string(name_of(member.field))))
          << kind.name << " " << name_of(member.field);
    }
  }
}

TEST(EventLogFormat, TheTableIsInTheOrderOfTheKinds) {
  for (size_t i = 0; i < kEventKinds; ++i) {
    EXPECT_EQ(static_cast<size_t>(kEventKindFormats[i].kind), i);
    EXPECT_EQ(kEventKindFormats[i].name, kEventKindNames[i]);
    EXPECT_TRUE(kEventKindFormats[i].meaning.ends_with('.'));
  }
}

TEST(EventLogFormat, TheTablesOfTheReadmeAreWhatTheCodeSays) {
  const std::string readme = slurp(MMUSIM_SOURCE_DIR "/traces/README.md");
  const std::string begin = "<!-- mmusim schema events --markdown -->\n\n";
  const size_t at = readme.find(begin);
  ASSERT_NE(at, std::string::npos);
  const size_t end = readme.find("<!-- end -->", at);
  EXPECT_EQ(readme.substr(at + begin.size(), end - at - begin.size()), event_log_tables())
      << "run scripts/update_tables";
}

TEST(EventLogSchema, WrongRecordsAreRefused) {
  const json root = schema();
  const Validator validator(root);
  const json good = json::parse(R"({"event":"step","cycle":1,"core":0,"access":0,"name":"memmap_init"})");
  const json& step = root["$defs"]["step"];
  EXPECT_EQ(validator.check(good, step), "");
  json more = good;
  more["colour"] = "red";
  EXPECT_NE(validator.check(more, step), "");
  json less = good;
  less.erase("cycle");
  EXPECT_NE(validator.check(less, step), "");
  EXPECT_NE(validator.check("0x00", root["$defs"]["hex"]), "");
}

}  // namespace
}  // namespace mmusim
