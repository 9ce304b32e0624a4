// SPDX-License-Identifier: MIT
// The result does not depend on how the model is driven: same requests at the same cycles, same completions.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "models/base/stats.h"
#include "models/dram/dram_system.h"
#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

struct Arrival {
  DramCycle at;
  DramRequest request;
};

struct Outcome {
  std::vector<DramCompletion> reads;
  std::vector<uint64_t> counters;
  bool operator==(const Outcome&) const = default;
};

/// Machines whose rules interact: small queues, two ranks, closed page, impatient starvation bound, several channels.
std::vector<DramConfig> machines() {
  std::vector<DramConfig> all(5);
  all[1].controller = {.read_queue = 8,
                       .write_queue = 8,
                       .write_high_watermark = 6,
                       .write_low_watermark = 2,
                       .starvation_cycles = 150,
                       .page_policy = PagePolicy::kOpen};
  all[2].controller = all[1].controller;
  all[2].controller.page_policy = PagePolicy::kClosed;
  all[3] = shipped_dram("ddr4-3200");
  all[3].controller = all[1].controller;
  all[4] = shipped_dram("ddr5-4800");
  return all;
}

/// Bursts and pauses, few rows so that hits, conflicts and repeated lines are common, every third a write.
std::vector<Arrival> random_arrivals(uint64_t seed, unsigned count) {
  Random random(seed);
  std::vector<Arrival> arrivals;
  DramCycle now = 0;
  for (unsigned i = 0; i < count; ++i) {
    const uint64_t pause = random.below(100);
    now += pause < 60 ? random.below(12) : pause < 97 ? random.below(300) : random.below(40'000);
    const PhysAddr pa(random.below(8) << 18 | random.below(16) << 13 | random.below(6) << 6);
    arrivals.push_back({now, {.id = i, .pa = pa, .write = random.below(3) == 0}});
  }
  return arrivals;
}

/// Drives the machine, calling `between(dram, from, to)` for the time between successive cycles of interest.
using Between = std::function<void(DramSystem&, DramCycle, DramCycle, std::vector<DramCompletion>&)>;

Outcome drive(const DramConfig& config, const std::vector<Arrival>& arrivals, const Between& between) {
  DramSystem dram(config);
  Outcome outcome;
  DramCycle now = 0;
  for (const Arrival& a : arrivals) {
    const DramCycle at = std::max(a.at, now);
    between(dram, now, at, outcome.reads);
    now = at;
    while (!dram.can_accept(a.request.pa, a.request.write, now)) ++now;
    const auto done = dram.enqueue(a.request, now);
    if (done && !a.request.write) outcome.reads.push_back({a.request.id, *done});
  }
  between(dram, now, now + 100'000, outcome.reads);
  dram.advance_to(now + 100'000, outcome.reads);
  std::sort(outcome.reads.begin(), outcome.reads.end(), [](auto& a, auto& b) { return a.id < b.id; });
  dram.stats().describe([&](const char*, uint64_t value, const char*) { outcome.counters.push_back(value); });
  outcome.counters.push_back(dram.refreshes(now + 100'000));
  return outcome;
}

void nothing(DramSystem&, DramCycle, DramCycle, std::vector<DramCompletion>&) {}

void every_cycle(DramSystem& dram, DramCycle from, DramCycle to, std::vector<DramCompletion>& reads) {
  for (DramCycle t = from; t <= to; ++t) dram.advance_to(t, reads);
}

void event_by_event(DramSystem& dram, DramCycle, DramCycle to, std::vector<DramCompletion>& reads) {
  while (const auto event = dram.next_event()) {
    if (*event > to) break;
    dram.advance_to(*event, reads);
  }
}

class DramInvariance : public testing::TestWithParam<size_t> {};

TEST_P(DramInvariance, CompletionsDoNotDependOnHowTimeIsSplit) {
  const DramConfig config = machines()[GetParam()];
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const auto arrivals = random_arrivals(seed, 400);
    const Outcome lazy = drive(config, arrivals, nothing);
    ASSERT_FALSE(lazy.reads.empty());
    EXPECT_EQ(lazy, drive(config, arrivals, event_by_event)) << "seed " << seed;
    if (seed <= 2) {
      EXPECT_EQ(lazy, drive(config, arrivals, every_cycle)) << "seed " << seed;
    }
    Random random(seed);
    const auto at_random = [&random](DramSystem& dram, DramCycle from, DramCycle to, auto& reads) {
      for (DramCycle t = from; t <= to; t += random.below(200)) {
        if (random.below(3) == 0) dram.next_event();
        if (random.below(3) == 0) dram.can_accept(PhysAddr(random.below(1 << 20)), random.below(2) == 0, t);
        if (random.below(2) == 0) dram.advance_to(t, reads);
      }
    };
    EXPECT_EQ(lazy, drive(config, arrivals, at_random)) << "seed " << seed;
  }
}

TEST_P(DramInvariance, EveryReadIsAnsweredOnce) {
  const DramConfig config = machines()[GetParam()];
  const auto arrivals = random_arrivals(77, 3000);
  const Outcome outcome = drive(config, arrivals, nothing);
  const auto reads = std::count_if(arrivals.begin(), arrivals.end(), [](const Arrival& a) { return !a.request.write; });
  EXPECT_EQ(outcome.reads.size(), static_cast<size_t>(reads));
  for (size_t i = 1; i < outcome.reads.size(); ++i) EXPECT_LT(outcome.reads[i - 1].id, outcome.reads[i].id);
}

TEST_P(DramInvariance, ReadAloneEqualsTheEventedWay) {
  const DramConfig config = machines()[GetParam()];
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    DramSystem alone(config), evented(config);
    std::vector<DramCompletion> completions;
    Random random(seed);
    DramCycle now = 0;
    for (unsigned i = 0; i < 3000; ++i) {
      now += random.below(50) != 0 ? random.below(80) : random.below(60'000);
      const PhysAddr pa(random.below(8) << 18 | random.below(16) << 13 | random.below(6) << 6);
      if (random.below(3) == 0) {  // a write pending while reads come
        while (!alone.can_accept(pa, true, now)) ++now;
        ASSERT_TRUE(evented.can_accept(pa, true, now));
        alone.enqueue({.id = i, .pa = pa, .write = true}, now);
        evented.enqueue({.id = i, .pa = pa, .write = true}, now);
        continue;
      }
      auto done = evented.enqueue({.id = i, .pa = pa}, now);
      while (!done) {
        evented.advance_to(*evented.next_event(), completions);
        if (!completions.empty()) done = completions.front().done;
        completions.clear();
      }
      ASSERT_EQ(alone.read_alone(pa, now), *done) << "seed " << seed << " request " << i;
      now = *done;
    }
    alone.advance_to(now + 100'000, completions);
    evented.advance_to(now + 100'000, completions);
    EXPECT_EQ(alone.refreshes(now + 100'000), evented.refreshes(now + 100'000));
    EXPECT_EQ(alone.stats().row_hits, evented.stats().row_hits);
    EXPECT_EQ(alone.stats().writes, evented.stats().writes);
    EXPECT_GT(alone.stats().writes, 0u);
    if (config.controller.write_low_watermark > 2) {
      EXPECT_GT(alone.stats().forwarded_reads, 0u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, DramInvariance, testing::Range<size_t>(0, 5));

}  // namespace
}  // namespace mmusim
