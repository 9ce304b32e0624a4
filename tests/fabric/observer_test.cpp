// SPDX-License-Identifier: MIT
#include "models/fabric/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mmusim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Writes down which functions were called.
class Hearing : public Observer {
 public:
  explicit Hearing(uint32_t mask) : mask_(mask) {}
  uint32_t mask() const override { return mask_; }
  void access(const AccessRecord& r) override { put("access", r.id); }
  void walk(const WalkRecord& r) override { put("walk", r.id); }
  void translated(const UsedTranslation& t) override { put("translated", t.access); }
  void begin_accesses(unsigned, std::span<const MemAccess> a) override { put("begin_accesses", a.size()); }
  void drained(unsigned core) override { put("drained", core); }
  void invalidated(unsigned core, const Invalidation&, bool) override { put("invalidated", core); }
  void control_written(unsigned, unsigned number, uint64_t, bool) override { put("control_written", number); }
  void interrupt(const InterruptRecord& r) override { put("interrupt", r.vector); }
  void dram_command(const DramCommandRecord& r) override { put("dram_command", r.bank); }
  void dram_queues(unsigned channel, size_t, size_t, DramCycle) override { put("dram_queues", channel); }
  std::vector<std::string> heard;

 private:
  void put(const char* what, uint64_t number) { heard.push_back(what + (" " + std::to_string(number))); }
  uint32_t mask_;
};

void tell_everything(const ObserverList& list) {
  const ControlState control;
  AccessRecord access;
  access.id = 1;
  WalkRecord walk;
  walk.id = 2;
  UsedTranslation used{0, control, VirtAddr(0), AccessType(), PhysAddr(0), nullptr, {}, 0, CycleTime(0)};
  used.access = 3;
  InterruptRecord interrupt;
  interrupt.vector = 0xfb;
  list.access(access);
  list.walk(walk);
  list.translated(used);
  list.begin_accesses(0, std::vector<MemAccess>(4));
  list.drained(5);
  list.invalidated(6, {}, true);
  list.control_written(0, 3, 0, false);
  list.interrupt(interrupt);
  list.dram_command({.bank = 8});
  list.dram_queues(9, 0, 0, 0);
}

TEST(ObserverList, EachObserverHearsWhatItAskedForAndNothingElse) {
  Hearing records(kAccessNotices | kWalkNotices), checker(kTranslationNotices), program(kProgramNotices),
      interrupts(kInterruptNotices), dram(kDramCommandNotices), deaf(0);
  ObserverList list;
  for (Observer* o : std::initializer_list<Observer*>{&records, &checker, &program, &interrupts, &dram, &deaf})
    list.add(*o);
  tell_everything(list);
  EXPECT_THAT(records.heard, ElementsAre("access 1", "walk 2"));
  EXPECT_THAT(checker.heard, ElementsAre("translated 3"));
  EXPECT_THAT(program.heard, ElementsAre("begin_accesses 4", "drained 5", "invalidated 6", "control_written 3"));
  EXPECT_THAT(interrupts.heard, ElementsAre("interrupt 251"));
  EXPECT_THAT(dram.heard, ElementsAre("dram_command 8", "dram_queues 9"));
  EXPECT_THAT(deaf.heard, IsEmpty());
}

TEST(ObserverList, WantsTheUnionOfTheMasksOfThoseThatAreIn) {
  Hearing walks(kWalkNotices), both(kWalkNotices | kAccessNotices);
  ObserverList list;
  EXPECT_FALSE(list.wants(~0U));
  list.add(walks);
  list.add(both);
  EXPECT_TRUE(list.wants(kAccessNotices));
  EXPECT_FALSE(list.wants(kTranslationNotices | kProgramNotices | kInterruptNotices | kDramCommandNotices));
  list.remove(both);
  EXPECT_TRUE(list.wants(kWalkNotices));
  EXPECT_FALSE(list.wants(kAccessNotices));
  tell_everything(list);
  EXPECT_THAT(walks.heard, ElementsAre("walk 2"));
  EXPECT_THAT(both.heard, IsEmpty());
  list.remove(walks);
  EXPECT_FALSE(list.wants(~0U));
}

}  // namespace
}  // namespace mmusim
