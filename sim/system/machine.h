// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "models/base/stats.h"
#include "sim/output/summary.h"
#include "sim/system/platform.h"

namespace mmusim {

struct MachineOptions {
  /// kNone waits at every synchronisation: slower, same results. Else the machine runs ahead as far as is exact.
  LookAhead look_ahead = LookAhead::kPending;
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
  const ControlState& control(unsigned core) const { return cores_[core]->context.control; }

  /// Runs one program on each of the first cores until all are done, from the moment the machine has reached. Throws
  /// what a program throws.
  void run(const std::vector<Program*>& programs);
  void run(Program& program) { run(std::vector<Program*>{&program}); }

  /// Sets control registers of a core before anything runs, or between programs: removes nothing from the TLBs.
  void set_control(unsigned core, const ControlState& control);
  /// Carries out a TLB invalidation on a core: first-level TLBs, second level, paging-structure caches. Returns how
  /// many entries went. Callable from programs of that core and between programs.
  unsigned invalidate(unsigned core, const Invalidation& operation);
  /// MOV to CR3, with what it removes.
  void write_cr3(unsigned core, uint64_t value);

  /// Who gets records (nullptr: nobody), and whether each access too. Between programs.
  void set_sink(RecordSink* sink, bool accesses);
  /// Builds mappings on first touch (nullptr: tables are what they are).
  void set_mapper(unsigned core, DemandMapper* mapper) { cores_[core]->context.mapper = mapper; }

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
  std::unique_ptr<CoreParts> make_core(unsigned number, LookAhead look_ahead);

  PlatformConfig platform_;
  PhysMem memory_;
  ClockDomain clock_;
  std::unique_ptr<Dram> dram_;
  std::unique_ptr<Cache> l3_;
  std::vector<std::unique_ptr<CoreParts>> cores_;
  unsigned next_requester_ = 0;
};

}  // namespace mmusim
