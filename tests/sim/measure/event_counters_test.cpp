// SPDX-License-Identifier: MIT
#include "sim/measure/event_counters.h"

#include <gtest/gtest.h>

#include "models/base/types.h"
#include "sim/measure/host_subject.h"
#include "sim/measure/measure_report.h"
#include "sim/measure/simulated_subject.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

/// Counts as if there were two misses and one walk in 1000 steps.
class FakeCounters final : public EventCounters {
 public:
  void start() override {
    EXPECT_FALSE(counting_);
    counting_ = true;
  }
  Events stop(uint64_t steps) override {
    EXPECT_TRUE(counting_);
    EXPECT_GT(steps, 0U);
    counting_ = false;
    ++stops;
    return {0.002, 0.001};
  }
  std::string problem() const override { return ""; }

  unsigned stops = 0;

 private:
  bool counting_ = false;
};

TEST(EventCounters, M6_EachChaseOfLoadsIsCountedAndNoFetches) {
  FakeCounters counters;
  HostSubjectOptions options;
  options.memory = 8 * kMiB;
  options.counters = &counters;
  HostSubject subject(options);
  Chase loads, fetches;
  loads.count = fetches.count = 16;
  fetches.kind = ChaseKind::kFetches;
  const auto counted = subject.measure(loads);
  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(counted->events.dtlb_misses, 0.002);
  EXPECT_EQ(counted->events.walks, 0.001);
  const unsigned before = counters.stops;
  EXPECT_GT(before, 0U);
  if (const auto other = subject.measure(fetches)) {
    EXPECT_FALSE(other->events.walks.has_value());
  }
  EXPECT_EQ(counters.stops, before);
}

TEST(EventCounters, M6_WithoutCountersNothingIsCounted) {
  HostSubjectOptions options;
  options.memory = 8 * kMiB;
  HostSubject subject(options);
  Chase loads;
  loads.count = 16;
  const auto sample = subject.measure(loads);
  ASSERT_TRUE(sample.has_value());
  EXPECT_FALSE(sample->events.walks.has_value());
}

TEST(EventCounters, M6_WhereTheSystemRefusesASentenceSaysSo) {
  PerfEventCounters counters(host_processor());
  counters.start();
  const Events events = counters.stop(100);
  const bool refused = counters.problem().find("cannot be read") != std::string::npos;
  if (refused) {
    EXPECT_FALSE(events.walks.has_value());
    EXPECT_FALSE(events.dtlb_misses.has_value());
  }
  if (events.walks) {
    EXPECT_GE(*events.walks, 0);
  }
}

TEST(EventCounters, M6_ASimulatedMachineTellsThemExactly) {
  in_child([] {
    Simulation simulation;
    SimulatedSubject subject(simulation, "subject", load_platform("textbook"));
    subject.count_events();
    Chase chase;
    const auto events = [&](uint64_t pages) {
      chase.count = pages;
      return subject.measure(chase)->events;
    };
    EXPECT_EQ(events(64).dtlb_misses, 0) << "the first level has 64 entries";
    EXPECT_EQ(events(1024).dtlb_misses, 1);
    EXPECT_EQ(events(1024).walks, 0) << "the second level has 1536";
    EXPECT_EQ(events(4096).walks, 1);
    return std::string("done");
  });
}

TEST(EventCounters, M6_TheReportShowsCountedBesideSimulated) {
  const auto point = [](uint64_t n, Events events) { return Point{n, {10, 10, 10, events}}; };
  Survey survey;
  survey.curves = {{"pages-4K", "pages", {point(64, {0.01, 0.25}), point(128, {1.0, 0.5})}}};
  Counterpart simulated;
  simulated.curves = {{"pages-4K", "pages", {point(64, {0.0, 0.0}), point(128, {1.0, 0.375})}}};
  EXPECT_EQ(sentence_of_events(survey.curves[0], simulated.curves[0]),
            "pages-4K: walks counted and simulated differ by 0.25 a step at most, at 64.");
  const std::string html = measure_html({"m", {}, survey, simulated, {}});
  EXPECT_NE(html.find("<tr><td>128</td><td>1.000</td><td>1.000</td><td>0.500</td><td>0.375</td></tr>"),
            std::string::npos);
  survey.curves = {{"pages-4K", "pages", {point(64, {})}}};
  EXPECT_EQ(sentence_of_events(survey.curves[0], simulated.curves[0]), "");
  EXPECT_EQ(measure_html({"m", {}, survey, simulated, {}}).find("Events for each step"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
