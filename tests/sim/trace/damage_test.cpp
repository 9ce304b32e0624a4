// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "models/base/errors.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

const char* const kFiles[] = {"full.vmt",     "full.mmt",        "full.jsonl",       "ls.lackey",    "ls.champsim",
                              "user.execlog", "mem.perf",        "page-faults.perf", "events.jsonl", "symbols.perf",
                              "mem.perfmem",  "view.drmemtrace", "mem.pinatrace",    "loop.dinero"};

/// Forms that tell their own end: no proper beginning of them is whole.
bool tells_its_end(const std::string& name) { return name.ends_with(".mmt") || name.ends_with(".jsonl"); }

class EachForm : public testing::TestWithParam<const char*> {};

TEST_P(EachForm, CutAtAnyByteIsAnErrorOrAWholeBeginning) {
  const std::string whole = contents(data_file(GetParam()));
  const TraceBatch all = read_text(whole);
  const size_t step = whole.size() > 8000 ? 13 : 1;
  for (size_t size = 1; size < whole.size(); size += step) {
    const std::string_view cut = std::string_view(whole).substr(0, size);
    const std::string error = error_of(cut);
    if (error.empty()) {
      EXPECT_FALSE(tells_its_end(GetParam())) << size;
      EXPECT_LE(read_text(cut).records, all.records);
    } else {
      EXPECT_THAT(error, ContainsRegex("^test: record [0-9]+, byte [0-9]+: ")) << size;
    }
  }
}

TEST_P(EachForm, SalvageDeliversABeginningOfTheRecords) {
  const std::string whole = contents(data_file(GetParam()));
  const std::string all = described(read_text(whole));
  TraceOptions options;
  options.salvage = true;
  options.format = open_trace(data_file(GetParam()))->info().format;
  for (size_t size = whole.size() / 2; size < whole.size(); size += 97) {
    const std::string part = described(read_text(std::string_view(whole).substr(0, size), options));
    EXPECT_TRUE(all.starts_with(part)) << size;
  }
}

/// 1,200 damaged copies of each form; with the compressed ones below over 10,000 in all.
TEST_P(EachForm, FlippedBytesGiveAnErrorOrAnotherTrace) {
  const std::string whole = contents(data_file(GetParam()));
  std::mt19937_64 draw(20240731);
  for (unsigned i = 0; i < 1200; ++i) {
    std::string damaged = whole;
    const unsigned flips = 1 + static_cast<unsigned>(draw() % 3);
    for (unsigned f = 0; f < flips; ++f) damaged[draw() % damaged.size()] ^= static_cast<char>(1 + draw() % 255);
    const std::string error = error_of(damaged);
    if (!error.empty()) {
      EXPECT_THAT(error, ContainsRegex("record [0-9]+, byte [0-9]+: |empty"));
    }
    // Our own forms have checksums: damage never passes for another trace.
    if (tells_its_end(GetParam()) && std::string(GetParam()).starts_with("full") && error.empty()) {
      EXPECT_EQ(described(read_text(damaged)), described(read_text(whole)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Trace, EachForm, testing::ValuesIn(kFiles), [](const auto& parameter) {
  std::string name = parameter.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
});

TEST(Damage, FlippedBytesOfCompressedTracesAreFound) {
  for (const std::string compression : {"gzip", "bzip2", "xz", "zstd"}) {
    std::string packed;
    const auto sink = compress(std::make_unique<StringSink>(packed), compression);
    sink->write(contents(data_file("full.mmt")));
    sink->finish();
    const std::string whole = described(read_text(packed));
    std::mt19937_64 draw(99);
    for (unsigned i = 0; i < 500; ++i) {
      std::string damaged = packed;
      damaged[draw() % damaged.size()] ^= static_cast<char>(1 + draw() % 255);
      if (!error_of(damaged).empty()) continue;
      EXPECT_EQ(described(read_text(damaged)), whole);  // bytes that carry nothing, such as a time in the gzip head
    }
  }
}

TEST(Damage, AbsurdCountsAreRefusedBeforeAllocation) {
  const auto vmt = [](std::string_view rest) { return error_of("VMT1" + std::string(rest)); };
  EXPECT_THAT(vmt({"\x01\x00\x01\x00", 4}), HasSubstr("record 1, byte 4: a block of 65537 records, the most is 65536"));
  EXPECT_THAT(vmt({"\x01\0\0\0\0\0\xff\xff\xff\xff", 10}),
              HasSubstr("4294967295 bytes of address deltas for 1 records"));
  EXPECT_THAT(vmt({"\x02\0\0\0\0\0\0\0\x01\0\0\0\0", 13}), HasSubstr("1 bytes of address deltas for 2 records"));
  const std::string binary = contents(data_file("full.mmt"));
  std::string large = binary;
  large[12] = large[13] = large[14] = large[15] = '\x7f';
  EXPECT_THAT(error_of(large), HasSubstr("a header of 2139062143 bytes"));
  large = binary;
  large[8] = 9;
  EXPECT_THAT(error_of(large), HasSubstr("version 9 of the binary form"));
}

TEST(Damage, NumbersBeyond64BitsAndDeltasLeftOverAreDamage) {
  const std::string head = std::string("VMT1\x01\0\0\0\0\0", 10);
  const std::string long_number = std::string(9, '\xff') + "\x02";
  EXPECT_THAT(error_of(head + std::string("\x0a\0\0\0", 4) + long_number + std::string("\x01\0\0\0\0", 5)),
              HasSubstr("address delta malformed"));
  EXPECT_THAT(error_of(head + std::string("\x02\0\0\0\0\0\x01\0\0\0\0", 11)), HasSubstr("more deltas than records"));
  EXPECT_THAT(error_of(std::string("VMT1\x01\0\0\0\0\x07\x01\0\0\0\0\x01\0\0\0\0", 20)),
              HasSubstr("unknown kind of record 7"));
}

TEST(Damage, UnexpectedLinesAreShown) {
  EXPECT_THAT(error_of("I  1,1\nhello\x01 world\n"),
              HasSubstr("record 2, byte 7: unexpected line \"hello\\x01 world\""));
  EXPECT_THAT(error_of("I  1,1\n L 10,0\n"), HasSubstr("record 2"));
  EXPECT_THAT(error_of("I  1,1\n L 11112222333344445,8\n"), HasSubstr("unexpected line"));
}

TEST(Damage, OwnFormsNameWhatIsWrong) {
  const std::string header = "{\"format\":\"mmusim-trace\",\"version\":1}\n";
  EXPECT_THAT(error_of(header + "{\"access\":\"jump\",\"va\":\"0x0\"}\n"), HasSubstr("unknown access \"jump\""));
  EXPECT_THAT(error_of(header + "{\"access\":\"read\",\"va\":12}\n"), HasSubstr("record 1, byte 38"));
  EXPECT_THAT(error_of(header + "{\"access\":\"read\",\"colour\":1}\n"), HasSubstr("unknown key \"colour\""));
  EXPECT_THAT(error_of(header + "{\"access\":\"read\",\"bytes\":65536}\n"), HasSubstr("out of range"));
  EXPECT_THAT(error_of(header + "{\"access\":\"read\",\"bytes\":0}\n"), HasSubstr("an access of 0 bytes"));
  EXPECT_THAT(error_of(header), HasSubstr("truncated: no trailer"));
  EXPECT_THAT(error_of(header + "{\"end\":1,\"checksum\":\"0x0\"}\n"),
              HasSubstr("the trailer tells 1 records, the file has 0"));
  EXPECT_THAT(error_of("{\"format\":\"mmusim-trace\",\"version\":2}\n"), HasSubstr("unknown version"));
}

}  // namespace
}  // namespace mmusim::trace_test
