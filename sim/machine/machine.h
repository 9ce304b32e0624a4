// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/stats.h"
#include "sim/machine/platform.h"
#include "sim/machine/totals.h"
#include "sim/machine/translation_checker.h"

namespace mmusim {

/// Whether an operation takes its cycles and is counted, or happens outside simulated time.
enum class Charge : uint8_t { kCycles, kNothing };

struct MachineOptions {
  /// kNone waits at every synchronisation: slower, same results. Else the machine runs ahead as far as is exact.
  LookAhead look_ahead = LookAhead::kPending;
  /// Every translation that the machine uses is compared with the pure walk (shadow_walk.h): much slower, same results.
  bool paranoid = false;
  /// Another memory below the last cache in place of the platform's DRAM; outlives the machine.
  MemoryIf* memory = nullptr;
};

/// A simulated machine: the only place that creates and binds modules. One for each process, as SystemC elaborates
/// once.
class Machine {
 public:
  explicit Machine(const PlatformConfig& platform, MachineOptions options = {});
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  PhysMem& memory() { return memory_; }
  const PlatformConfig& platform() const { return platform_; }
  unsigned cores() const { return static_cast<unsigned>(cores_.size()); }
  Core& core(unsigned number) { return *cores_[number]->core; }
  const Core& core(unsigned number) const { return *cores_[number]->core; }
  const ControlState& control(unsigned core) const { return cores_[core]->context.control; }
  const MemoryTypes& memory_types() const { return platform_.memory_types; }

  /// Runs one program on each of the first cores until all are done, from the moment the machine has reached. Throws
  /// what a program throws.
  void run(const std::vector<Program*>& programs);
  void run(Program& program) { run(std::vector<Program*>{&program}); }

  /// Sets control registers of a core before anything runs, or between programs: removes nothing from the TLBs.
  void set_control(unsigned core, const ControlState& control);
  /// Carries out a TLB invalidation on a core: first-level TLBs, second level, paging-structure caches. Returns how
  /// many entries went. Callable from programs of that core and between programs.
  unsigned invalidate(unsigned core, const Invalidation& operation, Charge charge = Charge::kCycles);
  /// MOV to CR3, with what it removes; in PAE mode it loads the four PDPTE registers. Returns false where it raises
  /// #GP(0), for reserved bits of `value` or of a PDPTE: then nothing has changed.
  bool write_cr3(unsigned core, uint64_t value, Charge charge = Charge::kCycles);

  /// The core whose program is what the simulation executes; 0 between programs.
  unsigned running_core() const;
  /// The lock of that name (any number); there from its first use on.
  CoreLock& lock(uint64_t name) { return locks_[name]; }

  /// Who gets records (nullptr: nobody), and whether each access too. Between programs.
  void set_sink(RecordSink* sink, bool accesses);
  /// Who hears of DRAM commands (nullptr: nobody).
  void observe_dram(DramObserver* observer) { dram_->system().observe(observer); }
  /// Who hears what programs ask of the cores (nullptr: nobody). Between programs.
  void set_activity(ActivitySink* activity);
  /// Builds mappings on first touch (nullptr: tables are what they are).
  void set_mapper(unsigned core, DemandMapper* mapper) { cores_[core]->context.mapper = mapper; }

  /// With MachineOptions::paranoid, who compares; else nullptr. Software that changes page tables tells it.
  ShadowWalk* shadow() { return shadow_ ? &*shadow_ : nullptr; }

  /// True while run() runs.
  bool running() const { return running_; }
  /// The furthest cycle that anything in the machine has reached.
  CycleTime reached() const;
  /// Who waits for whom at this moment, one line each: requesters, walks, lines in flight, DRAM reads.
  std::string who_waits() const;

  /// The latest moment any core has reached.
  CycleTime now() const;
  /// Everything counted so far, as a tree of modules.
  StatNode stats() const;
  /// The sums that summaries state, so far.
  MachineTotals totals() const;

 private:
  struct CoreParts {
    CoreContext context;
    std::unique_ptr<Cache> l2, l1i, l1d;
    std::unique_ptr<SecondLevelTlb> second_level;
    std::unique_ptr<PageWalker> walker;
    std::unique_ptr<LoadStoreUnit> lsu;
    std::unique_ptr<Core> core;
  };
  unsigned remove(unsigned core, const Invalidation& operation, Charge charge);
  LocalClock clock(const std::string& name, LookAhead look_ahead);
  void check_tlbs(unsigned core, const Invalidation& operation);
  std::unique_ptr<CoreParts> make_core(unsigned number, LookAhead look_ahead);

  PlatformConfig platform_;
  PhysMem memory_;
  ClockDomain clock_;
  std::unique_ptr<Dram> dram_;
  std::unique_ptr<Cache> l3_;
  std::vector<std::unique_ptr<CoreParts>> cores_;
  std::map<uint64_t, CoreLock> locks_;
  unsigned next_requester_ = 0;
  std::optional<ShadowWalk> shadow_;
  bool running_ = false;
  bool alone_ = false;  // a lone core, with nothing under way between its accesses
};

}  // namespace mmusim
