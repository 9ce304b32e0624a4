// SPDX-License-Identifier: MIT
#include "sim/measure/inference.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "sim/measure/chase.h"
#include "sim/measure/survey.h"

namespace mmusim {
namespace {

Point exact(uint64_t n, double cycles) { return {n, {cycles, cycles, cycles}}; }
Point blurred(uint64_t n, double cycles, double by) { return {n, {cycles - by, cycles, cycles + by}}; }

/// 0 up to 64, then 7 up to 2048, then 20.
Curve stairs() {
  Curve curve;
  for (uint64_t n = 8; n <= 8192; n += n / 8) insert(curve, exact(n, n <= 64 ? 0 : n <= 2048 ? 7 : 20));
  for (const uint64_t n : std::initializer_list<uint64_t>{64, 65, 2048, 2049})
    insert(curve, exact(n, n <= 64 ? 0 : n <= 2048 ? 7 : 20));
  return curve;
}

TEST(Staircase, FindsLevelsAndCapacitiesExactlyWhereBothSidesWereMeasured) {
  const auto levels = staircase(stairs(), 3, 0);
  ASSERT_EQ(levels.size(), 3U);
  EXPECT_EQ(levels[0].capacity->value, 64);
  EXPECT_EQ(levels[0].capacity->low, levels[0].capacity->high);
  EXPECT_EQ(levels[1].capacity->value, 2048);
  EXPECT_NEAR(levels[1].plateau.level, 7, 0.001);
  EXPECT_FALSE(levels[2].capacity.has_value()) << "the curve ends before";
}

TEST(Staircase, SaysAnIntervalWhereItWasNotMeasuredCloser) {
  Curve curve = stairs();
  std::erase_if(curve, [](const Point& p) { return p.n >= 60 && p.n <= 66; });
  const auto levels = staircase(curve, 1, 0);
  ASSERT_EQ(levels.size(), 1U);
  EXPECT_LT(levels[0].capacity->low, 60);
  EXPECT_GT(levels[0].capacity->high, 66);
  EXPECT_EQ(levels[0].capacity->value, 64) << "the roundest number between";
}

TEST(Staircase, ACurveThatRisesAllTheWayHasNoLevels) {
  Curve curve;
  for (uint64_t n = 8; n <= 8192; n += n / 8) insert(curve, exact(n, static_cast<double>(n)));
  EXPECT_TRUE(staircase(curve, 3, 0).empty());
}

TEST(Staircase, QuartilesAreTheTolerance) {
  Curve curve;
  for (uint64_t n = 8; n <= 64; n += n / 8) insert(curve, blurred(n, 4 + (n % 2 == 0 ? 0.1 : 0), 0.2));
  ASSERT_TRUE(plateau_from(curve, 0).has_value());
  for (Point& p : curve) p.cycles.low = p.cycles.high = p.cycles.median;
  const auto exact_plateau = plateau_from(curve, 0);
  EXPECT_TRUE(!exact_plateau || exact_plateau->last < 64);
}

TEST(FirstLevel, IsOnlyOneIfTheFirstThreePointsAreEqual) {
  Curve curve = {exact(8, 20), exact(9, 20), exact(11, 20), exact(13, 24)};
  ASSERT_TRUE(first_level_of(curve, 0).has_value());
  const auto capacity = capacity_of(curve, *first_level_of(curve, 0), 4, 0);
  ASSERT_TRUE(capacity.has_value());
  EXPECT_EQ(capacity->high, 12) << "13 is the first that is raised";
  curve[2].cycles = {20.5, 20.5, 20.5};
  EXPECT_FALSE(first_level_of(curve, 0).has_value());
  EXPECT_TRUE(first_level_of(curve, 0.5).has_value());
  EXPECT_FALSE(first_level_of({exact(8, 20), exact(9, 20)}, 0).has_value());
}

TEST(Roundest, PrefersPowersOfTwoAndTheirSmallMultiples) {
  EXPECT_EQ(roundest(60, 70), 64U);
  EXPECT_EQ(roundest(1500, 1600), 1536U);
  EXPECT_EQ(roundest(96, 96), 96U);
  EXPECT_EQ(roundest(5, 5), 5U);
}

TEST(Units, OnlyAWholeNumberIsAnAnswer) {
  const auto sharp = [](double v) { return Sample{v, v, v}; };
  ASSERT_TRUE(units_of(sharp(13), sharp(6.5)).has_value());
  EXPECT_EQ(units_of(sharp(13), sharp(6.5))->value, 2);
  EXPECT_FALSE(units_of(sharp(13), sharp(13 / 2.5)).has_value());
  EXPECT_FALSE(units_of(sharp(13), sharp(0)).has_value());
}

TEST(Chases, EachSixtyFourPagesFallIntoSixtyFourSets) {
  Chase chase;
  chase.count = 256;
  std::set<uint64_t> lines;
  for (const Step& s : steps_of(chase)) {
    if (s.page >= 128 && s.page < 192) lines.insert(s.offset / 64);
  }
  EXPECT_EQ(lines.size(), 64U);
}

TEST(Chases, PagesAndLinesTouchTheSameLinesInTheSameOrder) {
  Chase pages, lines;
  pages.count = lines.count = 640;
  lines.kind = ChaseKind::kLines;
  const auto a = steps_of(pages), b = steps_of(lines);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].offset, b[i].offset % kPageBytes);
}

TEST(Chases, LoadsCrossIntoThePageBetweenOrIntoALineOfTheirOwnPage) {
  std::set<uint64_t> pages;
  for (const Step& s : steps_of(crossing_chase(4, Crossing::kPage))) {
    EXPECT_EQ(s.offset, kPageBytes - 4);
    pages.insert(s.page);
  }
  EXPECT_EQ(pages, (std::set<uint64_t>{0, 2, 4, 6}));
  EXPECT_EQ(pages_spanned(crossing_chase(4, Crossing::kPage)), 8U) << "the last load ends in page 7";
  for (const Step& s : steps_of(crossing_chase(4, Crossing::kLine))) {
    EXPECT_EQ(s.offset % kLineBytes, kLineBytes - 4);
    EXPECT_LT(s.offset + 8, kPageBytes);
  }
  EXPECT_EQ(pages_spanned(crossing_chase(4, Crossing::kLine)), 7U);
}

/// Number of the 2 MiB region of a step.
uint64_t region_of(const Step& step) { return step.page / 512; }

TEST(Chases, RegionsHaveTheirTurnsInTheSameOrder) {
  const Chase chase = region_chase(1024, 40, 0, 1);
  const auto steps = steps_of(chase);
  EXPECT_EQ(steps.size(), chase.count);
  EXPECT_GE(steps.size(), 1024U);
  std::set<uint64_t> pages;
  for (size_t i = 0; i < steps.size(); ++i) {
    pages.insert(steps[i].page);
    EXPECT_LT(region_of(steps[i]), 40U);
    if (i >= 40) {
      EXPECT_EQ(region_of(steps[i]), region_of(steps[i - 40])) << i;
    }
  }
  EXPECT_EQ(pages.size(), steps.size()) << "each page once";
  EXPECT_EQ(pages_spanned(chase), 40U * 512);
}

TEST(Chases, TwoVisitsTouchTheSamePagesTwoOfARegionInTurn) {
  const auto one = steps_of(region_chase(1024, 10, 0, 1)), two = steps_of(region_chase(1024, 10, 0, 2));
  std::set<uint64_t> a, b;
  for (const Step& s : one) a.insert(s.page);
  for (const Step& s : two) b.insert(s.page);
  EXPECT_EQ(a, b);
  for (size_t i = 0; i + 1 < two.size(); i += 2) EXPECT_EQ(region_of(two[i]), region_of(two[i + 1]));
}

TEST(Chases, RegionsAreDealtOutToGibs) {
  const Chase chase = region_chase(1024, 64, 5, 1);
  const auto steps = steps_of(chase);
  std::set<uint64_t> regions, gibs;
  for (const Step& s : steps) {
    regions.insert(region_of(s));
    gibs.insert(region_of(s) / 512);
  }
  EXPECT_EQ(regions.size(), 64U);
  EXPECT_EQ(gibs.size(), 5U);
  EXPECT_EQ(pages_spanned(chase), 5U * 512 * 512);
}

TEST(Chases, APageOfALineComesBeforeTheOneBelowIt) {
  std::map<uint64_t, uint64_t> last;  // of each line of eight pages
  for (const Step& s : steps_of(region_chase(4096, 12, 0, 1))) {
    const auto [at, added] = last.emplace(s.page / 8, s.page);
    if (!added) {
      EXPECT_EQ(at->second, s.page + 1);
    }
    at->second = s.page;
  }
}

TEST(Chases, StridesAndGroups) {
  Chase chase;
  chase.count = 6;
  chase.group = 2;
  chase.stride = 128;
  std::set<uint64_t> pages;
  for (const Step& s : steps_of(chase)) pages.insert(s.page);
  EXPECT_EQ(pages, (std::set<uint64_t>{0, 1, 128, 129, 256, 257}));
  EXPECT_EQ(pages_spanned(chase), 258U);
}

/// A machine that runs nothing but chases over one element, each kind at its cost.
class OneLoad final : public Subject {
 public:
  OneLoad(double none, double line, double page) : cost_{none, line, page} {}
  std::optional<Sample> measure(const Chase& chase) override {
    if (chase.count != 1) return std::nullopt;
    const double cycles = cost_[static_cast<size_t>(chase.crossing)];
    return Sample{cycles, cycles - 0.1, cycles + 0.1, {}};
  }
  uint64_t most_steps(ChaseKind, PageSize) const override { return 1; }
  double foreign_share() const override { return 0; }

 private:
  std::array<double, 3> cost_;
};

TEST(Survey, M2_ACrossingThatTakesLessThanNothingIsNoFinding) {
  const auto line_crossing = [](OneLoad subject) { return *survey(subject, {}).find("load.line_crossing_cycles"); };
  const Finding plain = line_crossing({4, 9, 9});
  ASSERT_TRUE(plain.value);
  EXPECT_DOUBLE_EQ(plain.value->value, 5);
  const Finding odd = line_crossing({8, 4, 4});
  EXPECT_FALSE(odd.value);
  EXPECT_NE(odd.why.find("took longer"), std::string::npos) << odd.why;
}

}  // namespace
}  // namespace mmusim
