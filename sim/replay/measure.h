// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sim/machine/target.h"
#include "sim/trace/trace_window.h"

namespace mmusim {

/// Results of a measurement. Complete for what ran.
struct Measured {
  bool stopped = false;   ///< MeasureCalls::stop said so
  MachineTotals totals;   ///< of the measured accesses
  StatNode stats;         ///< since the first measured access; since the beginning if there is none
  uint64_t records = 0;   ///< of the stream, read
  uint64_t skipped = 0;   ///< accesses left out
  uint64_t warmup = 0;    ///< accesses that ran but are not counted
  uint64_t measured = 0;  ///< accesses that are counted
  /// Instructions of these, if the window counts them.
  uint64_t instructions = 0;
};

/// Functions that measure() calls on its way. All but `play` may be left out.
struct MeasureCalls {
  /// Is shown the first piece of the stream before anything runs.
  std::function<void(const TraceBatch& first)> prepare;
  /// Makes the accesses and events of a piece on the target.
  std::function<void(const TraceBatch& piece)> play;
  /// Is told each piece after it was played.
  std::function<void(const TraceBatch& piece, WindowPart part)> played;
  /// Is told that the first measured piece comes next.
  std::function<void()> measuring;
  /// Is asked before each piece: true ends the run.
  std::function<bool()> stop;
  /// Takes a sample for a course over time: after each sixteenth piece and at the end. `since`: the totals when the
  /// first measured piece began, nullptr while the piece is not measured.
  std::function<void(const MachineTotals* since)> sample;
  /// Has the pieces for samples counted from the beginning of each part of the run, not of the run.
  bool sample_by_part = false;
};

/// A measurement step by step, for several targets whose measured parts begin together. `target`, `stream` and `calls`
/// live longer.
class Measurement {
 public:
  Measurement(Target& target, AccessStream& stream, const TraceWindowConfig& window, const MeasureCalls& calls);

  /// Reads the first piece and shows it to MeasureCalls::prepare.
  void begin();
  /// Runs what comes before the first measured access; call from Target::run(), before run().
  void warm_up();
  /// Runs the rest; call from Target::run().
  void run();
  /// Returns what was measured, once the target no longer runs.
  Measured result();

 private:
  void play();
  bool stopped() const { return calls_.stop && calls_.stop(); }
  void enter(WindowPart part);
  void sample() const;

  Target& target_;
  const MeasureCalls& calls_;
  TraceWindow window_;
  TraceBatch piece_;  // the next to play, if more_
  WindowPart next_part_ = WindowPart::kSkipped;
  bool more_ = false;
  std::optional<WindowPart> part_;  // of the last piece played
  unsigned pieces_ = 0;             // played, for samples
  bool measuring_ = false;
  MachineTotals before_;           // when the measured part began
  MachineTotals begin_;            // when the first one did
  std::optional<StatNode> stats_;  // then
  Measured result_;
};

/// Runs the accesses of a stream on a target: those before the window are left out, the warm-up fills structures, the
/// rest is measured. Between two parts everything under way is waited for. The only loop of that kind: scenarios,
/// replays and workloads use it.
Measured measure(Target& target, AccessStream& stream, const TraceWindowConfig& window, const MeasureCalls& calls);

}  // namespace mmusim
