// SPDX-License-Identifier: MIT
#include "sim/experiment/dram_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

RequestReader reader_of(const std::string& text) {
  return RequestReader(open_bytes(std::vector<uint8_t>(text.begin(), text.end()), "trace.txt"));
}

DramRun run(const std::string& text, std::optional<unsigned> outstanding = std::nullopt,
            const DramConfig& config = without_refresh()) {
  DramSystem dram(config);
  RequestReader reader = reader_of(text);
  return drive(dram, reader, outstanding);
}

std::string error_of(const std::string& text, std::optional<unsigned> outstanding = std::nullopt) {
  try {
    run(text, outstanding);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

double mean_ns(const DramRun& run) {
  return std::accumulate(run.read_latency_ps.begin(), run.read_latency_ps.end(), 0.0) / 1000.0 /
         static_cast<double>(run.read_latency_ps.size());
}

TEST(DramDriver, OpenLoopLatencyCountsFromTheArrivalTime) {
  // Arrives 0.5 ns after cycle 120 began, is offered in cycle 121, answered in the closed form of a closed bank.
  const DramRun r = run("# comment\n\n100.46 0 R\n");
  const DramTiming t;
  const DramCycle done = 121 + 1 + t.rcd + t.cl + t.burst;
  ASSERT_EQ(r.read_latency_ps.size(), 1u);
  EXPECT_EQ(r.cycles, done);
  EXPECT_EQ(r.read_latency_ps[0], static_cast<int64_t>(done * 833 - 100'460));
}

TEST(DramDriver, ClosedLoopOffersTheNextRequestWhenOneIsDone) {
  const DramTiming t;
  const DramCycle closed = DramCycle{1} + t.rcd + t.cl + t.burst, hit = DramCycle{1} + t.cl + t.burst;
  const DramRun r = run("9999 0 R\n0 0x40 R\n5 80 R\n", 1);
  EXPECT_EQ(r.requests, 3u);
  EXPECT_EQ(r.cycles, closed + 2 * hit) << "arrival times are ignored";
  EXPECT_EQ(r.read_latency_ps,
            (std::vector<int64_t>{static_cast<int64_t>(closed) * 833, static_cast<int64_t>(hit) * 833,
                                  static_cast<int64_t>(hit) * 833}));
}

TEST(DramDriver, OneOutstandingGivesTheSameOnTheFastPathAndEvented) {
  // With 2 outstanding the driver takes the evented path; a write between the reads keeps it at one read at a time.
  std::string reads;
  Random random(4);
  for (int i = 0; i < 3000; ++i) reads += fmt::format("0 {:x} R\n", random.below(1 << 22) & ~63u);
  const DramRun fast = run(reads, 1, DramConfig{});
  std::string paced;
  uint64_t ps = 0;
  Random again(4);
  for (size_t i = 0; i < fast.read_latency_ps.size(); ++i) {
    paced += fmt::format("{}.{:03} {:x} R\n", ps / 1000, ps % 1000, again.below(1 << 22) & ~63u);
    ps += static_cast<uint64_t>(fast.read_latency_ps[i]);
  }
  const DramRun open = run(paced, std::nullopt, DramConfig{});
  EXPECT_EQ(open.read_latency_ps, fast.read_latency_ps);
  EXPECT_EQ(open.cycles, fast.cycles);
}

TEST(DramDriver, AQueueOfOnePlaceTakesTheNextRequestInTheCycleAfterItsOneLeaves) {
  DramConfig one = without_refresh();
  one.controller.read_queue = one.controller.write_queue = one.controller.write_high_watermark = 1;
  one.controller.write_low_watermark = 0;
  const DramTiming t;
  // Writes to one open row: each is taken in the cycle after the one before it was sent, and sent in the next.
  const DramRun writes = run("0 0 W\n0 40 W\n0 80 W\n0 c0 W\n", std::nullopt, one);
  EXPECT_EQ(writes.requests, 4u);
  const DramCycle first = DramCycle{1} + t.rcd;
  EXPECT_EQ(writes.cycles, first + 3 * t.ccd_l_wr + t.cwl + t.burst);
  const DramRun reads = run("0 0 R\n0 40 R\n0 80 R\n", std::nullopt, one);
  EXPECT_EQ(reads.cycles, first + 2 * t.ccd_l + t.cl + t.burst);
  Random random(7);
  std::string mixed;
  for (int i = 0; i < 2000; ++i) mixed += fmt::format("{} {:x} {}\n", i, random.below(1 << 24) & ~63u, "RW"[i % 2]);
  EXPECT_EQ(run(mixed, std::nullopt, one).requests, 2000u);
  EXPECT_EQ(run(mixed, 4, one).requests, 2000u);
}

TEST(DramDriver, WritesAreAllWrittenByTheEnd) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("{} {:x} W\n", i, i * 8192);
  DramSystem dram(without_refresh());
  RequestReader reader = reader_of(text);
  const DramRun r = drive(dram, reader, std::nullopt);
  EXPECT_EQ(dram.stats().writes, 100u);
  EXPECT_TRUE(r.read_latency_ps.empty());
  EXPECT_EQ(r.cycles, dram.last_data());
}

TEST(DramDriver, BadLinesAreNamedByFileAndLine) {
  using testing::HasSubstr;
  EXPECT_EQ(error_of("0 0 R\n"), "");
  EXPECT_EQ(error_of("0 0 R\nx 0 R\n"), "trace.txt: line 2, byte 6: expected an arrival time in ns first, got \"x\"");
  EXPECT_THAT(error_of("# c\n1.5 zz R\n"), HasSubstr("trace.txt: line 2, byte 4: expected a hexadecimal address"));
  EXPECT_THAT(error_of("1.5 40\n"), HasSubstr("line 1, byte 0: expected R or W third, got \"\""));
  EXPECT_THAT(error_of("1.5 40 r\n"), HasSubstr("line 1, byte 0: expected R or W"));
  EXPECT_THAT(error_of("1.5 40 R 7\n"), HasSubstr("line 1, byte 0: expected nothing behind the request"));
  EXPECT_THAT(error_of("-1 40 R\n"), HasSubstr("line 1, byte 0: expected an arrival time"));
  EXPECT_THAT(error_of("nan 40 R\n"), HasSubstr("line 1, byte 0: expected an arrival time"));
  EXPECT_THAT(error_of("1e300 40 R\n"), HasSubstr("line 1, byte 0: expected an arrival time"));
  EXPECT_THAT(error_of("1 100000000 R\n"),
              HasSubstr("line 1, byte 0: address 0x100000000 is beyond the 4294967296 bytes"));
  EXPECT_THAT(error_of("5 0 R\n4 40 R\n"), HasSubstr("line 2, byte 6: arrives before the request in the line above"));
  EXPECT_EQ(error_of("5 0 R\n4 40 R\n", 4), "") << "closed loop ignores arrival times";
  EXPECT_THAT(error_of("0 0 R\n0 4"), HasSubstr("line 2, byte 6: "));
}

TEST(DramRequests, EachFormIsFoundByItsFirstRequest) {
  const auto requests = [](const std::string& text) {
    RequestReader reader(open_bytes(std::vector<uint8_t>(text.begin(), text.end()), "t"), {.form = {}, .tck_ps = 625});
    std::string out;
    while (const auto request = reader.next()) {
      out += fmt::format("{}{}{} ", request->write ? "w" : "r", request->pa,
                         request->arrival_ps ? fmt::format("@{}", *request->arrival_ps) : "");
    }
    return std::string(name_of(*reader.form())) + ": " + out;
  };
  EXPECT_EQ(requests("# own\n0.5 40 R\n1 0x80 W\n"), "own: r0x40@500 w0x80@1000 ");
  EXPECT_EQ(requests("0x12345680 READ 0\n0x4cbd56c0 WRITE 12\n"), "dramsim3: r0x12345680@0 w0x4cbd56c0@7500 ");
  EXPECT_EQ(requests("\xef\xbb\xbf"
                     "12345680 P_MEM_RD 0\r\n4cbd56c0 write 12\r\n40 BOFF 13\n"),
            "dramsim3: r0x12345680@0 w0x4cbd56c0@7500 w0x40@8125 ");
  EXPECT_EQ(requests("0x12345680 R\n0x4cbd56c0 W\n"), "ramulator1: r0x12345680 w0x4cbd56c0 ");
  EXPECT_EQ(requests("LD 0x229f6f80\nST 128\n"), "ramulator2: r0x229f6f80 w0x80 ");
  EXPECT_EQ(requests("# stl\n0:\tread\t0x400140\n31: (64) write 0x400180 0xdeadbeef\n"),
            "stl: r0x400140@0 w0x400180@19375 ");
}

TEST(DramRequests, EachFormIsWrittenAsItIsRead) {
  for (unsigned i = 0; i < kRequestForms; ++i) {
    const auto form = static_cast<RequestForm>(i);
    for (const bool write : {false, true}) {
      RequestLine request{0x4cbd56c0, write, 12345};
      std::string line = request_text(form, request);
      line.pop_back();
      EXPECT_EQ(request_form_of_line(line), form);
      RequestLine back;
      EXPECT_EQ(read_request(form, line, back), "") << line;
      EXPECT_EQ(back.pa, request.pa);
      EXPECT_EQ(back.write, write);
      if (back.time) {
        EXPECT_EQ(back.time, request.time);
      }
    }
  }
}

TEST(DramRequests, WithoutTimesEachIsOfferedAsSoonAsTheOneBeforeIsTaken) {
  const DramRun by_time = run("0 0 R\n0.833 40 R\n1.666 80 R\n");
  const DramRun without = run("0x0 R\n0x40 R\n0x80 R\n");
  EXPECT_EQ(without.cycles, by_time.cycles);
  EXPECT_EQ(without.read_latency_ps, by_time.read_latency_ps);
  const DramRun closed = run("LD 0\nLD 64\n", 1);
  EXPECT_EQ(closed.read_latency_ps, run("0 0 R\n0 40 R\n", 1).read_latency_ps);
}

TEST(DramRequests, WhatIsSomethingElseIsNamed) {
  using testing::HasSubstr;
  EXPECT_THAT(error_of("3 20734016\n1 20846400 20734016\n"), HasSubstr("looks like Ramulator's processor trace"));
  EXPECT_THAT(error_of("I  0401ab70,3\n"), HasSubstr("looks like a lackey trace, whose addresses are virtual"));
  EXPECT_THAT(error_of("0: system.cpu: A0 T0 : 0x401000 @_start    : xor\n"), HasSubstr("gem5's Exec output"));
  EXPECT_THAT(error_of("R 0,0,0,1,2,3\n"), HasSubstr("Ramulator 2's requests by bank and row"));
  EXPECT_THAT(error_of("12 R 0x1000 0x401000\n"), HasSubstr("USIMM's processor trace"));
  EXPECT_THAT(error_of("0x40 READ x\n"), HasSubstr("line 1, byte 0: expected a clock cycle third, got \"x\""));
  EXPECT_THAT(error_of("0x40 FETCH 3\n"), HasSubstr("expected READ or WRITE second"));
  EXPECT_THAT(error_of("LD 0x40\nMV 0x40\n"), HasSubstr("line 2, byte 8: expected LD or ST first"));
  EXPECT_THAT(error_of("5: (128) read 0x40\n"), HasSubstr("a length of 1 to 64 bytes"));
  EXPECT_THAT(error_of("0x40 READ 18446744073709551615\n"), HasSubstr("expected a clock cycle"));
  EXPECT_THAT(error_of("0x40 READ 9223372036854775807\n"), HasSubstr("out of range"));
  EXPECT_THAT(error_of("\xff\xfe\x01\n"), HasSubstr("got \"\\xff\\xfe\\x01\""));
}

TEST(DramRequests, SalvageTakesWhatIsWhole) {
  const std::string text = "0x0 READ 0\n0x40 READ 1\n0x80 RE";
  RequestReader reader(open_bytes(std::vector<uint8_t>(text.begin(), text.end()), "t"),
                       {.form = {}, .tck_ps = 833, .salvage = true});
  DramSystem dram(without_refresh());
  EXPECT_EQ(drive(dram, reader, std::nullopt).requests, 2u);
  EXPECT_THAT(reader.damage(), testing::HasSubstr("t: line 3, byte 23: truncated"));
}

/// tests/data/dram: requests, and for each the mean latency three public simulators gave them.
TEST(DramDriver, MeanLatencyIsWithin5PercentOfThePublicSimulators) {
  const std::string folder = std::string(MMUSIM_SOURCE_DIR) + "/tests/data/dram/";
  const nlohmann::json expected = parse_json_file(folder + "means.json");
  unsigned rows = 0;
  for (const auto& row : expected["rows"]) {
    DramSystem dram(shipped_dram("reference-ddr4-2400"));
    RequestReader reader(folder + row["trace"].get<std::string>());
    const unsigned n = row["outstanding"].get<unsigned>();
    const DramRun r = drive(dram, reader, n == 0 ? std::nullopt : std::optional(n));
    double mean = 0;
    for (const auto& value : row["mean_read_latency_ns"]) mean += value.get<double>() / 3.0;
    EXPECT_NEAR(mean_ns(r) / mean, 1.0, 0.05) << row;
    ++rows;
  }
  EXPECT_EQ(rows, 3u);
}

}  // namespace
}  // namespace mmusim
