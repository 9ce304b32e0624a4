// SPDX-License-Identifier: MIT
#include "sim/trace/trace_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::ElementsAre;

/// Delivers accesses to addresses 0, 1, 2, ... in batches of `size`, with the given events.
class CountingReader final : public TraceReader {
 public:
  CountingReader(uint64_t accesses, uint64_t size, std::vector<std::pair<uint64_t, TraceEvent>> events = {})
      : accesses_(accesses), size_(size), events_(std::move(events)) {}
  bool next(TraceBatch& batch) override {
    batch.clear();
    batch.first_record = at_;
    for (uint64_t i = 0; i < size_ && at_ < accesses_; ++i, ++at_) {
      for (const auto& [before, event] : events_) {
        if (before != at_) continue;
        batch.events.push_back(event);
        batch.events.back().before = static_cast<uint32_t>(i);
      }
      batch.accesses.emplace_back().va = VirtAddr(at_);
    }
    batch.records = batch.accesses.size();
    return batch.records != 0;
  }
  const TraceInfo& info() const override { return info_; }
  uint64_t bytes_read() const override { return 0; }
  uint64_t bytes_total() const override { return 0; }

 private:
  uint64_t accesses_, size_;
  std::vector<std::pair<uint64_t, TraceEvent>> events_;
  uint64_t at_ = 0;
  TraceInfo info_;
};

struct Taken {
  std::vector<uint64_t> warmup, measured;
  uint64_t events = 0;
};

Taken take(TraceReader& reader, const TraceWindowConfig& config) {
  TraceWindow window(reader, config);
  Taken taken;
  TraceBatch batch;
  WindowPart part = WindowPart::kMeasured;
  while (window.next(batch, part)) {
    taken.events += batch.events.size();
    EXPECT_TRUE(part != WindowPart::kSkipped || batch.accesses.empty());
    for (const TraceEvent& event : batch.events) EXPECT_LE(event.before, batch.accesses.size());
    for (const MemAccess& a : batch.accesses) {
      (part == WindowPart::kWarmup ? taken.warmup : taken.measured).push_back(a.va.raw());
    }
  }
  EXPECT_EQ(window.measured(), taken.measured.size());
  EXPECT_EQ(window.warmed_up(), taken.warmup.size());
  return taken;
}

TraceEvent marker(uint64_t number) {
  TraceEvent event;
  event.value = number;
  return event;
}

TEST(TraceWindow, SkipWarmupAndLimitWhateverTheBatches) {
  TraceWindowConfig config;
  config.skip = 5;
  config.warmup = 3;
  config.limit = 4;
  for (const uint64_t size : {1, 2, 3, 7, 100}) {
    CountingReader reader(50, size);
    const Taken taken = take(reader, config);
    EXPECT_THAT(taken.warmup, ElementsAre(5, 6, 7)) << size;
    EXPECT_THAT(taken.measured, ElementsAre(8, 9, 10, 11)) << size;
  }
}

TEST(TraceWindow, SampleTakesTheFirstOfEachPeriodAfterTheSkip) {
  TraceWindowConfig config;
  config.skip = 1;
  parse_sample("2:5", config);
  CountingReader reader(15, 4);
  EXPECT_THAT(take(reader, config).measured, ElementsAre(1, 2, 6, 7, 11, 12));
}

TEST(TraceWindow, RegionIsThePhaseOfAMarkerAndEventsOutsideStillCome) {
  TraceWindowConfig config;
  config.roi = "2";
  const std::vector<std::pair<uint64_t, TraceEvent>> events = {
      {0, marker(1)}, {4, marker(2)}, {9, marker(3)}, {11, marker(2)}};
  for (const uint64_t size : {1, 3, 100}) {
    CountingReader reader(13, size, events);
    const Taken taken = take(reader, config);
    EXPECT_THAT(taken.measured, ElementsAre(4, 5, 6, 7, 8, 11, 12)) << size;
    EXPECT_EQ(taken.events, 4) << size;
  }
}

TEST(TraceWindow, SkipAndWarmupCountInsideTheRegion) {
  TraceWindowConfig config;
  config.roi = "2";
  config.skip = 1;
  config.warmup = 2;
  CountingReader reader(10, 4, {{3, marker(2)}});
  const Taken taken = take(reader, config);
  EXPECT_THAT(taken.warmup, ElementsAre(4, 5));
  EXPECT_THAT(taken.measured, ElementsAre(6, 7, 8, 9));
}

TEST(TraceWindow, BadSamplesAreRefused) {
  TraceWindowConfig config;
  for (const char* text : {"", "5", "0:5", "6:5", "1:", ":5", "1:5x", "-1:5"}) {
    EXPECT_THROW(parse_sample(text, config), InputError) << text;
  }
}

}  // namespace
}  // namespace mmusim::trace_test
