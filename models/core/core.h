// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <systemc>

#include "models/core/core_lock.h"
#include "models/core/fast_path.h"
#include "models/core/interrupts.h"
#include "models/fabric/fibers.h"

namespace mmusim {

class Core;

/// Source of a core's accesses: a trace, a generator, the kernel model. Called on the core's own fiber.
class Program {
 public:
  virtual ~Program() = default;
  virtual void run(Core& core) = 0;
};

struct CoreStats {
  Cycles cycles{};
  Cycles flush_cycles{};
  uint64_t gap_instructions = 0;
  uint64_t forwarded_loads = 0, joined_lines = 0;  ///< of the window core
  Cycles miss_cycles{}, miss_active_cycles{};      ///< of the window core

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("cycles", cycles, "cycles this core was running programs");
    v("flush_cycles", flush_cycles, "of these, spent in TLB invalidation instructions");
    v("gap_instructions", gap_instructions, "instructions without memory access between the accesses");
    v("forwarded_loads", forwarded_loads, "loads that read what a store had not written to the cache yet");
    v("joined_lines", joined_lines, "accesses that waited for a line that an earlier one had asked for");
    v("miss_cycles", miss_cycles, "cycles of the data accesses that missed the first-level TLB or cache, added up");
    v("miss_active_cycles", miss_active_cycles, "cycles in which at least one of them was under way");
  }
};

/// A core: a fiber of the machine that runs a Program on a load/store unit. Subclasses differ in how many accesses are
/// under way at once. Time is the core's own (run-ahead rule); programs call execute() and access() only from run().
///
/// Without a program, a process of the simulation may call access() and execute() itself, one at a time: the core acts in
/// that process.
class Core : public sc_core::sc_module {
 public:
  /// The core joins `fibers` with its first program.
  Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock, FiberGroup& fibers);

  /// Gives the core a program; it runs at the next sc_start(), from cycle `at` on or from where the core is, if that
  /// is later.
  void start(Program& program, CycleTime at = CycleTime(0));
  bool finished() const { return program_ == nullptr; }
  /// Throws what the last program threw, if it did.
  void rethrow();

  /// Runs accesses in program order.
  void execute(std::span<const MemAccess> accesses) {
    if (observers_.wants(kProgramNotices)) [[unlikely]]
      observers_.begin_accesses(lsu_->context().core, accesses);
    execute_all(accesses);
    check_time();
  }
  /// Runs one access and waits until its result is there, as an instruction that needs the loaded value does.
  AccessResult access(const MemAccess& access) {
    if (!observers_.wants(kProgramNotices | kAccessNotices)) [[likely]]
      return access_one(access);
    return access_observed(access);
  }
  /// Performs `times` more accesses like `access`, which was just performed, in its line, if all hit the first level
  /// and no observer wants each access; equivalent to `times` calls of access(). Returns false, having done nothing, if
  /// not.
  bool try_repeat(const MemAccess& access, uint64_t times) {
    return !observers_.wants(kProgramNotices) && !fast_path_.reports_hits() && repeat_hits(access, times);
  }
  /// Waits until everything under way is done, prefetches that this core's accesses have asked for included: so nothing is
  /// left that could move what comes after, however it is driven.
  void drain() {
    if (observers_.wants(kProgramNotices)) observers_.drained(lsu_->context().core);
    settle();
    prefetches_.drain(clock_, name());
  }

  /// Carries out a TLB invalidation on this core's translations (first-level TLBs here; the machine does the rest) and
  /// charges its cycles; serialising. Returns how many entries went.
  unsigned invalidate(const Invalidation& operation);

  /// Takes a lock, after everything under way is done; waits while another core holds it.
  void acquire(CoreLock& lock);
  void release(CoreLock& lock);
  /// Gives a held lock back, sleeps until another core calls wake() on it, and takes it again.
  void sleep(CoreLock& lock);
  /// Wakes all that sleep() on a lock; call while holding it.
  void wake(CoreLock& lock);

  /// Makes this core one of several, which others interrupt. Call before it runs anything.
  void enable_interrupts(Cycles window) {
    interrupts_ = std::make_unique<InterruptUnit>(clock_);
    interrupts_->window(window);
  }
  /// Of a core of several, else nullptr.
  InterruptUnit* interrupts() { return interrupts_.get(); }
  const LocalClock& clock() const { return clock_; }
  /// Waits for everything under way, and for its turn in simulated time to act on what cores share.
  void take_turn() {
    settle();
    clock_.sync();
  }
  /// Waits for the translations that are walked before they are needed: nothing may change what they read meanwhile.
  void drain_translations() { tlb_prefetches_.drain(clock_, name()); }
  /// Name of the core in wait reasons.
  const char* wait_name() const { return name(); }

  CycleTime now() const { return clock_.now(); }
  /// Lets time pass.
  virtual void idle(Cycles cycles) { clock_.advance(cycles); }
  uint64_t accesses_begun() const { return next_id_; }
  LoadStoreUnit& lsu() { return *lsu_; }
  FastPath& fast_path() { return fast_path_; }
  CorePrefetches& prefetches() { return prefetches_; }
  CorePrefetches& tlb_prefetches() { return tlb_prefetches_; }
  const CoreStats& stats() const { return stats_; }
  /// Returns what the load/store unit and the fast path have counted.
  LoadStoreUnitStats access_stats() const {
    LoadStoreUnitStats stats = lsu_->stats();
    fast_path_.add_to(stats);
    return stats;
  }

 protected:
  virtual void execute_all(std::span<const MemAccess> accesses) = 0;
  virtual AccessResult access_one(const MemAccess& access) = 0;
  virtual void drain_all() = 0;
  virtual bool repeat_hits(const MemAccess&, uint64_t) { return false; }

  /// Takes what has arrived from other cores, between two accesses.
  void at_boundary() {
    if (interrupts_->due(clock_.now())) [[unlikely]]
      interrupts_->at_boundary([this] { settle(); });
  }
  /// Waits for everything under way that translates.
  void settle() {
    drain_all();
    drain_translations();
  }

  LoadStoreUnit* lsu_;
  FiberGroup& fibers_;  // of the machine
  std::unique_ptr<InterruptUnit> interrupts_;
  const ObserverList& observers_;
  FastPath fast_path_;
  LocalClock clock_;
  CoreStats stats_;
  CorePrefetches prefetches_;      // of lines
  CorePrefetches tlb_prefetches_;  // of translations
  uint64_t next_id_ = 0;

 private:
  void run();
  void wait_for(Signal& signal, const WaitReason& reason);
  AccessResult access_observed(const MemAccess& access);

  void check_time() const { clock_.domain().check_time(clock_.now()); }

  Program* program_ = nullptr;
  bool joined_ = false;
  std::exception_ptr failure_;
};

/// Runs one access at a time: the next begins when the last is done.
///
/// Timing   an access costs what the load/store unit says; `gap` instructions before it cost one cycle each.
class BlockingCore : public Core {
 public:
  using Core::Core;

 protected:
  void execute_all(std::span<const MemAccess> accesses) override;
  AccessResult access_one(const MemAccess& access) override;
  void drain_all() override {}
  bool repeat_hits(const MemAccess& access, uint64_t times) override;

  /// `kInterrupts`: the core is one of several, which interrupt it and take lines away.
  template <bool kInterrupts>
  void execute_each(std::span<const MemAccess> accesses);
  template <bool kShared>
  AccessResult access_alone(const MemAccess& access);

 private:
  AccessResult access_slow(const MemAccess& access, uint64_t id);
};

/// A blocking core of a machine with several: takes interrupts, and what others do to its lines, between its accesses. A type of its own, so that a lone
/// core pays nothing for it.
class InterruptibleBlockingCore final : public BlockingCore {
 public:
  using BlockingCore::BlockingCore;

 protected:
  void execute_all(std::span<const MemAccess> accesses) override;
  AccessResult access_one(const MemAccess& access) override;
  bool repeat_hits(const MemAccess& access, uint64_t times) override;
};

}  // namespace mmusim
