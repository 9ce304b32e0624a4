// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "sim/sweep/digest.h"
#include "sim/sweep/findings.h"
#include "sim/sweep/point_result.h"
#include "sim/sweep/sweep_spec.h"
#include "sim/trace/shared_trace.h"

namespace mmusim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Curve = std::vector<std::pair<double, double>>;

// The examples of FIPS 180-4 (NIST, "SHA256.pdf"), and the lengths around which padding needs another block.
TEST(Digest, IsSha256) {
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.add(std::string(1000, 'a'));
  EXPECT_EQ(pieces.hex(), sha256_of(std::string(1'000'000, 'a')));
}

TEST(Knee, IsWhereACurveFlattens) {
  EXPECT_EQ(knee_of({{1, 100}, {2, 10}, {3, 9}, {4, 8}}), 1U);
  EXPECT_EQ(knee_of({{1, 0}, {2, 50}, {3, 95}, {4, 100}}), 2U);
}

// On a logarithmic scale 64, 256, 1024 and 4096 are equally far from each other.
TEST(Knee, TakesTheLogarithmOfAnAxisThatSpansAFactorOfEight) {
  EXPECT_EQ(knee_of({{64, 1000}, {256, 900}, {1024, 100}, {4096, 90}}), 2U);
  EXPECT_EQ(knee_of({{1, 1000}, {2, 900}, {3, 100}, {4, 90}}), 2U);
}

TEST(Knee, IsNoneOfAStraightLineAFlatOneOrTooFewPoints) {
  EXPECT_EQ(knee_of({{1, 40}, {2, 30}, {3, 20}, {4, 10}}), std::nullopt);
  EXPECT_EQ(knee_of({{1, 10}, {2, 10}, {3, 10}}), std::nullopt);
  EXPECT_EQ(knee_of({{1, 10}, {2, 1}}), std::nullopt);
  EXPECT_EQ(knee_of({{1, 100}, {2, 99}, {3, 10}}), std::nullopt) << "it drops late: nothing flattens";
}

TEST(Vary, TakesNamePointerAndValues) {
  const SweepAxis axis = parse_vary("walkers=/platform/page_walkers/walkers=1,2");
  EXPECT_EQ(axis.name, "walkers");
  ASSERT_EQ(axis.values.size(), 2U);
  EXPECT_EQ(axis.values[1].label, 2);
  EXPECT_THAT(axis.values[1].sets, ElementsAre("/platform/page_walkers/walkers=2"));
  EXPECT_EQ(parse_vary("/platform/tlbs/stlb/arrays/0/ways=4").name, "tlbs_stlb_arrays_0_ways");
  EXPECT_EQ(parse_vary("/replay/pages=4K,2M").name, "pages");
}

TEST(Vary, KeepsCommasWithinBracketsBracesAndQuotes) {
  const SweepAxis axis = parse_vary(R"(a=/x=[1,2],{"b":[3,4]},"c,d",e)");
  ASSERT_EQ(axis.values.size(), 4U);
  EXPECT_THAT(axis.values[0].sets, ElementsAre("/x=[1,2]"));
  EXPECT_THAT(axis.values[1].sets, ElementsAre(R"(/x={"b":[3,4]})"));
  EXPECT_THAT(axis.values[2].sets, ElementsAre(R"(/x="c,d")"));
  EXPECT_THAT(axis.values[3].sets, ElementsAre("/x=e"));
}

TEST(Vary, RefusesWhatIsNoAxis) {
  for (const char* text : {"", "x", "/x", "=/x=1", "a=b=c", "/x=1,,2", "/x="}) {
    EXPECT_THROW(parse_vary(text), InputError) << text;
  }
}

TEST(PointLine, IsReadOnlyWhole) {
  const PointResult result{"id", "", 1.5, 0.5, R"({"totals":{"walks":3}})"};
  const std::string line = line_of(result);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  ASSERT_TRUE(result_of(line));
  EXPECT_EQ(result_of(line)->summary, result.summary);
  for (size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(result_of(line.substr(0, size))) << size;
}

std::string data_file(const char* name) { return std::string(MMUSIM_SOURCE_DIR "/tests/data/traces/") + name; }

struct Seen {
  std::vector<uint64_t> addresses;
  size_t events = 0;
  std::string error;
  uint64_t passed_over = 0;
};

void read_all(TraceReader& reader, Seen& seen) {
  TraceBatch batch;
  try {
    while (reader.next(batch)) {
      for (const MemAccess& access : batch.accesses) seen.addresses.push_back(access.va.raw());
      seen.events += batch.events.size();
    }
  } catch (const InputError& e) {
    seen.error = e.what();
  }
  seen.passed_over = reader.info().skipped.own;
}

/// What three consumers of a shared trace see, the second of which stops after one batch.
std::vector<Seen> seen_together(const std::string& file, const TraceOptions& options) {
  std::vector<Seen> seen(3);
  const auto all = [&seen](size_t i) {
    return [&seen, i](std::unique_ptr<TraceReader> reader) { read_all(*reader, seen[i]); };
  };
  const auto one_batch = [&seen](std::unique_ptr<TraceReader> reader) {
    TraceBatch batch;
    reader->next(batch);
    seen[1].addresses.assign(batch.accesses.size(), 0);
  };
  SharedTrace(open_trace(file, options)).run({all(0), one_batch, all(2)});
  return seen;
}

TEST(SharedTrace, GivesEachConsumerAllOfTheTrace) {
  for (const char* name : {"full.vmt", "full.mmt", "ls.lackey", "ls.champsim"}) {
    TraceOptions options;
    options.batch_accesses = 16;
    Seen alone;
    read_all(*open_trace(data_file(name), options), alone);
    const std::vector<Seen> seen = seen_together(data_file(name), options);
    for (const size_t i : {0U, 2U}) {
      EXPECT_EQ(seen[i].addresses, alone.addresses) << name;
      EXPECT_EQ(seen[i].events, alone.events) << name;
      EXPECT_EQ(seen[i].passed_over, alone.passed_over) << name;
    }
    EXPECT_LE(seen[1].addresses.size(), 16U);
  }
}

TEST(SharedTrace, TellsEachConsumerOfDamageAfterWhatIsWhole) {
  const std::string file = testing::TempDir() + "shared_trace_damage.lackey";
  FILE* out = fopen(file.c_str(), "w");
  ASSERT_NE(out, nullptr);
  fputs(" L 1000,8\n S 2000,8\nnothing of the kind\n", out);
  fclose(out);
  TraceOptions options;
  options.format = TraceFormat::kLackey;
  const std::vector<Seen> seen = seen_together(file, options);
  for (const size_t i : {0U, 2U}) {
    EXPECT_THAT(seen[i].addresses, ElementsAre(0x1000, 0x2000));
    EXPECT_THAT(seen[i].error, HasSubstr("record 3"));
  }
}

TEST(SharedTrace, ThrowsWhatLeavesAConsumerWhenAllHaveReturned) {
  Seen seen;
  SharedTrace shared(open_trace(data_file("full.vmt")));
  const auto fails = [](std::unique_ptr<TraceReader>) { throw EnvironmentError("no room"); };
  EXPECT_THROW(shared.run({fails, [&seen](std::unique_ptr<TraceReader> reader) { read_all(*reader, seen); }}),
               EnvironmentError);
  EXPECT_FALSE(seen.addresses.empty());
}

}  // namespace
}  // namespace mmusim
