// SPDX-License-Identifier: MIT
#include "sim/scenario/simulated_cpus.h"

#include <algorithm>
#include <utility>

namespace mmusim {

SimulatedCpus::SimulatedCpus(Machine& machine, bool idle_polls)
    : machine_(machine),
      untimed_(machine.cores(), idle_polls),
      idle_polls_(idle_polls),
      idle_(machine.cores(), 0),
      wait_from_(machine.cores()),
      broadcasts_(machine.cores()),
      costs_(machine.cores()) {}

void SimulatedCpus::run_on(unsigned busy) {
  busy_ = running_ = machine_.cores() == 1 ? 0 : busy;
  abandoned_ = false;
  std::fill(idle_.begin(), idle_.end(), 0);
}

void SimulatedCpus::leave() {
  if (abandoned_) return;
  Core& self = core();
  self.take_turn();
  if (--running_ == 0) {
    for (unsigned i = 0; i < machine_.cores(); ++i) machine_.core(i).interrupts()->notify(self.clock());
  }
  stay_idle();
}

void SimulatedCpus::stay_idle() {
  const unsigned number = machine_.running_core();
  idle_[number] = 1;
  Core& self = core();
  self.take_turn();
  self.interrupts()->wait([this] { return running_ == 0 || abandoned_; }, reason("work"), topology().idle_exit);
}

void SimulatedCpus::abandon() {
  abandoned_ = true;
  running_ = 0;
  for (unsigned i = 0; i < machine_.cores(); ++i) {
    machine_.core(i).interrupts()->abandon();
    machine_.core(i).interrupts()->notify(core().clock());
  }
}

void SimulatedCpus::tell(unsigned cpu, std::function<void()> stop) {
  Core& self = core();
  self.take_turn();
  machine_.core(cpu).interrupts()->post(self.now() + topology().least_latency(), self.clock(), std::move(stop));
}

void SimulatedCpus::set_handler(mm::CallFunctionHandler* handler) {
  handler_ = handler;
  untimed_.set_handler(handler);
}

bool SimulatedCpus::polls(unsigned cpu) const { return timed() ? idle_polls_ && idle_[cpu] != 0 : untimed_.polls(cpu); }

void SimulatedCpus::take_turn() {
  if (timed()) core().take_turn();
}

void SimulatedCpus::read_line_of(unsigned target) {
  if (!timed()) return;
  core().idle(topology().transfer.of(topology().distance(current(), target)));
  core().take_turn();
}

void SimulatedCpus::prepare_call(unsigned target) {
  if (!timed()) return;
  Core& self = core();
  self.idle(Cycles(topology().target.of(topology().distance(current(), target)).count / 2));
  self.take_turn();
}

void SimulatedCpus::post(Core& from, unsigned to, Cycles later, const mm::CallDelivery& sent) {
  mm::CallDelivery delivery = sent;
  delivery.sent = from.now().count;
  const CycleTime arrival = from.now() + later;
  delivery.arrival = arrival.count;
  machine_.core(to).interrupts()->post(arrival, from.clock(), [this, to, delivery] { handle(to, delivery); });
}

void SimulatedCpus::send(const mm::CallInterrupts& sent) {
  if (!timed()) return untimed_.send(sent);
  Core& self = core();
  const bool one_by_one = sent.icr_writes == sent.targets.size();
  self.idle(Cycles(topology().icr_write.count * (one_by_one ? 1 : sent.icr_writes)));
  self.take_turn();
  bool first = true;
  for (const unsigned target : sent.targets) {
    if (one_by_one && !std::exchange(first, false)) {
      self.idle(topology().icr_write);
      self.take_turn();
    }
    post(self, target, topology().delivery.of(topology().distance(sent.from, target)), {sent.from, sent.vector});
  }
}

/// The line with the target's thread flags moves to it; not sooner than anything else that one core does to another.
void SimulatedCpus::wake(unsigned cpu) {
  if (!timed()) return untimed_.wake(cpu);
  Core& self = core();
  self.take_turn();
  const unsigned from = current();
  const Cycles line = topology().target.of(topology().distance(from, cpu));
  post(self, cpu, std::max(line, topology().least_latency()), {from, 0});
}

void SimulatedCpus::handle(unsigned cpu, mm::CallDelivery delivery) {
  Core& self = machine_.core(cpu);
  const CycleTime begin = self.now();
  const bool interrupt = delivery.vector != 0;
  if (interrupt) self.idle(topology().entry);
  delivery.handled = self.now().count;
  handler_->call_function_interrupt(cpu, delivery);
  if (interrupt) self.idle(topology().exit);
  ++costs_[cpu].interrupts;
  costs_[cpu].cycles += (self.now() - begin).count;
}

void SimulatedCpus::await(unsigned target, const std::function<bool()>& done) {
  if (!timed()) return untimed_.await(target, done);
  Core& self = core();
  const unsigned number = current();
  self.take_turn();
  if (wait_from_[number] == CycleTime(0)) wait_from_[number] = self.now();
  self.interrupts()->wait(done, reason("an acknowledgement"));
  const uint64_t cost = topology().target.of(topology().distance(number, target)).count;
  self.idle(Cycles(cost - cost / 2));
}

void SimulatedCpus::round_done() {
  if (!timed()) return;
  const unsigned number = current();
  waits_.add(core().now() - std::exchange(wait_from_[number], CycleTime(0)));
}

void SimulatedCpus::acknowledge(unsigned sender) {
  if (timed()) machine_.core(sender).interrupts()->notify(core().clock());
}

/// A broadcast reaches all other cores in one cycle; each takes it between two accesses, but not while it handles an
/// interrupt.
void SimulatedCpus::broadcast(unsigned invlpgb, const std::function<void(unsigned)>& on_cpu) {
  if (!timed()) return untimed_.broadcast(invlpgb, on_cpu);
  Core& self = core();
  const unsigned number = current();
  self.idle(Cycles(topology().invlpgb.count * invlpgb));
  self.take_turn();
  Broadcasts& mine = broadcasts_[number];
  mine.arrival = std::max(self.now() + topology().broadcast(), next_broadcast_);
  next_broadcast_ = mine.arrival + topology().broadcast_gap;
  const auto carry_out = [this, on_cpu](unsigned cpu) {
    const bool before = std::exchange(broadcasting_, true);
    on_cpu(cpu);
    broadcasting_ = before;
  };
  for (unsigned cpu = 0; cpu < machine_.cores(); ++cpu) {
    if (cpu == number) continue;
    ++mine.under_way;
    machine_.core(cpu).interrupts()->post_silent(mine.arrival, self.clock(), [this, cpu, number, carry_out] {
      carry_out(cpu);
      Core& there = machine_.core(cpu);
      there.take_turn();
      --broadcasts_[number].under_way;
      machine_.core(number).interrupts()->notify(there.clock());
    });
  }
  carry_out(number);
}

void SimulatedCpus::wait_for_broadcasts(unsigned tlbsync) {
  if (!timed()) return untimed_.wait_for_broadcasts(tlbsync);
  Core& self = core();
  const Broadcasts& mine = broadcasts_[current()];
  const CycleTime begin = self.now();
  self.interrupts()->wait([&mine] { return mine.under_way == 0; }, reason("TLBSYNC"));
  const Cycles back = topology().tlbsync - topology().broadcast();
  const CycleTime end = std::max(begin, mine.arrival + back) + Cycles(topology().tlbsync.count * (tlbsync - 1));
  if (self.now() < end) self.idle(end - self.now());
  waits_.add(self.now() - begin);
}

void SimulatedCpus::clear_costs() {
  std::fill(costs_.begin(), costs_.end(), InterruptCost{});
  waits_ = {};
}

}  // namespace mmusim
