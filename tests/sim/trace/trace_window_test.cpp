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
  uint64_t instructions = 0;
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
  taken.instructions = window.instructions();
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
  TraceWindowText text;
  text.skip = "1";
  text.sample = "2:5";
  CountingReader reader(15, 4);
  EXPECT_THAT(take(reader, read_trace_window(text)).measured, ElementsAre(1, 2, 6, 7, 11, 12));
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

TEST(TraceWindow, BadSamplesAndLengthsAreRefused) {
  for (const char* text : {"5", "0:5", "6:5", "1:", ":5", "1:5x", "-1:5"}) {
    TraceWindowText window;
    window.sample = text;
    EXPECT_THROW(read_trace_window(window), InputError) << text;
  }
  for (const char* text : {"-1", "5k", "5x", "i", "5ii", "Mi", "18446744073709551616", "99999999999G", " 5"}) {
    TraceWindowText window;
    window.limit = text;
    EXPECT_THROW(read_trace_window(window), InputError) << text;
  }
}

TEST(TraceWindow, LengthsAreAccessesOrInstructions) {
  TraceWindowText text;
  text.skip = "7";
  text.warmup = "3K";
  text.limit = "100Mi";
  const TraceWindowConfig config = read_trace_window(text);
  EXPECT_EQ(text_of(config.skip), "7");
  EXPECT_EQ(text_of(config.warmup), "3000");
  EXPECT_EQ(text_of(*config.limit), "100000000i");
}

/// Fetch, its load; fetch without data access; a load with two instructions before it and a store of the same one.
std::vector<MemAccess> instructions_of_four_kinds() {
  std::vector<MemAccess> all(6);
  for (size_t i = 0; i < all.size(); ++i) all[i].va = VirtAddr(i);
  all[0].kind = all[2].kind = all[3].kind = AccessKind::kFetch;
  all[4].gap = 2;
  all[5].continues = true;
  return all;
}

TEST(TraceWindow, InstructionsAreCountedAsTheWindowCoreCountsThem) {
  InstructionCount count;
  std::vector<unsigned> each;
  for (const MemAccess& access : instructions_of_four_kinds()) each.push_back(count.add(access));
  EXPECT_THAT(each, ElementsAre(0, 1, 0, 1, 3, 0));
  MemAccess fetch;
  fetch.kind = AccessKind::kFetch;
  EXPECT_EQ(count.add(fetch), 0U);
  EXPECT_EQ(count.finish(), 1U);
  EXPECT_EQ(count.finish(), 0U);
}

TEST(TraceWindow, LengthsInInstructionsEndWithTheAccessThatEndsThem) {
  for (const uint64_t size : {1, 2, 3, 7, 100}) {
    CountingReader reader(50, size);  // each access is an instruction
    TraceWindowText text;
    text.skip = "5i";
    text.warmup = "3i";
    text.limit = "4i";
    const Taken taken = take(reader, read_trace_window(text));
    EXPECT_THAT(taken.warmup, ElementsAre(5, 6, 7)) << size;
    EXPECT_THAT(taken.measured, ElementsAre(8, 9, 10, 11)) << size;
    EXPECT_EQ(taken.instructions, 4U);
  }
}

}  // namespace
}  // namespace mmusim::trace_test
