// SPDX-License-Identifier: MIT
#include "sim/trace/trace_statistics.h"

#include <gtest/gtest.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

class Shipped : public testing::TestWithParam<const char*> {};

TEST_P(Shipped, TotalsEqualThoseOfTheCapture) {
  const std::string name = GetParam();
  std::ifstream file(shipped_file(name + ".meta.json"));
  const nlohmann::json meta = nlohmann::json::parse(file);
  const auto reader = open_trace(shipped_file(name + ".vmt.xz"));
  TraceCounter counter;
  TraceBatch batch;
  while (reader->next(batch)) counter.add(batch);
  const TraceStatistics s = counter.result();
  const auto events = [&](TraceEventKind kind) { return s.events[static_cast<size_t>(kind)]; };
  const nlohmann::json totals = {{"reads", s.accesses[0]},
                                 {"writes", s.accesses[1]},
                                 {"user", s.user},
                                 {"distinct_pages", s.distinct_pages},
                                 {"bytes", s.bytes},
                                 {"map", events(TraceEventKind::kMap)},
                                 {"marker", events(TraceEventKind::kMarker)},
                                 {"crwrite", events(TraceEventKind::kCrWrite)},
                                 {"invlpg", events(TraceEventKind::kInvlpg)},
                                 {"invpcid", events(TraceEventKind::kInvpcid)}};
  EXPECT_EQ(totals, meta.at("totals"));
  EXPECT_EQ(s.records, meta.at("records"));
}

INSTANTIATE_TEST_SUITE_P(Trace, Shipped, testing::Values("bootinit-512m-4l", "ops-512m-4l", "big-8g-4l"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(TraceStatistics, ReuseAndFootprintOfAKnownPattern) {
  TraceBatch batch;
  for (unsigned round = 0; round < 4; ++round) {
    for (uint64_t page = 0; page < 600; ++page) {  // reaches into a second 2 MiB page
      MemAccess access;
      access.va = VirtAddr(0x40000000 + page * 4096);
      batch.accesses.push_back(access);
      batch.accesses.push_back(access);
    }
  }
  batch.records = batch.accesses.size();
  TraceCounter counter;
  counter.add(batch);
  const TraceStatistics s = counter.result();
  EXPECT_EQ(s.footprint[0], 600);
  EXPECT_EQ(s.footprint[1], 2);
  EXPECT_EQ(s.footprint[2], 1);
  EXPECT_EQ(s.first_uses, 600);
  EXPECT_EQ(s.reuse[0], 2400);   // the second of each pair
  EXPECT_EQ(s.reuse[10], 1800);  // 599 other pages in between: 512 to 1023
}

TEST(TraceStatistics, AnAccessOverAPageBoundaryTouchesBothPages) {
  TraceBatch batch;
  MemAccess access;
  access.va = VirtAddr(0x1ffd);
  batch.accesses = {access};
  batch.records = 1;
  TraceCounter counter;
  counter.add(batch);
  EXPECT_EQ(counter.result().page_crossing, 1);
  EXPECT_EQ(counter.result().footprint[0], 2);
  EXPECT_EQ(counter.result().distinct_pages, 1);  // as the captures count: by first bytes
  EXPECT_EQ(counter.result().highest, VirtAddr(0x2004));
}

}  // namespace
}  // namespace mmusim::trace_test
