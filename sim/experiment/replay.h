// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/experiment/what_if.h"
#include "sim/machine/platform.h"
#include "sim/replay/measure.h"
#include "sim/replay/trace_player.h"
#include "sim/report/summary.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

/// The first physical address after the platform's memory.
uint64_t memory_end(const PlatformConfig& platform);

/// `config` with all of the platform's DRAM for frames and tables. Throws InputError if the platform has fewer levels,
/// or no 1 GiB pages.
AddressSpaceConfig fitted(AddressSpaceConfig config, const PlatformConfig& platform);

/// Page tables built on first touch, behind the machine's own interface for that.
class TouchedSpaces final : public DemandMapper {
 public:
  TouchedSpaces(PhysMem& memory, const AddressSpaceConfig& config) : spaces_(memory, config) {}
  void ensure_mapped(VirtAddr va) override { spaces_.ensure_mapped(va); }
  AddressSpaces& spaces() { return spaces_; }

 private:
  AddressSpaces spaces_;
};

/// Parts of a replay, beside the target.
struct ReplayConfig {
  TraceWindowConfig window;
  PlayerOptions player;
  /// Page tables on first touch; empty: the machine's tables are what they are. A trace with recorded translations
  /// uses the frames that it names; tables, and pages that it never names, then come from the upper half of the range,
  /// where recorded frames seldom are.
  std::optional<AddressSpaceConfig> spaces;
  bool what_if = false;
  /// Is told each piece after it was played.
  std::function<void(const TraceBatch& piece, WindowPart part)> played;
  /// Is told each marker of the trace.
  std::function<void(uint64_t number, std::string_view name)> marker;
};

/// Results of a replay. Complete for what ran.
struct ReplayResult {
  Measured run;  ///< `stopped` after SIGINT or SIGTERM
  Timeseries misses_over_time;
  uint64_t faults = 0;  ///< of the accesses that ran
  PlayerStats player;
  std::optional<AddressSpaces::Counts> mapped;
  std::optional<WhatIf> what_if;
};

/// Makes a trace's accesses again. `target` is fresh, or has its tables already. Ends early after SIGINT or SIGTERM.
/// Throws InputError where the trace is damaged.
ReplayResult replay_trace(TraceReader& reader, Target& target, const ReplayConfig& config);

}  // namespace mmusim
