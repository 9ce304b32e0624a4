// SPDX-License-Identifier: MIT
#include "sim/experiment/replay.h"

#include <algorithm>

#include "models/base/errors.h"
#include "sim/host/interrupts.h"

namespace mmusim {

namespace {

/// With 4 levels, the addresses of a kernel with 5 are not canonical and every access would fault.
void check_levels(const TraceBatch& batch, const ControlState& control, const std::string& file) {
  if (control.levels() != 4) return;
  for (const MemAccess& access : batch.accesses) {
    if (control.canonical(access.va) || !is_canonical(access.va, 57)) continue;
    throw InputError(fmt::format("{}: address {} is canonical with 5 levels only: use --levels 5", file, access.va));
  }
}

}  // namespace

Replay::Replay(TraceReader& reader, Target& target, const ReplayConfig& config)
    : reader_(reader),
      target_(target),
      config_(config),
      stream_(reader),
      calls_(calls()),
      measurement_(target, stream_, config.window, calls_) {
  if (config.what_if) result_.what_if.emplace();
}

MeasureCalls Replay::calls() {
  MeasureCalls calls;
  calls.prepare = [this](const TraceBatch& first) { prepare(first); };
  calls.play = [this](const TraceBatch& piece) { player_->play(piece); };
  calls.played = [this](const TraceBatch& piece, WindowPart part) {
    if (result_.what_if && part == WindowPart::kMeasured) result_.what_if->add(piece.accesses);
    if (config_.played) config_.played(piece, part);
  };
  calls.measuring = config_.measuring;
  calls.stop = interrupt_requested;
  if (!config_.course) return calls;
  calls.sample = [this](const MachineTotals* since) {
    if (since != nullptr) course_.sample(difference(target_.totals(), *since));
  };
  return calls;
}

ReplayResult Replay::result() {
  result_.run = measurement_.result();
  reader_.end();
  target_.set_mapper(nullptr);
  result_.misses_over_time = course_.slices();
  result_.faults = target_.faults();
  result_.player = player_->stats();
  for (const auto& spaces : own_spaces_) {
    if (spaces) add_mapped(spaces->spaces().counts());
  }
  return std::move(result_);
}

void Replay::add_mapped(const AddressSpaces::Counts& counts) {
  AddressSpaces::Counts& all = result_.mapped ? *result_.mapped : result_.mapped.emplace();
  all.pages_4k += counts.pages_4k;
  all.pages_2m += counts.pages_2m;
  all.pages_1g += counts.pages_1g;
  all.outside_map += counts.outside_map;
  all.tables += counts.tables;
}

/// Makes the address space of a trace that begins with `first`.
void Replay::prepare(const TraceBatch& first) {
  AddressSpaces* spaces = nullptr;
  if (config_.spaces) {
    spaces_ = *config_.spaces;
    leave_room_for_recorded_frames(first);
    own_spaces_.resize(config_.player.guests);
    spaces = &enter_spaces(0);
  }
  if (!config_.player.recorded_tables) check_levels(first, target_.control(), reader_.info().file);
  player_.emplace(target_, spaces, config_.player);
  player_->on_marker(config_.marker);
  player_->on_guest([this](unsigned guest) -> AddressSpaces& { return enter_spaces(guest); });
}

void Replay::leave_room_for_recorded_frames(const TraceBatch& first) {
  const auto is_map = [](const TraceEvent& event) { return event.kind == TraceEventKind::kMap; };
  if (!config_.player.recorded_translations || std::none_of(first.events.begin(), first.events.end(), is_map)) return;
  spaces_.frames.bytes /= 2;
  spaces_.frames.begin += spaces_.frames.bytes;
}

/// Returns the page tables of the guest that the target has entered, or of the machine itself: number 0. They are made at
/// the first call.
AddressSpaces& Replay::enter_spaces(unsigned guest) {
  std::unique_ptr<TouchedSpaces>& own = own_spaces_[guest];
  const bool entered_before = own != nullptr;
  if (!entered_before && config_.shared == nullptr) own = std::make_unique<TouchedSpaces>(target_.memory(), spaces_);
  TouchedSpaces& touched = config_.shared != nullptr ? *config_.shared : *own;
  if (entered_before) {
    target_.set_mapper(&touched);
  } else {
    touched.serve(target_);
  }
  return touched.spaces();
}

ReplayResult replay_trace(TraceReader& reader, Target& target, const ReplayConfig& config) {
  Replay replay(reader, target, config);
  replay.begin();
  target.run([&] {
    replay.warm_up();
    replay.run();
  });
  return replay.result();
}

}  // namespace mmusim
