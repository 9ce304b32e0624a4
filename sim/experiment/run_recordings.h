// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/events/dram_tracks.h"
#include "sim/events/event_log.h"
#include "sim/events/timeline.h"
#include "sim/events/vcd.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/run_recorder.h"
#include "sim/scenario/runner.h"

namespace mmusim {

/// What a run is asked to write while it goes on; a name that is empty: not that one.
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

/// Passes records on to several sinks.
class RecordTee final : public RecordSink {
 public:
  void add(RecordSink& sink) { sinks_.push_back(&sink); }
  bool empty() const { return sinks_.empty(); }
  void walk(const WalkRecord& record) override {
    for (RecordSink* sink : sinks_) sink->walk(record);
  }
  void access(const AccessRecord& record) override {
    for (RecordSink* sink : sinks_) sink->access(record);
  }

 private:
  std::vector<RecordSink*> sinks_;
};

/// Passes activity on to several sinks.
class ActivityTee final : public ActivitySink {
 public:
  void add(ActivitySink& sink) { sinks_.push_back(&sink); }
  bool empty() const { return sinks_.empty(); }
  void accesses(unsigned core, std::span<const MemAccess> accesses) override {
    for (ActivitySink* sink : sinks_) sink->accesses(core, accesses);
  }
  void drained(unsigned core) override {
    for (ActivitySink* sink : sinks_) sink->drained(core);
  }
  void invalidated(unsigned core, const Invalidation& operation, bool timed) override {
    for (ActivitySink* sink : sinks_) sink->invalidated(core, operation, timed);
  }
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) override {
    for (ActivitySink* sink : sinks_) sink->control_written(core, number, value, timed);
  }

 private:
  std::vector<ActivitySink*> sinks_;
};

/// The files that a run writes while it goes on, and their places in the machine: event log, timeline, signals, tables
/// of each stage, recorded trace. None has its final name before close(), but for the event log.
class RunRecordings {
 public:
  /// Opens the files and attaches them to `host`, which lives longer; the event log goes into `directory`.
  /// Throws InputError for signals or forms of traces that do not exist, EnvironmentError where a file cannot be made.
  RunRecordings(const RecordingOptions& options, const EventSelection& selection, const Scenario& scenario,
                const PlatformConfig& platform, const std::string& directory, MachineHost& host);
  RunRecordings(const RunRecordings&) = delete;
  RunRecordings& operator=(const RunRecordings&) = delete;

  /// What the runner writes to itself.
  RunOutputs outputs();
  /// Completes the files after the run, at the machine's time; says on standard error what the trace cannot hold.
  void close(const RunResult& result);

 private:
  void open_timeline();
  void open_signals(const PlatformConfig& platform);
  void attach();

  RecordingOptions options_;
  MachineHost& host_;
  std::optional<EventLog> events_;
  std::optional<Timeline> timeline_;
  std::optional<SignalTrace> signals_;
  std::optional<DramTracks> dram_tracks_;
  std::optional<TablesFile> tables_;
  std::optional<RunRecorder> recorder_;
  RecordTee sinks_;
  ActivityTee activity_;
  std::optional<ActivityLog> activity_log_;
};

}  // namespace mmusim
