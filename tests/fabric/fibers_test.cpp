// SPDX-License-Identifier: MIT
#include "models/fabric/fibers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "models/base/format.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

constexpr unsigned kMostGroups = 2, kInGroup = 5, kResources = 3, kSteps = 60;

/// Who uses resources that only one can have at a time, in a way of its own.
struct Requester {
  Requester(const ClockDomain& domain, unsigned number, LookAhead look_ahead)
      : clock(domain, number, look_ahead), random(number + 1) {}
  LocalClock clock;
  Signal go;
  std::mt19937 random;
};

struct Resource {
  bool taken = false;
  Signal free;
};

/// Groups of requesters: the first of each starts the others and waits for them. Those of the first group set a bell.
/// `fibers`: they are fibers; all others are threads of their own in any case. What happens is written down in the order in which it happens.
class Town {
 public:
  Town(LookAhead look_ahead, bool fibers, unsigned groups)
      : domain_(500, groups * kInGroup + 1),
        groups_(groups),
        bell_("bell", domain_, [this](Moment present) { return ring(present); }) {
    for (unsigned i = 0; i < groups * kInGroup; ++i) {
      requesters_.push_back(std::make_unique<Requester>(domain_, i, look_ahead));
    }
    for (unsigned group = 0; group < groups; ++group) {
      const std::string name = fmt::format("group{}", group);
      if (fibers && group == 0) groups_[group] = std::make_unique<FiberGroup>(name.c_str(), domain_, look_ahead);
      for (unsigned i = 1; i < kInGroup; ++i) add(group, *requesters_[group * kInGroup + i]);
      begin(group, requesters_[group * kInGroup]->clock);
    }
  }

  std::string run() {
    sc_core::sc_start();
    return log_;
  }

 private:
  void add(unsigned group, Requester& requester) {
    if (FiberGroup* fibers = groups_[group].get(); fibers != nullptr) {
      fibers->join(requester.clock, kFiberStackBytes, FiberGroup::kNobody, [this, fibers, group, &requester] {
        while (fibers->rest(requester.clock, requester.go)) work(group, requester);
      });
    } else {
      sc_core::sc_spawn([this, group, &requester] {
        for (;;) {
          requester.clock.wait_for(requester.go);
          work(group, requester);
        }
      });
    }
  }

  void begin(unsigned group, LocalClock& first) {
    if (FiberGroup* fibers = groups_[group].get(); fibers != nullptr) {
      fibers->join(first, kFiberStackBytes, FiberGroup::kNobody, [this, fibers, group, &first] {
        while (fibers->rest(first)) lead(group);
      });
      fibers->begin(first);
    } else {
      sc_core::sc_spawn([this, group] { lead(group); });
    }
  }

  void lead(unsigned group) {
    Requester& first = *requesters_[group * kInGroup];
    for (unsigned round = 0; round < 3; ++round) {
      first.clock.advance(Cycles(group + 1));
      first.clock.sync();
      at_work_[group] = kInGroup;
      for (unsigned i = 1; i < kInGroup; ++i) first.clock.notify(requesters_[group * kInGroup + i]->go);
      work(group, first);
      while (at_work_[group] != 0) first.clock.wait_for(done_[group]);
      note(first, "all done");
    }
    first.clock.advance(Cycles(10));  // till the bell is silent
    first.clock.sync();
  }

  void work(unsigned group, Requester& requester) {
    for (unsigned step = 0; step < kSteps; ++step) {
      requester.clock.advance(Cycles(requester.random() % 4));
      requester.clock.sync();
      Resource& resource = resources_[requester.random() % kResources];
      while (resource.taken) requester.clock.wait_for(resource.free);
      resource.taken = true;
      note(requester, "takes");
      requester.clock.advance(Cycles(requester.random() % 3));
      requester.clock.sync();
      resource.taken = false;
      note(requester, "gives");
      requester.clock.notify(resource.free);
      if (group == 0) bell_.set(bell_time(requester.clock.now() + Cycles(1 + requester.random() % 4)), requester.clock);
    }
    --at_work_[group];
    requester.clock.notify(done_[group]);
  }

  Moment bell_time(CycleTime cycle) const {
    return domain_.moment(cycle, static_cast<unsigned>(groups_.size()) * kInGroup);
  }

  /// Rings, and once more for each third time.
  Moment ring(Moment present) {
    const CycleTime now = domain_.cycle_of(present);
    EXPECT_EQ(present, bell_time(now));
    log_ += fmt::format("{} bell\n", now.count);
    return ++rung_ % 3 == 0 ? bell_time(now + Cycles(2)) : kNever;
  }

  void note(const Requester& requester, const char* what) {
    log_ += fmt::format("{} {} {}\n", requester.clock.now().count, requester.clock.requester(), what);
  }

  const ClockDomain domain_;
  std::vector<std::unique_ptr<Requester>> requesters_;
  std::vector<std::unique_ptr<FiberGroup>> groups_;
  std::array<Resource, kResources> resources_;
  std::array<unsigned, kMostGroups> at_work_{};
  std::array<Signal, kMostGroups> done_;
  Alarm bell_;
  unsigned rung_ = 0;
  std::string log_;
};

void expect_the_order_of_threads(unsigned groups) {
  const auto run = [groups](LookAhead look_ahead, bool fibers) {
    return in_child([=] { return Town(look_ahead, fibers, groups).run(); });
  };
  const std::string threads = run(LookAhead::kNone, /*fibers=*/false);
  const auto lines = std::count(threads.begin(), threads.end(), '\n');
  EXPECT_GT(lines, groups * 3 * (kInGroup * kSteps * 2 + 1) + kSteps) << "requesters, and the bell";
  EXPECT_EQ(threads, run(LookAhead::kPending, /*fibers=*/false));
  EXPECT_EQ(threads, run(LookAhead::kNone, /*fibers=*/true));
  EXPECT_EQ(threads, run(LookAhead::kPending, /*fibers=*/true));
}

TEST(FiberGroup, ActInTheOrderThatThreadsOfTheirOwnWouldHave) { expect_the_order_of_threads(2); }

TEST(FiberGroup, DoTheAlarmsWorkBetweenThemWhenNobodyElseIsThere) { expect_the_order_of_threads(1); }

TEST(FiberGroup, KnowsForWhomTheRunningFiberWorks) {
  const ClockDomain domain(500, 2);
  LocalClock first(domain, 0, LookAhead::kPending), second(domain, 1, LookAhead::kPending);
  FiberGroup fibers("requesters", domain, LookAhead::kPending);
  std::vector<unsigned> seen;
  for (LocalClock* clock : {&first, &second}) {
    fibers.join(*clock, kFiberStackBytes, 7 + clock->requester(), [&fibers, &seen, clock] {
      while (fibers.rest(*clock)) {
        for (int i = 0; i < 2; ++i) {
          seen.push_back(fibers.running_owner());
          clock->advance(Cycles(10));
          clock->sync();
        }
      }
    });
  }
  EXPECT_EQ(fibers.running_owner(), FiberGroup::kNobody);
  fibers.begin(second);
  first.advance(Cycles(5));
  fibers.begin(first);
  sc_core::sc_start();
  EXPECT_EQ(seen, (std::vector<unsigned>{8, 7, 8, 7}));
  EXPECT_EQ(fibers.running_owner(), FiberGroup::kNobody);
}

TEST(FiberGroup, ThoseThatBeginInThePastBeginInTheOrderOfTheCalls) {
  const ClockDomain domain(500, 3);
  std::vector<std::unique_ptr<LocalClock>> clocks;
  FiberGroup fibers("requesters", domain, LookAhead::kPending);
  std::vector<unsigned> begun;
  for (unsigned i = 0; i < 3; ++i) {
    LocalClock& clock = *clocks.emplace_back(std::make_unique<LocalClock>(domain, i, LookAhead::kPending));
    fibers.join(clock, kFiberStackBytes, i, [&fibers, &begun, &clock] {
      while (fibers.rest(clock)) begun.push_back(clock.requester());
    });
  }
  sc_core::sc_start(1, sc_core::SC_NS);
  for (const unsigned i : {1U, 0U, 2U}) fibers.begin(*clocks[i]);
  sc_core::sc_start();
  EXPECT_EQ(begun, (std::vector<unsigned>{1, 0, 2}));
}

TEST(FiberGroup, OneThatIsInTheMiddleOfSomethingIsUnwoundWhenAllEnds) {
  struct Flag {
    bool* set;
    ~Flag() { *set = true; }
  };
  const ClockDomain domain(500, 2);
  LocalClock busy(domain, 0, LookAhead::kPending), idle(domain, 1, LookAhead::kPending);
  Signal never, go;
  bool unwound = false, ended = false;
  {
    FiberGroup fibers("requesters", domain, LookAhead::kPending);
    fibers.join(busy, kFiberStackBytes, FiberGroup::kNobody, [&] {
      const Flag flag{&unwound};
      busy.wait_for(never);
      ADD_FAILURE() << "nobody woke it";
    });
    fibers.join(idle, kFiberStackBytes, FiberGroup::kNobody, [&] {
      while (fibers.rest(idle, go)) ADD_FAILURE() << "nobody sent it";
      ended = true;
    });
    EXPECT_FALSE(unwound || ended);
  }
  EXPECT_TRUE(unwound);
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace mmusim
