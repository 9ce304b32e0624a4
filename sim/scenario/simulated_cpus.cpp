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

void SimulatedCpus::broadcast(const mm::BroadcastFlush& flush, const std::function<void(unsigned)>& on_cpu) {
  if (!timed()) return untimed_.broadcast(flush, on_cpu);
  Core& self = core();
  const unsigned number = current();
  self.idle(Cycles(topology().invlpgb.count * flush.invlpgb));
  self.take_turn();
  const CycleTime issued = self.now();
  unsigned left = machine_.cores() - 1;
  const auto carry_out = [&](unsigned cpu) {
    const bool before = std::exchange(broadcasting_, true);
    on_cpu(cpu);
    broadcasting_ = before;
  };
  for (unsigned cpu = 0; cpu < machine_.cores(); ++cpu) {
    if (cpu == number) continue;
    machine_.core(cpu).interrupts()->post_silent(issued + topology().broadcast(), self.clock(), [&, cpu] {
      carry_out(cpu);
      Core& there = machine_.core(cpu);
      there.take_turn();
      --left;
      self.interrupts()->notify(there.clock());
    });
  }
  carry_out(number);
  self.interrupts()->wait([&] { return left == 0; }, reason("TLBSYNC"));
  const CycleTime end = issued + Cycles(topology().tlbsync.count * flush.tlbsync);
  if (self.now() < end) self.idle(end - self.now());
  waits_.add(self.now() - issued);
}

void SimulatedCpus::clear_costs() {
  std::fill(costs_.begin(), costs_.end(), InterruptCost{});
  waits_ = {};
}

}  // namespace mmusim
