// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>

#include "models/base/errors.h"
#include "models/fabric/clock.h"
#include "models/fabric/fibers.h"

namespace mmusim {
namespace {

constexpr uint64_t kHalfOfAllMoments = uint64_t{1} << 63;

TEST(EndOfTime, TheLastCycleIsReachedAndTheNextOneRefused) {
  for (const unsigned period_ps : {100U, 286U, 10000U}) {
    const ClockDomain domain(period_ps, 4);
    const CycleTime last = domain.last_cycle();
    EXPECT_EQ(last.count, (kHalfOfAllMoments - 1) / (period_ps * uint64_t{1000}));
    EXPECT_LT(domain.moment(last, 3), kHalfOfAllMoments + period_ps * uint64_t{1000});
    EXPECT_NO_THROW(domain.check_time(last));
    EXPECT_THROW(domain.check_time(last + Cycles(1)), JobError);
    EXPECT_THROW((void)domain.moment(last + Cycles(1), 0), JobError);
  }
}

TEST(EndOfTime, AFiberThatReachesItSaysSo) {
  const ClockDomain domain(500, 2);
  LocalClock core(domain, 0, LookAhead::kPending), slot(domain, 1, LookAhead::kPending);
  FiberGroup group("requesters", domain, LookAhead::kPending);
  Signal go;
  bool went_on = false;
  group.join(slot, kFiberStackBytes, FiberGroup::kNobody, [&] {
    while (group.rest(slot, go)) {
      slot.advance(Cycles(domain.last_cycle().count));
      slot.sync();
    }
  });
  group.join(core, kFiberStackBytes, FiberGroup::kNobody, [&] {
    if (!group.rest(core)) return;
    core.advance(Cycles(5));
    core.notify(go);
    core.advance(Cycles(20));
    core.sync();
    went_on = true;
  });
  group.begin(core);
  sc_core::sc_start();
  EXPECT_TRUE(went_on) << "the others are not concerned";
  std::string said;
  try {
    group.rethrow();
  } catch (const JobError& error) {
    said = error.what();
  }
  EXPECT_NE(said.find("simulated time is beyond cycle"), std::string::npos) << said;
}

}  // namespace
}  // namespace mmusim
