// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mm/direct_memory.h"
#include "sim/host/interrupts.h"
#include "sim/scenario/host.h"
#include "sim/scenario/simulated_cpus.h"
#include "sim/scenario/simulated_memory.h"

namespace mmusim {

/// The kernel's memory of a scenario: on a simulated core in timed phases, straight on memory in untimed ones.
///
/// Flushes and the root table always reach both sides, so that neither keeps a translation that the kernel removed; in
/// untimed phases they take no time. In timed phases each core reaches memory through itself.
class SwitchedMemory final : public mm::KernelMemory {
 public:
  /// `idle_polls`: idle cores poll instead of halting.
  SwitchedMemory(Machine& machine, const mm::Layout& layout, bool pge, bool idle_polls = false)
      : machine_(machine),
        timed_(machine, 0, layout, pge),
        untimed_(machine.memory(), layout),
        cpus_(machine, idle_polls) {
    use(Timing::kUntimed);
  }

  void use(Timing timing) {
    timing_ = timing;
    cpus_.run_on(timing == Timing::kTimed ? 1 : 0);
    timed_.charge(timing == Timing::kTimed ? Charge::kCycles : Charge::kNothing);
    cores_.clear();
    shared_ = false;
  }
  /// Timed, on the first `cores` cores at once, until the next use().
  /// `kernel_code`: all of them run kernel code, else the first one alone.
  void use_cores(unsigned cores, bool kernel_code = true) {
    use(Timing::kTimed);
    cpus_.run_on(cores);
    shared_ = kernel_code && cores > 1;
    for (unsigned core = 1; core < machine_.cores(); ++core) cores_.push_back(timed_.on_core(core));
  }

  uint64_t load(VirtAddr va, unsigned bytes) override { return memory().load(va, bytes); }
  void store(VirtAddr va, uint64_t value, unsigned bytes) override { memory().store(va, value, bytes); }
  void store_fields(VirtAddr base, std::span<const mm::FieldStore> stores) override {
    memory().store_fields(base, stores);
  }
  uint64_t read_modify_write(VirtAddr va, mm::RmwOp op, uint64_t operand, unsigned bytes, bool locked) override {
    return memory().read_modify_write(va, op, operand, bytes, locked);
  }
  void fill(VirtAddr va, uint8_t value, uint64_t bytes) override { memory().fill(va, value, bytes); }
  void copy(VirtAddr to, VirtAddr from, uint64_t bytes) override { memory().copy(to, from, bytes); }
  void invalidate(mm::TlbInstruction how, VirtAddr va) override {
    if (cpus_.timed()) {
      running().invalidate(how, va, cpus_.broadcasting());
    } else if (cpus_.current() == 0) {
      timed_.invalidate(how, va);
    } else {
      timed_.invalidate_on(cpus_.current(), how, va);
    }
    untimed_.invalidate(how, va);
  }
  void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) override {
    timed_.invalidate_pcid_on(cpus_.current(), pcid, va);
    untimed_.invalidate_pcid(pcid, va);
  }
  SimulatedCpus& simulated_cpus() { return cpus_; }
  const SimulatedCpus& simulated_cpus() const { return cpus_; }
  mm::Cpus* cpus() override { return machine_.cores() == 1 ? nullptr : &cpus_; }
  void load_cr3(PhysAddr root) override {
    timed_.load_cr3(root);
    untimed_.load_cr3(root);
  }
  void switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) override {
    (cpus_.timed() ? running() : timed_).switch_cr3(cpu, root, pcid, keep);
  }
  // Kernel code on one core needs no lock.
  void lock(VirtAddr lock) override {
    if (shared_) memory().lock(lock);
  }
  void unlock(VirtAddr lock) override {
    if (shared_) running().unlock(lock);
  }
  void sleep(VirtAddr lock) override { memory().sleep(lock); }
  void wake(VirtAddr lock) override {
    if (shared_) memory().wake(lock);
  }

 private:
  mm::KernelMemory& memory() {
    if (interrupt_requested()) throw Interrupted{};
    if (timing_ == Timing::kTimed) return running();
    return untimed_;
  }
  SimulatedMemory& running() {
    if (cores_.empty()) return timed_;
    const unsigned core = machine_.running_core();
    return core == 0 ? timed_ : cores_[core - 1];
  }

  Machine& machine_;
  SimulatedMemory timed_;
  std::vector<SimulatedMemory> cores_;  // of the cores from the second one on, in timed phases
  bool shared_ = false;                 // several cores run kernel code
  mm::UntimedMemory untimed_;
  SimulatedCpus cpus_;
  Timing timing_ = Timing::kUntimed;
};

}  // namespace mmusim
