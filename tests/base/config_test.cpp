// SPDX-License-Identifier: MIT
#include "models/base/config.h"

#include <gtest/gtest.h>

#include <functional>

#include <nlohmann/json.hpp>

namespace mmusim {
namespace {

ConfigErrors read_with(const std::string& text, const std::function<void(ConfigReader&)>& fn) {
  ConfigErrors errors("file.json");
  const auto root = parse_json_text(text, "file.json");
  ConfigReader reader(root, "", errors);
  fn(reader);
  reader.finish();
  return errors;
}

TEST(ConfigReader, NegativeAndFractionalNumbersAreErrorsWithPointer) {
  unsigned a = 7, b = 7;
  const auto errors = read_with(R"({"a": -1, "b": 3.7})", [&](ConfigReader& r) {
    r.read("a", a);
    r.read("b", b);
  });
  EXPECT_EQ(errors.text(),
            "file.json: /a: expected a non-negative integer, got -1\n"
            "file.json: /b: expected a non-negative integer, got 3.7");
  EXPECT_EQ(a, 7u);
}

TEST(ConfigReader, UnknownKeysAreErrors) {
  const auto errors = read_with(R"({"x": {"way": 1}})", [](ConfigReader& r) {
    auto x = r.child("x");
    x.finish();
  });
  EXPECT_EQ(errors.text(), "file.json: /x/way: unknown key");
}

TEST(ConfigReader, SizesTakeUnits) {
  uint64_t a = 0, b = 0, c = 0;
  const auto errors = read_with(R"({"a": "128MiB", "b": "1.5GiB", "c": "5 parsecs"})", [&](ConfigReader& r) {
    r.read_size("a", a);
    r.read_size("b", b);
    r.read_size("c", c);
  });
  EXPECT_EQ(a, 128 * kMiB);
  EXPECT_EQ(b, 3 * kGiB / 2);
  EXPECT_EQ(errors.size(), 1u);
}

TEST(ConfigReader, EnumNamesTheChoices) {
  int v = 0;
  const auto errors = read_with(R"({"mode": "c"})", [&](ConfigReader& r) {
    r.read_enum<int>("mode", v, {{"a", 1}, {"b", 2}});
  });
  EXPECT_EQ(errors.text(), "file.json: /mode: unknown value \"c\", expected one of a, b");
}

TEST(ParseJson, CommentsAreAccepted) { EXPECT_EQ(parse_json_text("{\"a\": 1} // source", "f")["a"], 1); }

TEST(ParseJson, TrailingCommaNamesLineAndColumn) {
  try {
    parse_json_text("{\n  \"a\": 1,\n}", "f.json");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_TRUE(std::string(e.what()).starts_with("f.json: line 3, column 1: not valid JSON")) << e.what();
  }
}

TEST(ParseJson, NothingHidesBehindAZeroByte) {
  EXPECT_THROW(parse_json_text(std::string_view("{}\0{", 4), "f"), InputError);
  EXPECT_THROW(parse_json_text(std::string_view("8\0", 2), "f"), InputError);
  EXPECT_EQ(parse_json_text(R"({"a": "\u0000"})", "f")["a"], std::string(1, '\0'));
}

TEST(ParseJson, DuplicateKeysAreErrors) { EXPECT_THROW(parse_json_text(R"({"a": 1, "a": 2})", "f"), InputError); }

TEST(ParseNumber, RejectsTrailingText) {
  EXPECT_EQ(parse_number("0xffffea0000000000"), 0xffffea0000000000u);
  EXPECT_FALSE(parse_number("12x"));
  EXPECT_FALSE(parse_number(""));
  EXPECT_FALSE(parse_number("0x1ffffffffffffffff"));
}

}  // namespace
}  // namespace mmusim
