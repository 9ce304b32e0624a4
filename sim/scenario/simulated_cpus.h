// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "mm/immediate_cpus.h"
#include "models/base/histogram.h"
#include "sim/machine/machine.h"

namespace mmusim {

/// Time that interrupts of other cores took from one core in a phase.
struct InterruptCost {
  uint64_t interrupts = 0;
  uint64_t cycles = 0;  ///< from interrupt entry to exit, waking up not included
};

/// The cores of a machine as kernel code on one of them reaches the others: with interrupts that take their time
/// (sim/machine/topology.h) while code runs timed, at once otherwise.
class SimulatedCpus final : public mm::Cpus {
 public:
  SimulatedCpus(Machine& machine, bool idle_polls);

  /// Kernel code or programs run timed on `busy` cores from here on; 0: untimed.
  void run_on(unsigned busy);
  /// The program of the calling core is done; serves interrupts until those of all busy cores are.
  void leave();
  /// The calling core has nothing to run: serves interrupts until all busy cores have left.
  void stay_idle();
  /// The calling core's program failed: the others need not wait for it.
  void abandon();
  bool abandoned() const { return abandoned_; }
  /// Makes `stop` run on another core, as soon as an act of the calling core can reach it.
  void tell(unsigned core, std::function<void()> stop);

  bool timed() const { return busy_ != 0; }
  /// True while a broadcast is carried out on the calling core, which takes it no time.
  bool broadcasting() const { return broadcasting_; }

  unsigned online() const override { return machine_.cores(); }
  unsigned current() const override { return timed() ? machine_.running_core() : untimed_.current(); }
  void set_handler(mm::CallFunctionHandler* handler) override;
  bool polls(unsigned cpu) const override;
  void take_turn() override;
  void read_line_of(unsigned target) override;
  void prepare_call(unsigned target) override;
  void send(const mm::CallInterrupts& interrupts) override;
  void wake(unsigned cpu) override;
  void await(unsigned target, const std::function<bool()>& done) override;
  void round_done() override;
  void acknowledge(unsigned sender) override;
  void broadcast(unsigned invlpgb, const std::function<void(unsigned cpu)>& on_cpu) override;
  void wait_for_broadcasts(unsigned tlbsync) override;

  /// By core, since the last clear_costs().
  const std::vector<InterruptCost>& costs() const { return costs_; }
  /// Cycles that senders waited for acknowledgements, round by round.
  const Histogram& wait_cycles() const { return waits_; }
  void clear_costs();

 private:
  Core& core() { return machine_.core(machine_.running_core()); }
  void post(Core& from, unsigned to, Cycles later, const mm::CallDelivery& delivery);
  void handle(unsigned cpu, mm::CallDelivery delivery);
  const TopologyConfig& topology() const { return machine_.platform().topology; }
  WaitReason reason(const char* what) { return {core().wait_name(), what, 0, {}}; }

  Machine& machine_;
  mm::ImmediateCpus untimed_;
  mm::CallFunctionHandler* handler_ = nullptr;
  const bool idle_polls_;
  unsigned busy_ = 0;
  unsigned running_ = 0;  // busy cores that have not left
  bool abandoned_ = false;
  std::vector<char> idle_;            // by core
  std::vector<CycleTime> wait_from_;  // by core: since when it waits for acknowledgements; 0: it does not
  bool broadcasting_ = false;
  CycleTime next_broadcast_;  // from when on the next one can reach the cores
  /// What a core has broadcast since its last TLBSYNC.
  struct Broadcasts {
    unsigned under_way = 0;  // cores that it has not reached
    CycleTime arrival;
  };
  std::vector<Broadcasts> broadcasts_;  // by core
  std::vector<InterruptCost> costs_;
  Histogram waits_;
};

}  // namespace mmusim
