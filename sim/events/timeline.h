// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/fabric/observer.h"
#include "sim/events/events.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

struct TimelineConfig {
  double core_ghz = 1.0;                  ///< turns cycles into the microseconds of the format
  uint64_t max_bytes = 40 * 1024 * 1024;  ///< of the file, about
  CycleTime begin{0};                     ///< nothing that starts earlier
  CycleTime end{~uint64_t{0}};            ///< nothing that starts at or after this cycle
};

/// Chrome trace-event JSON, which opens in Perfetto (ui.perfetto.dev) and chrome://tracing.
///
/// Tracks: the phases of the scenario; the kernel functions of each core; accesses that walked (several tracks where a
/// core has several under way); one track for each walker, with the entry reads inside each walk (an arrow leads from
/// the access to its walk and its reads); one for each DRAM bank; the interrupts that each core sends, and those that it
/// handles (an arrow leads from the sender to the handler and, when that has acknowledged, back). Slices of one track
/// nest or follow each other; times are whole nanoseconds, as Perfetto keeps them, so that rounding makes none overlap.
/// The size is bounded: of what is frequent, every n-th is written, n doubling each time another sixteenth of
/// `max_bytes` is used up; the file says which n it ended with. Format: "Trace Event Format", Google, 2016.
class Timeline final : public Observer {
 public:
  Timeline(const std::string& path, const TimelineConfig& config);

  uint32_t mask() const override { return kAccessNotices | kWalkNotices; }
  void walk(const WalkRecord& walk) override;
  void access(const AccessRecord& access) override;
  void phase(const PhaseEvent& event);
  /// Kernel code ran in `function` from `begin` to `end` (cycles).
  void kernel_slice(uint32_t core, std::string_view function, uint64_t begin, uint64_t end);
  /// A bank was busy from `begin` to `end` (core cycles) with `what` ("ACT", "RD", "REF", ...), on `row`.
  void dram_slice(unsigned channel, unsigned rank, unsigned bank, std::string_view what, uint64_t row, uint64_t begin,
                  uint64_t end);

  /// Core `from` has sent interrupts to `targets` others and waits until all have acknowledged.
  void interrupts_sent(unsigned from, size_t targets);
  /// One of them was handled, in core cycles: written by the sender at `sent`; the handler of core `to` ran from `handled`
  /// to `acked`.
  void interrupt_handled(unsigned from, unsigned to, uint64_t sent, uint64_t handled, uint64_t acked);

  /// Ends the last phase at `end`, and makes the file appear.
  void close(CycleTime end);

 private:
  enum class Frequent : unsigned { kKernel, kWalk, kDram };

  struct Handled {
    unsigned to;
    uint64_t begin;
    uint64_t end;
  };
  /// Interrupts that one core has sent at once, and how far they are.
  struct Round {
    size_t targets = 0;
    uint64_t sent = 0;
    std::vector<Handled> handled = {};
  };

  struct Slice {
    std::string name;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  bool in_window(uint64_t begin) const { return begin >= config_.begin.count && begin < config_.end.count; }
  bool sampled(Frequent kind);
  void name_track(unsigned process, uint64_t track, const std::string& name);
  void slice(unsigned process, uint64_t track, std::string_view name, uint64_t begin, uint64_t end,
             std::string_view arguments);
  void flow(std::string_view name, std::string_view part, uint64_t id, unsigned process, uint64_t track, uint64_t at);
  void write_round(unsigned from, const Round& round);
  void put(std::string_view event);
  uint64_t nanoseconds(uint64_t cycle) const {
    return static_cast<uint64_t>(static_cast<double>(cycle) / config_.core_ghz);
  }
  /// Returns a track of `group` in the process that is free at `begin`, and takes it until `end`. `name` is the first's.
  uint64_t free_track(unsigned process, uint64_t group, uint64_t begin, uint64_t end, const std::string& name);

  TimelineConfig config_;
  AtomicFile file_;
  uint64_t bytes_ = 0;
  bool first_ = true;
  uint64_t stride_ = 1;
  uint64_t next_step_;  // of bytes_, when the stride doubles
  uint64_t seen_[3] = {};
  std::map<std::pair<unsigned, uint64_t>, bool> named_;
  std::map<uint32_t, Slice> kernel_;  // slice being extended, by core
  /// Where the last slice of each track ended, by process and group.
  std::map<std::pair<unsigned, uint64_t>, std::vector<uint64_t>> ends_;
  std::map<unsigned, Round> rounds_;                       // by sender: those not all acknowledged yet
  uint64_t arrows_ = 0;                                    // of interrupts
  std::unordered_map<uint64_t, uint64_t> walk_of_access_;  // walks written whose access has not retired yet
  Slice phase_;
};

}  // namespace mmusim
