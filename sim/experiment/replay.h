// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/experiment/what_if.h"
#include "sim/machine/platform.h"
#include "sim/replay/measure.h"
#include "sim/replay/touched_spaces.h"
#include "sim/replay/trace_player.h"
#include "sim/report/misses_over_time.h"
#include "sim/report/summary.h"
#include "sim/scenario/streams.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

/// Parts of a replay, beside the target.
struct ReplayConfig {
  TraceWindowConfig window;
  PlayerOptions player;
  /// Page tables on first touch; empty: the machine's tables are what they are. A trace with recorded translations
  /// uses the frames that it names; tables, and pages that it never names, then come from the upper half of the range,
  /// where recorded frames seldom are.
  std::optional<AddressSpaceConfig> spaces;
  /// The page tables of a process that other replays on the same machine run too, instead of those of `spaces`.
  TouchedSpaces* shared = nullptr;
  bool course = true;  ///< counts misses over time
  bool what_if = false;
  /// Is told each piece after it was played.
  std::function<void(const TraceBatch& piece, WindowPart part)> played;
  /// Is told that the first measured access comes next.
  std::function<void()> measuring;
  /// Is told each marker of the trace.
  std::function<void(uint64_t number, std::string_view name)> marker;
};

/// Results of one of several traces, each replayed on a core of its own.
struct CoreReplay {
  unsigned core = 0;
  TraceInfo info;
  std::optional<uint64_t> stream;  ///< of the trace, if it has several
  Measured run;                    ///< of this core; its statistics are the core's
  uint64_t faults = 0;
};

/// Results of a replay. Complete for what ran.
struct ReplayResult {
  Measured run;  ///< `stopped` after SIGINT or SIGTERM
  Timeseries misses_over_time;
  uint64_t faults = 0;  ///< of the accesses that ran
  PlayerStats player;
  std::optional<AddressSpaces::Counts> mapped;
  std::optional<WhatIf> what_if;
  std::vector<CoreReplay> cores;  ///< of several traces on several cores; then the rest is their sum
};

/// A replay step by step, as Measurement.
class Replay {
 public:
  /// All live longer.
  Replay(TraceReader& reader, Target& target, const ReplayConfig& config);
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void begin() { measurement_.begin(); }
  void warm_up() { measurement_.warm_up(); }
  void run() { measurement_.run(); }
  ReplayResult result();

 private:
  MeasureCalls calls();
  void prepare(const TraceBatch& first);
  void leave_room_for_recorded_frames(const TraceBatch& first);
  AddressSpaces& enter_spaces(unsigned guest);
  void add_mapped(const AddressSpaces::Counts& counts);

  TraceReader& reader_;
  Target& target_;
  const ReplayConfig& config_;
  TraceStream stream_;
  const MeasureCalls calls_;
  Measurement measurement_;
  AddressSpaceConfig spaces_;                               // of each guest, or of the machine
  std::vector<std::unique_ptr<TouchedSpaces>> own_spaces_;  // by guest; without guests of the machine
  std::optional<TracePlayer> player_;
  MissesOverTime course_;
  ReplayResult result_;
};

/// Makes a trace's accesses again. `target` is fresh, or has its tables already. Ends early after SIGINT or SIGTERM.
/// Throws InputError where the trace is damaged.
ReplayResult replay_trace(TraceReader& reader, Target& target, const ReplayConfig& config);

}  // namespace mmusim
