// SPDX-License-Identifier: MIT
#include "sim/replay/measure.h"

#include <optional>

namespace mmusim {

namespace {

constexpr unsigned kSamplePieces = 16;

class Measurement {
 public:
  Measurement(Target& target, AccessStream& stream, const TraceWindowConfig& window, const MeasureCalls& calls)
      : target_(target), calls_(calls), window_(stream, window) {}

  Measured all() {
    more_ = window_.next(piece_, part_);
    if (calls_.prepare) calls_.prepare(piece_);
    target_.run([this] { run(); });
    sample();
    enter(WindowPart::kSkipped);
    result_.stats = stats_ ? difference(target_.stats(), *stats_) : target_.stats();
    result_.skipped = window_.skipped();
    result_.warmup = window_.warmed_up();
    result_.measured = window_.measured();
    result_.instructions = window_.instructions();
    return std::move(result_);
  }

 private:
  void run() {
    WindowPart part = part_;
    unsigned pieces = 0;
    for (; more_ && !stopped(); more_ = window_.next(piece_, part_)) {
      if (part != part_) {
        target_.drain();
        if (calls_.sample_by_part) pieces = 0;
      }
      part = part_;
      enter(part);
      calls_.play(piece_);
      result_.records += piece_.records;
      if (calls_.played) calls_.played(piece_, part);
      if (++pieces % kSamplePieces == 0) sample();
    }
    target_.drain();
    result_.stopped = stopped();
  }

  bool stopped() const { return calls_.stop && calls_.stop(); }

  /// Begins or ends counting where a piece of another part begins.
  void enter(WindowPart part) {
    const bool now = part == WindowPart::kMeasured;
    if (now == measuring_) return;
    if (now) {
      before_ = target_.totals();
      if (!stats_) {
        stats_ = target_.stats();
        begin_ = before_;
      }
    } else {
      result_.totals.merge(difference(target_.totals(), before_));
    }
    measuring_ = now;
  }

  void sample() const {
    if (calls_.sample) calls_.sample(measuring_ ? &begin_ : nullptr);
  }

  Target& target_;
  const MeasureCalls& calls_;
  TraceWindow window_;
  TraceBatch piece_;  // the next to play, if more_
  WindowPart part_ = WindowPart::kSkipped;
  bool more_ = false;
  bool measuring_ = false;
  MachineTotals before_;           // when the measured part began
  MachineTotals begin_;            // when the first one did
  std::optional<StatNode> stats_;  // then
  Measured result_;
};

}  // namespace

Measured measure(Target& target, AccessStream& stream, const TraceWindowConfig& window, const MeasureCalls& calls) {
  return Measurement(target, stream, window, calls).all();
}

}  // namespace mmusim
