// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "models/base/access.h"
#include "sim/machine/growing_tables.h"
#include "sim/machine/simulation.h"
#include "sim/machine/virtualization.h"
#include "sim/measure/subject.h"

namespace mmusim {

/// A simulated machine as something to measure: chases run as programs on its first core, over pages mapped as an
/// operating system without luck maps them (no two adjacent pages of 4 KiB have adjacent frames, so that nothing
/// coalesces; frames are spread evenly over the sets of the caches).
///
/// Has a machine with the blocking core for all chases but those with lanes, which run on the window core. Both are made
/// here: before the first simulation of the process runs.
class SimulatedSubject final : public Subject {
 public:
  /// `name` tells machines of one simulation apart. With `guest` the machine runs a guest.
  SimulatedSubject(Simulation& simulation, const std::string& name, const PlatformConfig& platform,
                   const VirtualizationConfig& guest = {});

  std::optional<Sample> measure(const Chase& chase) override;
  uint64_t most_steps(ChaseKind kind, PageSize pages) const override;
  double foreign_share() const override { return 0; }
  /// Samples of loads from now on tell the events of one more round.
  void count_events() { counts_events_ = true; }

 private:
  /// A machine with the tables of its address space.
  struct Side {
    std::unique_ptr<Machine> machine;
    std::unique_ptr<GrowingTables> tables;
    std::set<uint64_t> mapped;  ///< addresses of pages
  };

  Side make_side(const std::string& name, const PlatformConfig& platform, const VirtualizationConfig& guest);
  std::vector<MemAccess> round_of(Side& side, const Chase& chase);
  void map_page(Side& side, const Chase& chase, uint64_t va, uint64_t page);
  double cycles_of(Side& side, const std::vector<MemAccess>& round, bool cold);
  Events events_of(Side& side, const std::vector<MemAccess>& round);
  void touch_pages(Side& side, const std::vector<MemAccess>& round);

  Simulation& simulation_;
  bool gib_pages_;
  bool counts_events_ = false;
  bool random_;                // some structure replaces at random
  uint64_t cold_regions_ = 0;  // used up by cold chases
  Side blocking_, window_;
};

}  // namespace mmusim
