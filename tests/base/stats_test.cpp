// SPDX-License-Identifier: MIT
#include "models/base/stats.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mmusim {
namespace {

struct InnerStats {
  uint64_t reads = 0;
  template <class Visitor>
  void describe(Visitor&& v) const {
    v("reads", reads, "entries read");
  }
};

struct OuterStats {
  uint64_t hits = 0, misses = 0;
  Cycles waited;
  Histogram latency;
  InnerStats inner;
  template <class Visitor>
  void describe(Visitor&& v) const {
    v("hits", hits, "lookups that found it");
    v("misses", misses, "lookups that did not");
    v("waited", waited, "cycles waited");
    v("latency", latency, "of a miss");
    v("inner", inner, "");
  }
};

OuterStats sample(uint64_t n) {
  OuterStats s;
  s.hits = 10 * n;
  s.misses = n;
  s.waited = Cycles(7 * n);
  s.latency.add(33, n);
  s.inner.reads = 4 * n;
  return s;
}

TEST(Stats, RegionOfInterestIsEndMinusBeginForEveryCounter) {
  const OuterStats d = difference(sample(5), sample(2));
  EXPECT_EQ(d.hits, 30u);
  EXPECT_EQ(d.misses, 3u);
  EXPECT_EQ(d.waited, Cycles(21));
  EXPECT_EQ(d.latency.count(), 3u);
  EXPECT_EQ(d.inner.reads, 12u);
}

TEST(Stats, SumAddsEveryCounter) {
  const OuterStats s = sum(sample(5), sample(2));
  EXPECT_EQ(s.hits, 70u);
  EXPECT_EQ(s.waited, Cycles(49));
  EXPECT_EQ(s.latency.sum(), 33u * 7);
  EXPECT_EQ(s.inner.reads, 28u);
}

TEST(Stats, JsonFollowsTheTreeInOrder) {
  StatNode root;
  root.child("core").child("dtlb").add(sample(1));
  const auto j = to_json(root);
  EXPECT_EQ(j["core"]["dtlb"]["hits"], 10);
  EXPECT_EQ(j["core"]["dtlb"]["latency"]["p50"], 33);
  EXPECT_EQ(j["core"]["dtlb"]["latency"]["buckets"].dump(), "[[33,33,1]]");
  EXPECT_EQ(j["core"]["dtlb"]["inner"]["reads"], 4);
  EXPECT_EQ(j["core"]["dtlb"].begin().key(), "hits");
  EXPECT_EQ(meanings_of(root)["core.dtlb.misses"], "lookups that did not");
}

TEST(Stats, TreesSubtractByName) {
  StatNode later;
  later.child("dtlb").add(sample(9));
  StatNode earlier;
  earlier.child("dtlb").add(sample(4));
  EXPECT_EQ(to_json(difference(later, earlier))["dtlb"]["hits"], 50);
  EXPECT_EQ(to_json(difference(later, earlier))["dtlb"]["latency"]["count"], 5);
}

TEST(Stats, TextHasOneLineForEachCounterWithItsMeaning) {
  StatNode root;
  root.child("dtlb").add(InnerStats{12});
  EXPECT_EQ(to_text(root), "dtlb.reads                12  # entries read\n");
}

}  // namespace
}  // namespace mmusim
