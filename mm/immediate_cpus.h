// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

#include "mm/cpus.h"
#include "models/base/errors.h"

namespace mmusim::mm {

/// Several CPUs without time: the calling CPU is the first one, or the one whose interrupt handler runs. Interrupts run
/// their handlers when their sender begins to wait, in the order of CPU numbers.
class ImmediateCpus final : public Cpus {
 public:
  /// `idle_polls`: whether the CPUs other than the first one idle in a loop that polls.
  explicit ImmediateCpus(unsigned online, bool idle_polls = false) : online_(online), idle_polls_(idle_polls) {}

  void idle_polls(bool polls) { idle_polls_ = polls; }

  unsigned online() const override { return online_; }
  unsigned current() const override { return current_; }
  void set_handler(CallFunctionHandler* handler) override { handler_ = handler; }
  bool polls(unsigned cpu) const override { return idle_polls_ && cpu != 0; }
  void take_turn() override {}
  void read_line_of(unsigned) override {}
  void prepare_call(unsigned) override {}
  void send(const CallInterrupts& interrupts) override {
    for (const unsigned cpu : interrupts.targets) pending_.push_back({cpu, {interrupts.from, interrupts.vector}});
  }
  void wake(unsigned cpu) override { pending_.push_back({cpu, {}}); }
  void await(unsigned, const std::function<bool()>& done) override {
    const std::vector<Pending> pending = std::exchange(pending_, {});
    for (const Pending& p : pending) on(p.cpu, [&] { handler_->call_function_interrupt(p.cpu, p.delivery); });
    MMUSIM_INVARIANT(done(), "a call-function interrupt ran what it was sent for");
  }
  void acknowledge(unsigned) override {}
  void broadcast(unsigned, const std::function<void(unsigned)>& on_cpu) override {
    for (unsigned cpu = 0; cpu < online_; ++cpu) on(cpu, [&] { on_cpu(cpu); });
  }
  void wait_for_broadcasts(unsigned) override {}

 private:
  struct Pending {
    unsigned cpu;
    CallDelivery delivery;
  };

  template <class Fn>
  void on(unsigned cpu, Fn&& fn) {
    const unsigned before = std::exchange(current_, cpu);
    fn();
    current_ = before;
  }

  unsigned online_;
  bool idle_polls_;
  unsigned current_ = 0;
  CallFunctionHandler* handler_ = nullptr;
  std::vector<Pending> pending_;  // on their way
};

}  // namespace mmusim::mm
