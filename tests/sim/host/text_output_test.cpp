// SPDX-License-Identifier: MIT
#include "sim/host/text_output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mmusim {
namespace {

TEST(VisibleText, EscapesAreShownAndNotObeyed) {
  EXPECT_EQ(visible_text("plain, \xC3\xA9 and \xF0\x9F\x98\x80"), "plain, \xC3\xA9 and \xF0\x9F\x98\x80");
  EXPECT_EQ(visible_text("\x1b[31mred\x07\x7f"), "\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(visible_text("a\rb\bc"), "a\\rb\\x08c");
  EXPECT_EQ(visible_text("\xC2\x9B 2J"), "\\u009b 2J") << "CSI of one character";
  EXPECT_EQ(visible_text("\xE2\x80\xAE right to left"), "\\u202e right to left");
  EXPECT_EQ(visible_text("\xE2\x80\xA8"), "\\u2028") << "a line separator";
}

TEST(VisibleText, BytesThatAreNoUtf8AreShown) {
  EXPECT_EQ(visible_text("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(visible_text("\xC3"), "\\xc3") << "cut at the end";
  EXPECT_EQ(visible_text("\xC0\xAF"), "\\xc0\\xaf") << "too long for its value";
  EXPECT_EQ(visible_text("\xED\xA0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(visible_text("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond the last character";
}

TEST(VisibleText, LineEndsStayInTextAndAreShownInFields) {
  EXPECT_EQ(visible_text("a\n\tb"), "a\n\tb");
  EXPECT_EQ(visible_text("a\n\tb", LineBreaks::kShown), "a\\n\\tb");
}

TEST(VisibleJson, MeansTheSame) {
  for (const char* text : {"\xC2\x9B", "\x7f", "\xE2\x80\xAE", "\xF3\xA0\x80\x81", "\xC3\xA9"}) {
    const std::string json = nlohmann::json(text).dump();
    EXPECT_EQ(nlohmann::json::parse(visible_json(json)), text);
  }
  EXPECT_EQ(visible_json("\"\x7f\""), "\"\\u007f\"");
  EXPECT_EQ(visible_json("\"\xff\""), "\"\\ufffd\"");
  EXPECT_EQ(visible_json("{\n \"a\": 1\n}\n"), "{\n \"a\": 1\n}\n");
}

TEST(Utf8Text, ReplacesEachByteThatIsNone) {
  EXPECT_EQ(utf8_text("t\xff.vmt"), "t\xEF\xBF\xBD.vmt");
  EXPECT_EQ(utf8_text("\xC3\xA9"), "\xC3\xA9");
}

TEST(PathComponent, LeadsNowhereElse) {
  EXPECT_EQ(path_component("milan-1.2"), "milan-1.2");
  EXPECT_EQ(path_component(""), "_");
  EXPECT_EQ(path_component("."), "_");
  EXPECT_EQ(path_component(".."), "_.");
  EXPECT_EQ(path_component(".hidden"), "_hidden");
  EXPECT_EQ(path_component("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(path_component(std::string("a\0b\n\x1b", 5)), "a_b__");
  EXPECT_EQ(path_component("\xC3\xA9"), "__");
}

TEST(PathComponent, LongLabelsStayDifferent) {
  const std::string a = path_component(std::string(300, 'x') + "a");
  const std::string b = path_component(std::string(300, 'x') + "b");
  EXPECT_LE(a.size(), 100u);
  EXPECT_NE(a, b);
}

TEST(CsvField, IsNoFormula) {
  EXPECT_EQ(csv_field("hugepages"), "hugepages");
  for (const char* formula : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1"}) {
    const std::string field = csv_field(formula);
    EXPECT_TRUE(field.starts_with("'") || field.starts_with("\"'")) << field;
  }
  EXPECT_EQ(csv_field("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
}

TEST(CsvField, IsOneField) {
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(csv_field("a\nb\rc"), "\"a\nb\rc\"");
}

}  // namespace
}  // namespace mmusim
