// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/machine/target.h"
#include "sim/scenario/run_recorder.h"
#include "sim/trace/trace_window.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

/// The trace that `replay --record` writes. Replayed with no other option it gives the counts of the replay that wrote
/// it.
///
/// With page tables that are built on first touch, or made by the trace itself, it holds the records of the trace that
/// were played, and its header the options of the address space. With the page tables of --map it holds those first,
/// then what the program does on them.
class ReplayRecording {
 public:
  /// `given_tables`: the tables are those of --map.
  ReplayRecording(std::unique_ptr<TraceWriter> writer, bool given_tables);

  /// Call when the target has its page tables and before it runs. Throws InputError for given tables that a trace
  /// cannot hold: other than of 4 or 5 levels, or with control registers beside CR3 and CR4 that matter.
  void begin(Target& target);
  /// Writes a piece of the trace that was played.
  void played(const TraceBatch& piece, WindowPart part);
  /// Writes a marker of the trace; played() writes them itself where it copies.
  void marker(uint64_t number, std::string_view name);

  /// Ends the trace. Without it no file appears.
  void finish();
  /// Losses: what the trace's form could not hold, a line each.
  std::vector<std::string> losses() const;

 private:
  std::unique_ptr<TraceWriter> copy_;      // of the records played
  std::unique_ptr<RunRecorder> recorder_;  // of what the program does
  std::optional<WindowPart> part_;         // of the last piece
};

/// Calls entry_write() and fill() of `observer` for all page tables that `control` leads to, each table before the
/// entries that point to it are used: what a kernel would have done to make them. 4 or 5 levels.
void report_tables(const PhysMem& memory, const ControlState& control, mm::Observer& observer);

}  // namespace mmusim
