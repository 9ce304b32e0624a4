// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/trace/trace_statistics.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TraceOptions kEverything = [] {
  TraceOptions options;
  options.want_pc = true;
  options.want_instructions = true;
  return options;
}();

class OwnForms : public testing::TestWithParam<TraceFormat> {};

TEST_P(OwnForms, HoldEverythingATraceCanHave) {
  const TraceBatch batch = random_batch(20000, 7);
  std::vector<std::string> losses;
  const std::string text = written(batch, GetParam(), &losses);
  EXPECT_THAT(losses, IsEmpty());
  const TraceBatch back = read_text(text, kEverything);
  EXPECT_EQ(back.records, batch.records);
  EXPECT_TRUE(described(back) == described(batch));
  EXPECT_TRUE(written(back, GetParam()) == text);
}

TEST_P(OwnForms, HoldACaptureSoThatItComesOutByteForByte) {
  const std::string capture = contents(data_file("full.vmt"));
  const TraceBatch batch = read_text(capture, kEverything);
  const TraceBatch back = read_text(written(batch, GetParam()), kEverything);
  EXPECT_TRUE(written(back, TraceFormat::kVmt1) == capture);
}

TEST_P(OwnForms, HoldChampSimSoThatItComesOutByteForByte) {
  const std::string champsim = contents(data_file("ls.champsim"));
  const TraceBatch batch = read_text(champsim, kEverything);
  const TraceBatch back = read_text(written(batch, GetParam()), kEverything);
  EXPECT_TRUE(written(back, TraceFormat::kChampSim) == champsim);
}

INSTANTIATE_TEST_SUITE_P(Trace, OwnForms, testing::Values(TraceFormat::kBinary, TraceFormat::kJsonLines),
                         [](const auto& parameter) { return name_of(parameter.param); });

TEST(RoundTrip, LackeyComesOutLineForLine) {
  const TraceBatch batch = read_file(data_file("ls.lackey"), kEverything);
  std::vector<std::string> losses;
  const std::string text = written(batch, TraceFormat::kLackey, &losses);
  EXPECT_THAT(losses, IsEmpty());
  std::string expected;
  const std::string file = contents(data_file("ls.lackey"));
  for (size_t at = 0; at < file.size();) {
    const size_t end = file.find('\n', at) + 1;
    if (!file.substr(at, 2).starts_with("==")) expected += file.substr(at, end - at);
    at = end;
  }
  EXPECT_EQ(text, expected);
}

TEST(RoundTrip, WhatVmt1CannotHoldIsCounted) {
  TraceBatch batch;
  MemAccess fetch;
  fetch.kind = AccessKind::kFetch;
  MemAccess odd;
  odd.bytes = 24;
  odd.rmw = true;
  odd.gap = 3;
  odd.depends_on = 1;
  batch.accesses = {fetch, odd};
  batch.events.emplace_back().kind = TraceEventKind::kProcess;
  std::vector<std::string> losses;
  const TraceBatch back = read_text(written(batch, TraceFormat::kVmt1, &losses));
  EXPECT_THAT(losses, ElementsAre("1 accesses of kinds the form has not, left out", "1 sizes of accesses changed",
                                  "1 accesses whose flags (rmw, stack, implicit, awaited) are not kept",
                                  "1 accesses whose depends_on is not kept", "1 accesses whose gap is not kept",
                                  "1 events left out"));
  ASSERT_EQ(back.accesses.size(), 1);
  EXPECT_EQ(back.accesses[0].bytes, 16);
}

TEST(RoundTrip, ChampSimRegistersCarryDependences) {
  TraceBatch batch;
  for (unsigned i = 0; i < 300; ++i) {
    MemAccess access;
    access.va = VirtAddr(0x10000 + i * 64);
    access.bytes = 1;
    access.user = true;
    access.depends_on = i == 0 ? 0 : (i % 3 == 0 ? 2 : 1);
    batch.accesses.push_back(access);
  }
  TraceOptions options;
  options.keep_fetches = false;
  const TraceBatch back = read_text(written(batch, TraceFormat::kChampSim), options);
  ASSERT_EQ(back.accesses.size(), batch.accesses.size());
  for (size_t i = 0; i < back.accesses.size(); ++i) {
    EXPECT_EQ(back.accesses[i].depends_on, batch.accesses[i].depends_on) << i;
  }
}

TEST(RoundTrip, ChecksumOfTheContentIsTheSameInEveryFormThatLosesNothing) {
  const TraceBatch batch = read_file(data_file("full.vmt"), kEverything);
  const auto checksum = [](const TraceBatch& b) {
    TraceCounter counter;
    counter.add(b);
    return counter.result().checksum;
  };
  for (const TraceFormat format : {TraceFormat::kVmt1, TraceFormat::kBinary, TraceFormat::kJsonLines}) {
    EXPECT_EQ(checksum(read_text(written(batch, format))), checksum(batch)) << name_of(format);
  }
}

}  // namespace
}  // namespace mmusim::trace_test
