// SPDX-License-Identifier: MIT
#include "sim/replay/measure.h"

#include <utility>

namespace mmusim {

namespace {

constexpr unsigned kSamplePieces = 16;

}  // namespace

Measurement::Measurement(Target& target, AccessStream& stream, const TraceWindowConfig& window,
                         const MeasureCalls& calls)
    : target_(target), calls_(calls), window_(stream, window) {}

void Measurement::begin() {
  more_ = window_.next(piece_, next_part_);
  if (calls_.prepare) calls_.prepare(piece_);
}

void Measurement::warm_up() {
  while (more_ && next_part_ != WindowPart::kMeasured && !stopped()) play();
}

void Measurement::run() {
  while (more_ && !stopped()) play();
  target_.drain();
  result_.stopped = stopped();
}

/// Plays the next piece and reads the one after it.
void Measurement::play() {
  if (part_ && *part_ != next_part_) {
    target_.drain();
    if (calls_.sample_by_part) pieces_ = 0;
  }
  part_ = next_part_;
  enter(*part_);
  calls_.play(piece_);
  result_.records += piece_.records;
  if (calls_.played) calls_.played(piece_, *part_);
  if (++pieces_ % kSamplePieces == 0) sample();
  more_ = window_.next(piece_, next_part_);
}

Measured Measurement::result() {
  sample();
  enter(WindowPart::kSkipped);
  result_.stats = stats_ ? difference(target_.stats(), *stats_) : target_.stats();
  result_.skipped = window_.skipped();
  result_.warmup = window_.warmed_up();
  result_.measured = window_.measured();
  result_.instructions = window_.instructions();
  return std::move(result_);
}

/// Begins or ends counting where a piece of another part begins.
void Measurement::enter(WindowPart part) {
  const bool now = part == WindowPart::kMeasured;
  if (now == measuring_) return;
  if (now) {
    before_ = target_.totals();
    if (!stats_) {
      stats_ = target_.stats();
      begin_ = before_;
      if (calls_.measuring) calls_.measuring();
    }
  } else {
    result_.totals.merge(difference(target_.totals(), before_));
  }
  measuring_ = now;
}

void Measurement::sample() const {
  if (calls_.sample) calls_.sample(measuring_ ? &begin_ : nullptr);
}

Measured measure(Target& target, AccessStream& stream, const TraceWindowConfig& window, const MeasureCalls& calls) {
  Measurement measurement(target, stream, window, calls);
  measurement.begin();
  target.run([&] {
    measurement.warm_up();
    measurement.run();
  });
  return measurement.result();
}

}  // namespace mmusim
