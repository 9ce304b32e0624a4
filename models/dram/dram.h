// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <systemc>
#include <vector>

#include "models/dram/dram_system.h"
#include "models/fabric/alarm.h"
#include "models/fabric/ports.h"

namespace mmusim {

struct DramModuleConfig {
  DramConfig dram;
  Cycles to_memory{0};    ///< last-level cache to controller: mesh, fabric, clock crossing
  Cycles from_memory{0};  ///< and back
};

struct DramModuleStats {
  uint64_t reads = 0, writes = 0, waited_for_queue = 0;
  Cycles read_cycles{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("reads", reads, "lines read");
    v("writes", writes, "lines written back");
    v("waited_for_queue", waited_for_queue, "reads that found the controller's queue full");
    v("read_cycles", read_cycles, "core cycles of all reads, from the last-level cache and back");
  }
};

/// The memory controllers and the DRAM behind the caches, in the time of the cores.
///
/// Models   a fixed way to the controller and back, then DramSystem (dram_system.h).
/// Timing   a line asked for in cycle t reaches the controller at t + to_memory, in the first DRAM cycle that begins
///          then or later; its data are at the cache in the first core cycle after its last data beat, plus
///          from_memory. Reads reach it in the order of their moments. A line written back travels to_memory too and takes no time of the core that evicted it; when the
///          controller's write queue is full it waits outside in order.
/// Omits    errors and scrubbing; power-down; training.
/// Sources  docs/parameters.md#dram
class Dram : public sc_core::sc_module, public MemoryIf {
 public:
  /// `domain` and `requester` (number of its own) place the controller's work within a cycle.
  Dram(const sc_core::sc_module_name& name, const DramModuleConfig& config, const ClockDomain& domain,
       unsigned requester);

  HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) override;
  void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override;
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override;

  const DramModuleStats& stats() const { return stats_; }
  DramSystem& system() { return system_; }
  /// True if a requester waits for the data of a read.
  bool reads_waiting() const {
    return std::ranges::any_of(waiters_, [](const Waiter& waiter) { return waiter.clock != nullptr; });
  }
  /// Counts of the controllers so far. `at_rest`: no read is under way or will come before the last data that were
  /// asked for, so that they have done all up to that time, however far they were called.
  DramStats controller_stats(bool at_rest);
  /// Returns a line of text for each read that a requester waits for, for the report on a simulation that stands still.
  std::string in_progress(const WaitBoard& names) const;

 private:
  /// A line on its way to the write queue.
  struct Posted {
    PhysAddr line;
    DramLocation where;
    DramCycle arrival;
  };
  /// A read that a requester makes.
  struct Waiter {
    LocalClock* clock = nullptr;  ///< of the requester; nullptr: an idle place
    std::optional<DramCycle> done;
    bool waits = false;  ///< the requester is to be resumed
  };
  /// A read on its way to the controller. Its requester sleeps until its data are there: it has a place in the read queue.
  struct Arriving {
    Moment moment;
    DramCycle arrival;
    DramCycle earliest;  ///< its data are not there before
    uint64_t waiter;
    PhysAddr line;
    DramLocation where;
  };

  DramCycle dram_cycle(CycleTime t) const;
  CycleTime core_cycle(DramCycle t) const;
  CycleTime entry_cycle(DramCycle t) const;
  DramCycle read_alone(PhysAddr line, DramCycle now);
  DramCycle read_shared(PhysAddr line, LocalClock& clock);
  std::optional<DramCycle> read_asleep(PhysAddr line, const DramLocation& where, LocalClock& clock);
  DramCycle read_awake(PhysAddr line, const DramLocation& where, LocalClock& clock);
  uint64_t begin_read(LocalClock& clock);
  DramCycle end_read(uint64_t waiter);
  bool has_room_for_all(const DramLocation& where) const;
  void recall();
  void deliver_reads(Moment before);
  void deliver_writes(DramCycle now);
  bool post_later(const Posted& write, DramCycle& at, DramCycle now);
  void advance_to(DramCycle now, Moment present);
  void hand_out();
  Moment work(Moment present);
  Moment before_next_data(Moment present);
  Moment in_time_for(DramCycle earliest, Moment present) const;
  Cycles spare_time() const;
  Moment moment_of(CycleTime cycle, Moment present) const;

  const DramModuleConfig config_;
  const ClockDomain* domain_;
  const bool reads_travel_;  ///< lines written after a read has set out reach the controller after it
  unsigned requester_;
  Reciprocal by_tck_;
  DramSystem system_;
  DramModuleStats stats_;
  std::deque<Posted> posted_;       // by arrival
  DramCycle next_entry_ = 0;        // of the first of them at the earliest; never before a write that came sooner
  DramCycle reached_ = 0;           // when the last data asked for were there
  std::vector<Waiter> waiters_;     // the identity of a read is its place here
  std::vector<Arriving> arriving_;  // by moment
  unsigned waiting_for_space_ = 0;
  std::vector<DramCompletion> completions_;
  Alarm alarm_;
  Signal space_;
};

}  // namespace mmusim
