// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_text.h"

#include <gtest/gtest.h>

#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

std::string utf16(const std::string& text, bool big_endian, bool mark) {
  std::string out = !mark ? "" : big_endian ? "\xfe\xff" : "\xff\xfe";
  for (const char c : text) {
    if (big_endian) out += '\0';
    out += c;
    if (!big_endian) out += '\0';
  }
  return out;
}

TEST(LogText, AnyEncodingGivesTheSameText) {
  const std::string log = two_nodes();
  const std::string plain = decode_log(log).text;
  EXPECT_EQ(plain, log);
  for (const bool big_endian : {false, true}) {
    for (const bool mark : {false, true}) EXPECT_EQ(decode_log(utf16(log, big_endian, mark)).text, plain);
  }
  EXPECT_EQ(decode_log("\xef\xbb\xbf" + log).text, plain);
  EXPECT_EQ(decode_log(replaced(log, "\n", "\r\n")).text, plain);
}

TEST(LogText, SurrogatePairsAreOneCharacter) {
  EXPECT_EQ(decode_log(std::string("\xff\xfe\x3d\xd8\x00\xde", 6)).text, "\xf0\x9f\x98\x80");
  EXPECT_EQ(decode_log(std::string("\xff\xfe\x3d\xd8\x41\x00", 6)).text, "?A");
}

TEST(LogText, EscapeSequencesAreDropped) {
  for (const char* escape :
       {"\x1b[32m", "\x1b[0;1;31m", "^[[32m", "#033[32m", "\x1b]0;title\x07", "\x1b(B", "\x1b[K"}) {
    EXPECT_EQ(decode_log(std::string(escape) + "text" + escape + " more").text, "text more") << escape;
  }
  EXPECT_EQ(decode_log("\x1b[\nnext").text, "\nnext");  // a sequence that is cut does not take the line's end with it
  EXPECT_EQ(decode_log("\x1b").text, "");
}

TEST(LogText, CarriageReturnsEndLines) { EXPECT_EQ(decode_log("a\r\nb\rc\r\r\nd").text, "a\nb\nc\n\nd"); }

TEST(LogText, ControlCharactersAndNulBytesAreDropped) {
  EXPECT_EQ(decode_log(std::string("a\0b\x01"
                                   "c\td",
                                   7))
                .text,
            "abc\td");
}

TEST(LogText, BytesThatAreNoUtf8AreReplacedAndCounted) {
  const LogText text = decode_log(
      "a\xff"
      "b\xc3\x28"
      "c\xe2\x82\xac");
  EXPECT_EQ(text.text, "a?b?(c\xe2\x82\xac");
  ASSERT_EQ(text.notes.size(), 1U);
  EXPECT_TRUE(has(text.notes[0], "2 bytes"));
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(decode_log(bad).text.find_first_not_of('?'), std::string::npos) << bad;
  }
}

TEST(LogText, QuotedPrintableMailIsDecoded) {
  EXPECT_EQ(decode_log("last_pfn =3D 0x16=\n7000 =3D=3D> rese=\r\nrved\n").text, "last_pfn = 0x167000 ==> reserved\n");
  EXPECT_EQ(decode_log("a =3D b\n").text, "a =3D b\n");  // nothing goes on: not mail
}

TEST(LogText, EntitiesAndTagsOfWebPagesAreDecoded) {
  EXPECT_EQ(decode_log("&lt;6&gt;usable ==&gt; reserved &amp; x<br />y").text, "<6>usable ==> reserved & x\ny");
  EXPECT_EQ(decode_log("a\xc2\xa0"
                       "b&nbsp;c")
                .text,
            "a b c");
}

}  // namespace
}  // namespace mmusim
