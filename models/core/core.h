// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <span>
#include <systemc>

#include "models/core/core_lock.h"
#include "models/core/fast_path.h"

namespace mmusim {

class Core;

/// Source of a core's accesses: a trace, a generator, the kernel model. Called on the core's own thread.
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

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("cycles", cycles, "cycles this core was running programs");
    v("flush_cycles", flush_cycles, "of these, spent in TLB invalidation instructions");
    v("gap_instructions", gap_instructions, "instructions without memory access between the accesses");
    v("forwarded_loads", forwarded_loads, "loads that read what a store had not written to the cache yet");
    v("joined_lines", joined_lines, "accesses that waited for a line that an earlier one had asked for");
  }
};

/// A core: one thread that runs a Program on a load/store unit. Subclasses differ in how many accesses are under way
/// at once. Time is the core's own (run-ahead rule); programs call execute() and access() only from run().
class Core : public sc_core::sc_module {
 public:
  Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock);

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
    drain_all();
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

  CycleTime now() const { return clock_.now(); }
  /// True while this core's program is what the simulation executes.
  bool running() const { return thread_ == sc_core::sc_get_current_process_handle(); }
  /// Lets time pass.
  virtual void idle(Cycles cycles) { clock_.advance(cycles); }
  uint64_t accesses_begun() const { return next_id_; }
  LoadStoreUnit& lsu() { return *lsu_; }
  FastPath& fast_path() { return fast_path_; }
  CorePrefetches& prefetches() { return prefetches_; }
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

  LoadStoreUnit* lsu_;
  const ObserverList& observers_;
  FastPath fast_path_;
  LocalClock clock_;
  CoreStats stats_;
  CorePrefetches prefetches_;
  uint64_t next_id_ = 0;

 private:
  void run();
  AccessResult access_observed(const MemAccess& access);

  void check_time() const { clock_.domain().check_time(clock_.now()); }

  Program* program_ = nullptr;
  sc_core::sc_process_handle thread_;
  std::exception_ptr failure_;
  sc_core::sc_event started_;
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

 private:
  AccessResult access_slow(const MemAccess& access, uint64_t id);
};

}  // namespace mmusim
