// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/events/dram_tracks.h"
#include "sim/events/event_log.h"
#include "sim/events/timeline.h"
#include "sim/events/vcd.h"
#include "sim/machine/platform.h"
#include "sim/recorded/stage_tables.h"
#include "sim/scenario/host.h"
#include "sim/scenario/run_recorder.h"
#include "sim/scenario/runner.h"

namespace mmusim {

/// Files that a run or a replay writes while it goes on; a name that is empty: not that one.
struct RecordingOptions {
  std::string events = "pte,walks";  ///< kinds of records of the event log, as EventSelection::parse() reads them
  std::string tables;
  std::string timeline;
  std::string vcd;
  std::string vcd_signals = "all";       ///< as SignalSelection::parse() reads them
  uint64_t timeline_begin = 0;           ///< first cycle of timeline and signals
  uint64_t timeline_end = ~uint64_t{0};  ///< cycle after the last of both
  std::string record;
  std::string record_form;  ///< form of that trace; empty: what its name tells
};

/// Returns options that ask for nothing.
inline RecordingOptions no_recordings() {
  RecordingOptions options;
  options.events = "none";
  return options;
}

/// The run or replay that recordings belong to.
struct RecordedJob {
  std::string name;           ///< of the scenario or trace
  std::string configuration;  ///< the effective one, JSON text of an object
  uint64_t seed = 1;
  std::string directory;  ///< where the event log goes
  /// The kernel of a scenario runs: the event log holds what makes page tables, and `record` what the program does.
  bool kernel = true;
};

/// The files that a run or a replay writes while it goes on, and their places as observers of its target: event log,
/// timeline, signals, tables of each stage, and of a run the recorded trace (of a replay: ReplayRecording). None has its
/// final name before close(), but for the event log.
class Recordings {
 public:
  /// Opens the files and attaches them to `target`, which lives longer. Throws InputError for signals or forms of
  /// traces that do not exist, EnvironmentError where a file cannot be made.
  Recordings(const RecordingOptions& options, const EventSelection& selection, const RecordedJob& job,
             const PlatformConfig& platform, Target& target);
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;

  /// Begins a phase in all files.
  void phase(const PhaseEvent& event);
  /// Begins a phase in the drawings only.
  void draw_phase(const PhaseEvent& event);
  /// Returns true if tables() does anything.
  bool wants_tables() const { return tables_.has_value(); }
  /// Writes the tables of a stage.
  void tables(const StageTables& tables);
  /// Outputs that the runner of a scenario writes to.
  RunOutputs outputs();

  /// Completes the files at the target's time; `totals` end the event log. `complete`: the job came to its end, else
  /// there are no tables. Says on standard error what trace and signals cannot hold.
  void close(const MachineTotals& totals, bool interrupted, bool complete);

 private:
  void open_timeline();
  void open_signals(const PlatformConfig& platform);
  void attach();

  RecordingOptions options_;
  Target& target_;
  std::optional<EventLog> events_;
  std::optional<Timeline> timeline_;
  std::optional<SignalTrace> signals_;
  std::optional<DramTracks> dram_tracks_;
  std::optional<TablesFile> tables_;
  std::optional<RunRecorder> recorder_;
};

/// Prints on standard error what the trace `file` could not hold, a line each.
void print_losses(const std::string& file, const std::vector<std::string>& losses);

}  // namespace mmusim
