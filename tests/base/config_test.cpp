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
  EXPECT_EQ(errors.text(), "file.json: /x/way: unknown key, expected an empty object");
}

TEST(ConfigReader, AMisspeltKeyIsToldTheNearestKnownOne) {
  unsigned ways = 1, entries = 1;
  const auto errors = read_with(R"({"entires": 1, "colour": 2})", [&](ConfigReader& r) {
    r.read("ways", ways);
    r.read("entries", entries);
  });
  EXPECT_EQ(errors.text(),
            "file.json: /colour: unknown key, expected one of entries, ways\n"
            "file.json: /entires: unknown key, did you mean \"entries\"?");
}

TEST(ConfigReader, AnEmptyWordIsNoChoice) {
  int v = 1;
  const auto errors = read_with(R"({"mode": ""})", [&](ConfigReader& r) {
    r.read_enum<int>("mode", v, {{"a", 1}, {"b", 2}});
  });
  EXPECT_EQ(errors.text(), "file.json: /mode: unknown value \"\", expected one of a, b");
}

TEST(ConfigReader, RangesAreSaidAndHold) {
  double share = 0.5, exponent = 1;
  uint64_t bytes = 0, align = 4096;
  unsigned size = 64;
  const auto errors =
      read_with(R"({"share": 1.5, "exponent": 0, "bytes": "2GiB", "align": "8KiB", "size": 65})", [&](ConfigReader& r) {
        r.read("share", share, 0, 1);
        r.read_above("exponent", exponent, 0, 10);
        r.read_size("bytes", bytes, 1, kGiB);
        r.read_size_of("align", align, {kPageBytes, 2 * kMiB});
        r.read_one_of("size", size, {64, 80});
      });
  EXPECT_EQ(errors.text(),
            "file.json: /share: expected 0 to 1, got 1.5\n"
            "file.json: /exponent: expected above 0 to 10, got 0\n"
            "file.json: /bytes: expected 1 to 1GiB, got \"2GiB\"\n"
            "file.json: /align: expected 4KiB or 2MiB, got \"8KiB\"\n"
            "file.json: /size: expected 64 or 80, got 65");
  EXPECT_EQ(share, 0.5);
  EXPECT_EQ(align, 4096u);
}

// A kind of file for the tests below: a struct, an optional object, a list, kinds.
struct Kind {
  std::string_view name;
  unsigned by_default;
};
constexpr Kind kKinds[] = {{"small", 1}, {"large", 100}};

void read_sample(ConfigReader r) {
  unsigned ways = 4;
  std::optional<unsigned> limit;
  uint64_t bytes = 128 * kMiB;
  PhysAddr base(0x1000);
  r.read({"ways", "Ways of a set.", "entries"}, ways, 1, 64);
  r.read({"limit", "Where it ends.", "", "never"}, limit);
  r.read_size({"bytes", "Its size.", "bytes"}, bytes);
  r.read({"base", "Where it begins."}, base);
  r.optional_child({"extra", "More of it."}, [](ConfigReader extra) {
    bool on = true;
    extra.read({"on", "It is on."}, on);
    extra.finish();
  });
  const auto read_part = [](ConfigReader part) {
    const Kind* kind = part.read_kind({"kind", "Its kind."}, kKinds, "kind");
    part.with_kind(kind, kKinds, [](const Kind& known, ConfigReader& own) {
      unsigned count = known.by_default;
      own.read({"count", "How many."}, count);
    });
    part.finish();
  };
  r.for_each({"parts", "Its parts."}, read_part);
  r.ignore("source");
  r.finish();
}

TEST(RecordedKeys, HoldWhatTheReaderKnows) {
  const KeyNode keys = record_all_keys(read_sample);
  EXPECT_EQ(keys.find("ways")->value, "4");
  EXPECT_EQ(keys.find("ways")->form.range_text(), "1 to 64");
  EXPECT_EQ(keys.find("limit")->value, "");
  EXPECT_EQ(keys.find("limit")->otherwise, "never");
  EXPECT_EQ(keys.find("bytes")->value, "\"128MiB\"");
  EXPECT_EQ(keys.find("base")->value, "\"0x1000\"");
  EXPECT_TRUE(keys.find("source")->remark);
  ASSERT_NE(keys.find("extra")->find("on"), nullptr);
  const KeyNode& part = keys.find("parts")->keys.front();
  EXPECT_EQ(part.selector, "kind");
  EXPECT_TRUE(part.find("kind")->required);
  EXPECT_EQ(part.find_case("large")->find("count")->value, "100");
  EXPECT_FALSE(keys.find("parts")->needed());
}

nlohmann::ordered_json whole_sample(const std::string& text) {
  ConfigErrors errors("f");
  const nlohmann::json document = parse_json_text(text, "f");
  KeyNode root;
  read_sample(ConfigReader(document, "", errors, root, Record::kDocument));
  EXPECT_EQ(errors.text(), "");
  return document_of(root);
}

TEST(RecordedKeys, GiveTheDocumentWithItsDefaults) {
  EXPECT_EQ(whole_sample("{}").dump(), R"({"ways":4,"bytes":"128MiB","base":"0x1000"})");
  EXPECT_EQ(
      whole_sample(R"({"extra": {}, "limit": 7, "parts": [{"kind": "large"}, {"kind": "small", "count": 3}]})").dump(),
      R"({"ways":4,"limit":7,"bytes":"128MiB","base":"0x1000","extra":{"on":true},)"
      R"("parts":[{"kind":"large","count":100},{"kind":"small","count":3}]})");
}

TEST(NearestWord, IsTheOneThatWasMeantOrNone) {
  const std::vector<std::string> words = {"entries", "ways", "issue_width", "outstanding_misses"};
  EXPECT_EQ(nearest_word("entires", words), "entries");
  EXPECT_EQ(nearest_word("way", words), "ways");
  EXPECT_EQ(nearest_word("Issue-Width", words), "issue_width");
  EXPECT_EQ(nearest_word("width", words), "issue_width");
  EXPECT_EQ(nearest_word("oustanding_mises", words), "outstanding_misses");
  EXPECT_EQ(nearest_word("colour", words), "");
  EXPECT_EQ(nearest_word("", words), "");
  EXPECT_EQ(nearest_word(std::string(100000, 'e'), words), "");
}

TEST(SizeText, IsReadBackAsItWas) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kKiB, 1536 * kKiB, 128 * kMiB, kGiB, 3 * kTiB, kKiB + 1})
    EXPECT_EQ(parse_size(size_text(bytes)), bytes);
}

TEST(SizeText, IsExactWhereFloatingPointIsNot) {
  EXPECT_EQ(parse_size("9007199254740993B"), 9007199254740993);  // 2^53 + 1
  EXPECT_EQ(parse_size("8796093022207.9990234375MiB"), (uint64_t{1} << 63) - kKiB);
  EXPECT_EQ(parse_size("0.5KiB"), 512u);
  EXPECT_EQ(parse_size("16TiB"), 16 * kTiB);
  EXPECT_EQ(parse_size("0.3KiB"), std::nullopt) << "no whole number of bytes";
  EXPECT_EQ(parse_size("8388608TiB"), std::nullopt) << "2^63";
  for (const char* text : {"", "KiB", ".KiB", "1.2.3KiB", "-1KiB", "1e3KiB", "99999999999999999999B"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
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
