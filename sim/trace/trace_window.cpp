// SPDX-License-Identifier: MIT
#include "sim/trace/trace_window.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

void parse_sample(std::string_view text, TraceWindowConfig& config) {
  std::string_view rest = text;
  uint64_t take = 0;
  uint64_t period = 0;
  const bool whole =
      scan::decimal(rest, take) && scan::literal(rest, ":") && scan::decimal(rest, period) && rest.empty();
  if (!whole || take == 0 || take > period) {
    throw InputError(fmt::format("--sample: got \"{}\", expected N:M with 1 <= N <= M", text));
  }
  config.sample_take = take;
  config.sample_period = period;
}

TraceWindow::TraceWindow(AccessStream& stream, TraceWindowConfig config)
    : stream_(stream), config_(std::move(config)) {}

/// Takes note of the markers before access `at`. Only called when a region was asked for.
void TraceWindow::follow_markers(size_t at) {
  for (; marker_event_ < input_.events.size() && input_.events[marker_event_].before <= at; ++marker_event_) {
    const TraceEvent& event = input_.events[marker_event_];
    if (event.kind != TraceEventKind::kMarker) continue;
    in_roi_ = std::to_string(event.value) == *config_.roi ||
              (event.text != 0 && input_.texts[event.text - 1] == *config_.roi);
  }
}

/// The longest run from access `at` on that counts alike.
TraceWindow::Run TraceWindow::next_run(size_t at) {
  uint64_t longest = input_.accesses.size() - at;
  if (config_.roi) {
    follow_markers(at);
    for (size_t i = marker_event_; i < input_.events.size(); ++i) {
      if (input_.events[i].kind != TraceEventKind::kMarker) continue;
      longest = std::min<uint64_t>(longest, input_.events[i].before - at);
      break;
    }
    if (!in_roi_) return {WindowPart::kSkipped, longest};
  }
  if (region_position_ < config_.skip) {
    longest = std::min(longest, config_.skip - region_position_);
    region_position_ += longest;
    return {WindowPart::kSkipped, longest};
  }
  if (config_.sample_period != 0) {
    const uint64_t phase = (region_position_ - config_.skip) % config_.sample_period;
    const bool taken = phase < config_.sample_take;
    longest = std::min(longest, (taken ? config_.sample_take : config_.sample_period) - phase);
    if (!taken) {
      region_position_ += longest;
      return {WindowPart::kSkipped, longest};
    }
  }
  WindowPart part = WindowPart::kMeasured;
  if (warmed_up_ < config_.warmup) {
    part = WindowPart::kWarmup;
    longest = std::min(longest, config_.warmup - warmed_up_);
  } else if (config_.limit) {
    longest = std::min(longest, *config_.limit - measured_);
  }
  region_position_ += longest;
  return {part, longest};
}

void TraceWindow::copy_out(TraceBatch& batch, const Run& run) {
  const size_t end = next_access_ + run.accesses;
  batch.clear();
  batch.first_record = input_.first_record;
  if (run.part != WindowPart::kSkipped) {
    const auto offset = [](size_t n) { return static_cast<std::ptrdiff_t>(n); };
    batch.accesses.assign(input_.accesses.begin() + offset(next_access_), input_.accesses.begin() + offset(end));
    if (!input_.pcs.empty()) {
      batch.pcs.assign(input_.pcs.begin() + offset(next_access_), input_.pcs.begin() + offset(end));
    }
  }
  const bool last = end == input_.accesses.size();
  for (; next_event_ < input_.events.size() && (last || input_.events[next_event_].before < end); ++next_event_) {
    TraceEvent event = input_.events[next_event_];
    event.before = run.part == WindowPart::kSkipped ? 0 : event.before - static_cast<uint32_t>(next_access_);
    if (event.text != 0) {
      batch.texts.push_back(input_.texts[event.text - 1]);
      event.text = static_cast<uint32_t>(batch.texts.size());
    }
    batch.events.push_back(event);
  }
  next_access_ = end;
  if (last) {
    batch.records = input_.records;
    input_valid_ = false;
  }
}

bool TraceWindow::next(TraceBatch& batch, WindowPart& part) {
  if (config_.limit && measured_ >= *config_.limit) return false;
  if (!input_valid_) {
    if (!stream_.next(input_)) {
      batch.clear();
      return false;
    }
    input_valid_ = true;
    next_access_ = next_event_ = marker_event_ = 0;
  }
  const bool whole = !config_.roi && config_.sample_period == 0 && next_access_ == 0 &&
                     region_position_ >= config_.skip && warmed_up_ >= config_.warmup &&
                     (!config_.limit || *config_.limit - measured_ >= input_.accesses.size());
  if (whole) {  // nothing to cut: hand the batch over as it is
    part = WindowPart::kMeasured;
    measured_ += input_.accesses.size();
    region_position_ += input_.accesses.size();
    std::swap(batch, input_);
    input_valid_ = false;
    return true;
  }
  const Run run = next_run(next_access_);
  part = run.part;
  (part == WindowPart::kSkipped ? skipped_ : part == WindowPart::kWarmup ? warmed_up_ : measured_) += run.accesses;
  copy_out(batch, run);
  if (config_.roi && !input_valid_) follow_markers(std::numeric_limits<size_t>::max());
  return true;
}

}  // namespace mmusim
