// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/stats.h"
#include "models/fabric/memory_tap.h"
#include "models/x86/nested_invalidation.h"
#include "sim/machine/charge.h"
#include "sim/machine/core_parts.h"
#include "sim/machine/guests.h"
#include "sim/machine/platform.h"
#include "sim/machine/totals.h"
#include "sim/machine/translation_checker.h"

namespace mmusim {

struct MachineOptions {
  /// kNone waits at every synchronisation: slower, same results. Else the machine runs ahead as far as is exact.
  LookAhead look_ahead = LookAhead::kPending;
  /// Every translation that the machine uses is compared with the pure walk (translation_checker.h): much slower, same
  /// results.
  bool paranoid = false;
  /// Another memory below the last cache in place of the platform's DRAM; outlives the machine.
  MemoryIf* memory = nullptr;
  /// What hears of the requests below the last-level cache, if anything; outlives the machine.
  MemoryListener* listener = nullptr;
  /// Guest that the cores run, if any, and how its memory is backed.
  VirtualizationConfig virtualization = {};
};

/// A simulated machine: a module whose parts are its children, such as `machine.core0.l1d`. Creates and binds them, but
/// does not start the simulation; several machines can share one.
class Machine : public sc_core::sc_module {
 public:
  /// `name` tells machines of one simulation apart; statistics and reports do not show it. Throws InputError if the
  /// simulation's time resolution is not 1 fs (see Simulation).
  explicit Machine(const sc_core::sc_module_name& name, const PlatformConfig& platform, MachineOptions options = {});
  ~Machine() override;

  /// Memory that software on the machine calls physical: a guest's is a view of physical_memory().
  PhysMem& memory() { return guests_ ? (*guests_)[guest_].memory : memory_; }
  /// Memory that caches and DRAM hold: addresses that accesses end at (host-physical ones of a guest).
  PhysMem& physical_memory() { return memory_; }
  /// The hypervisor as the guest that runs meets it; nullptr of a machine without guests.
  HostTables* host_tables() { return guests_ ? &(*guests_)[guest_].host : nullptr; }
  /// The guests of the machine, nullptr without.
  Guests* guests() { return guests_.get(); }
  /// The nested dimension of a core that runs a guest; else nullptr.
  NestedContext* nested(unsigned core) { return cores_[core]->nested.get(); }
  const PlatformConfig& platform() const { return platform_; }
  unsigned cores() const { return static_cast<unsigned>(cores_.size()); }
  Core& core(unsigned number) { return *cores_[number]->core; }
  const Core& core(unsigned number) const { return *cores_[number]->core; }
  const ControlState& control(unsigned core) const { return cores_[core]->context.control; }
  const MemoryTypes& memory_types() const { return platform_.memory_types; }

  /// Gives each of the first cores a program, which runs when the simulation does, from the cycle on that the machine
  /// has reached (in a simulation whose time has gone on without this machine: from the simulation's next cycle).
  void start(const std::vector<Program*>& programs);
  /// Ends what start() began, after the simulation has run. Throws what a program threw. A program that is not done
  /// although nothing can happen any more is an internal error, with a report of what each requester waits for, unless one
  /// threw: then the others are unwound, and the machine runs nothing any more.
  void finish();

  /// Sets control registers of a core before anything runs, or between programs: removes nothing from the TLBs.
  void set_control(unsigned core, const ControlState& control);
  /// Carries out a TLB invalidation on a core: first-level TLBs, second level, paging-structure caches. Returns how
  /// many entries went. Callable from programs of that core and between programs.
  unsigned invalidate(unsigned core, const Invalidation& operation, Charge charge = Charge::kCycles);
  /// Carries out an operation of the hypervisor on a core that runs a guest; returns how many entries went.
  unsigned invalidate(unsigned core, const NestedInvalidation& operation);
  /// MOV to CR3, with what it removes; in PAE mode it loads the four PDPTE registers. Returns false where it raises
  /// #GP(0), for reserved bits of `value` or of a PDPTE: then nothing has changed.
  bool write_cr3(unsigned core, uint64_t value, Charge charge = Charge::kCycles);

  /// VM exit of the guest that runs and VM entry of another one, on every core: with it change memory(), host_tables() and
  /// the control registers. Costs one exit; without tags it removes the combined translations of all guests. Nothing
  /// if the guest runs already. Call from programs after drain(), or between programs.
  void enter_guest(unsigned guest, Charge charge = Charge::kCycles);

  /// The core whose program is what the simulation executes; 0 between programs.
  unsigned running_core() const;
  /// The lock of that name (any number); there from its first use on.
  CoreLock& lock(uint64_t name) { return locks_[name]; }

  /// Adds an observer, which stays where it is until it is removed or the machine ends. Call only while no program
  /// runs.
  void observe(Observer& observer);
  void stop_observing(const Observer& observer);
  /// Builds mappings on first touch (nullptr: tables are what they are).
  void set_mapper(unsigned core, DemandMapper* mapper) { cores_[core]->context.mapper = mapper; }

  /// Returns the checker with MachineOptions::paranoid, else nullptr. Software that changes page tables reports it
  /// there.
  TranslationChecker* checker() { return checker_ ? &*checker_ : nullptr; }

  /// Returns true between start() and finish().
  bool running() const { return running_; }
  /// The furthest cycle that anything in the machine has reached.
  CycleTime reached() const;
  /// Describes what each requester waits for at this moment, one line each, and walks, lines in flight, DRAM reads.
  std::string who_waits() const;

  /// The latest moment any core has reached.
  CycleTime now() const;
  /// Everything counted so far, as a tree of modules.
  StatNode stats() const;
  /// The sums that summaries state, so far.
  MachineTotals totals() const;
  /// Returns totals() of one core; its `cycles` are those it has reached.
  MachineTotals totals(unsigned core) const;

 private:
  unsigned remove(unsigned core, const Invalidation& operation, Charge charge);
  LocalClock clock(const std::string& name, LookAhead look_ahead);
  void rethrow();
  void add_totals(const CoreParts& parts, MachineTotals& totals) const;
  static unsigned remove_beyond_first_level(CoreParts& parts, const Invalidation& operation);
  void set_registers(CoreParts& parts, const ControlState& control);
  void check_tlbs(unsigned core, const Invalidation& operation);

  PlatformConfig platform_;
  PhysMem memory_;
  std::unique_ptr<Guests> guests_;  // of a machine that runs guests
  unsigned guest_ = 0;              // that runs
  ClockDomain clock_;
  std::unique_ptr<FiberGroup> fibers_;  // all requesters but a process that drives a core itself
  std::unique_ptr<Dram> dram_;
  std::unique_ptr<MemoryTap> tap_;  // above the memory, if anything listens
  PrefetchBoard prefetches_;
  std::unique_ptr<Cache> l3_;
  std::unique_ptr<CoherenceHome> home_;  // of the lines of several cores
  std::vector<std::unique_ptr<CoreParts>> cores_;
  std::map<uint64_t, CoreLock> locks_;
  unsigned next_requester_ = 0;
  ObserverList observers_;
  std::optional<TranslationChecker> checker_;
  bool running_ = false;
  bool alone_ = false;  // a lone core, with nothing under way between its accesses
};

}  // namespace mmusim
