// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <span>
#include <systemc>

#include "models/core/load_store_unit.h"

namespace mmusim {

class Core;

/// What a core runs: a trace, a generator, the kernel model. Called on the core's own thread.
class Program {
 public:
  virtual ~Program() = default;
  virtual void run(Core& core) = 0;
};

struct CoreStats {
  Cycles cycles{};
  Cycles flush_cycles{};
  uint64_t gap_instructions = 0;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("cycles", cycles, "cycles this core was running programs");
    v("flush_cycles", flush_cycles, "of these, spent in TLB invalidation instructions");
    v("gap_instructions", gap_instructions, "instructions without memory access between the accesses");
  }
};

/// A core: one thread that runs a Program on a load/store unit. Subclasses differ in how many accesses are under way
/// at once. Time is the core's own (run-ahead rule); programs call execute() and access() only from run().
class Core : public sc_core::sc_module {
 public:
  Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock);

  /// Gives the core a program; it runs at the next sc_start().
  void start(Program& program);
  bool finished() const { return program_ == nullptr; }
  /// Throws what the last program threw, if it did.
  void rethrow();

  /// Runs accesses in program order.
  virtual void execute(std::span<const MemAccess> accesses) = 0;
  /// Runs one access and waits until its result is there, as an instruction that needs the loaded value does.
  virtual AccessResult access(const MemAccess& access) = 0;
  /// Waits until everything under way is done.
  virtual void drain() = 0;

  /// Carries out a TLB invalidation on this core's translations (first-level TLBs here; the machine does the rest) and
  /// charges its cycles; serialising. Returns how many entries went.
  unsigned invalidate(const Invalidation& operation);

  CycleTime now() const { return clock_.now(); }
  /// Lets time pass.
  void idle(Cycles cycles) { clock_.advance(cycles); }
  uint64_t accesses_begun() const { return next_id_; }
  LoadStoreUnit& lsu() { return *lsu_; }
  const CoreStats& stats() const { return stats_; }

 protected:
  LoadStoreUnit* lsu_;
  LocalClock clock_;
  CoreStats stats_;
  uint64_t next_id_ = 0;
  Cycles flush_cycles_{0};

 private:
  void run();

  Program* program_ = nullptr;
  std::exception_ptr failure_;
  sc_core::sc_event started_;
};

/// Runs one access at a time: the next begins when the last is done.
///
/// Timing   an access costs what the load/store unit says; `gap` instructions before it cost one cycle each.
class BlockingCore : public Core {
 public:
  using Core::Core;
  void execute(std::span<const MemAccess> accesses) override;
  AccessResult access(const MemAccess& access) override;
  void drain() override {}

 private:
  AccessResult access_slow(const MemAccess& access, uint64_t id);
};

}  // namespace mmusim
