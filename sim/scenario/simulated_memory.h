// SPDX-License-Identifier: MIT
#pragma once

#include "mm/direct_memory.h"
#include "mm/kernel_memory.h"
#include "sim/machine/machine.h"

namespace mmusim {

/// KernelMemory on a simulated core: every load, store and flush of kernel code is an access of that core and takes its
/// time; bytes live in the machine's memory at the address that the core's own translation gave.
///
/// Until load_cr3() there are no tables to translate with: accesses then go straight to memory and take no time.
/// Block fills and copies move a line (64 bytes) with each access, as `rep stosb` and `rep movsb` do on processors with
/// ERMS. Call from the program of that core only.
class SimulatedMemory final : public mm::KernelMemory {
 public:
  SimulatedMemory(Machine& machine, unsigned core, const mm::Layout& layout, bool pge);

  uint64_t load(VirtAddr va, unsigned bytes) override;
  void store(VirtAddr va, uint64_t value, unsigned bytes) override;
  /// Each store is one access. A blocking core performs the stores to one line as a batch (Core::try_repeat).
  void store_fields(VirtAddr base, std::span<const mm::FieldStore> stores) override;
  uint64_t read_modify_write(VirtAddr va, mm::RmwOp op, uint64_t operand, unsigned bytes, bool locked) override;
  void fill(VirtAddr va, uint8_t value, uint64_t bytes) override;
  void copy(VirtAddr to, VirtAddr from, uint64_t bytes) override;
  void invalidate(mm::TlbInstruction how, VirtAddr va) override { invalidate(how, va, /*free=*/false); }
  /// `free`: it costs this core no time, another one broadcast it.
  void invalidate(mm::TlbInstruction how, VirtAddr va, bool free);
  void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) override { invalidate_pcid_on(number_, pcid, va); }
  /// The same on another core.
  void invalidate_pcid_on(unsigned core, unsigned pcid, std::optional<VirtAddr> va);
  /// Removes translations on another core, in the same cycle.
  void invalidate_on(unsigned core, mm::TlbInstruction how, VirtAddr va);
  /// Loads CR3 of every core.
  void load_cr3(PhysAddr root) override;
  /// On the calling core it takes time, where there is any.
  void switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) override;

  void lock(VirtAddr lock) override { core_.acquire(machine_.lock(lock.raw())); }
  void unlock(VirtAddr lock) override { core_.release(machine_.lock(lock.raw())); }
  void sleep(VirtAddr lock) override { core_.sleep(machine_.lock(lock.raw())); }
  void wake(VirtAddr lock) override { core_.wake(machine_.lock(lock.raw())); }

  /// Memory of the same kernel as another core reaches it.
  SimulatedMemory on_core(unsigned core) const;
  /// True if flushes and CR3 loads take time and are counted; translations go either way.
  void charge(Charge charge) { charge_ = charge; }

  /// Continues on tables that an untimed kernel has built.
  void attach(PhysAddr root) { load_cr3(root); }

 private:
  uint64_t apply(PhysAddr pa, const mm::FieldStore& s);
  PhysAddr reached(const MemAccess& access, const AccessResult& result) const;
  PhysAddr touch(VirtAddr va, unsigned bytes, AccessKind kind, bool rmw = false);
  PhysAddr touch_run(VirtAddr va, uint64_t bytes, AccessKind kind);

  Machine& machine_;
  void remove(unsigned core, mm::TlbInstruction how, VirtAddr va, Charge charge);
  Cycles cost(mm::TlbInstruction how) const;

  const unsigned number_;
  Core& core_;
  mm::Layout layout_;
  mm::UntimedMemory before_tables_;
  bool pge_;
  bool paging_ = false;
  Charge charge_ = Charge::kCycles;
  std::vector<MemAccess> batch_;
};

}  // namespace mmusim
