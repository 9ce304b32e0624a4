// SPDX-License-Identifier: MIT
#include "sim/trace/trace_window.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

/// "5000" or "100M" (accesses; K, M and G are powers of ten), or "100Mi" (instructions).
TraceLength parse_length(const std::string& text, std::string_view option) {
  std::string_view rest = text;
  TraceLength length;
  bool good = scan::decimal(rest, length.count);
  for (const auto& [letter, factor] : {std::pair("K", uint64_t{1000}), {"M", 1'000'000}, {"G", 1'000'000'000}}) {
    if (!scan::literal(rest, letter)) continue;
    good = good && !__builtin_mul_overflow(length.count, factor, &length.count);
    break;
  }
  length.instructions = scan::literal(rest, "i");
  if (good && rest.empty()) return length;
  throw InputError(
      fmt::format("{}: got \"{}\", expected accesses (5000, 100M) or instructions (5000i, 100Mi)", option, text));
}

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

}  // namespace

TraceWindowConfig read_trace_window(const TraceWindowText& text) {
  TraceWindowConfig config;
  if (!text.roi.empty()) config.roi = text.roi;
  if (!text.skip.empty()) config.skip = parse_length(text.skip, "--skip");
  if (!text.sample.empty()) parse_sample(text.sample, config);
  if (!text.warmup.empty()) config.warmup = parse_length(text.warmup, "--warmup");
  if (!text.limit.empty()) config.limit = parse_length(text.limit, "--limit");
  return config;
}

std::string text_of(const TraceLength& length) {
  return std::to_string(length.count) + (length.instructions ? "i" : "");
}

TraceWindow::TraceWindow(AccessStream& stream, TraceWindowConfig config)
    : stream_(stream),
      config_(std::move(config)),
      skip_left_(config_.skip.count),
      warmup_left_(config_.warmup.count),
      limit_left_(config_.limit ? config_.limit->count : std::numeric_limits<uint64_t>::max()),
      counts_instructions_(config_.count_instructions || config_.skip.instructions || config_.warmup.instructions ||
                           (config_.limit && config_.limit->instructions)) {}

/// Returns how many accesses from `at` on, at most `longest`, belong to a length of which `left` is left, and takes
/// them off it.
uint64_t TraceWindow::take(size_t at, uint64_t longest, const TraceLength& length, uint64_t& left) {
  if (!length.instructions) {
    const uint64_t taken = std::min(longest, left);
    left -= taken;
    return taken;
  }
  InstructionCount ahead = instruction_count_;
  uint64_t taken = 0;
  while (taken < longest && left != 0) left -= std::min<uint64_t>(left, ahead.add(input_.accesses[at + taken++]));
  return taken;
}

void TraceWindow::count_instructions(size_t at, const Run& run) {
  if (!counts_instructions_) return;
  uint64_t count = 0;
  for (size_t i = at; i < at + run.accesses; ++i) count += instruction_count_.add(input_.accesses[i]);
  last_counts_ = run.part == WindowPart::kMeasured;
  if (last_counts_) instructions_ += count;
}

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
  if (skip_left_ != 0) return {WindowPart::kSkipped, take(at, longest, config_.skip, skip_left_)};
  if (config_.sample_period != 0) {
    const uint64_t phase = sample_position_ % config_.sample_period;
    const bool taken = phase < config_.sample_take;
    longest = std::min(longest, (taken ? config_.sample_take : config_.sample_period) - phase);
    if (!taken) {
      sample_position_ += longest;
      return {WindowPart::kSkipped, longest};
    }
  }
  Run run{WindowPart::kMeasured, longest};
  if (warmup_left_ != 0) {
    run = {WindowPart::kWarmup, take(at, longest, config_.warmup, warmup_left_)};
  } else if (config_.limit) {
    run.accesses = take(at, longest, *config_.limit, limit_left_);
  }
  sample_position_ += run.accesses;
  return run;
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
  if (config_.limit && limit_left_ == 0) return false;
  if (!input_valid_) {
    if (!stream_.next(input_)) {
      if (last_counts_) instructions_ += instruction_count_.finish();
      batch.clear();
      return false;
    }
    input_valid_ = true;
    next_access_ = next_event_ = marker_event_ = 0;
  }
  const size_t size = input_.accesses.size();
  const bool whole = !config_.roi && config_.sample_period == 0 && next_access_ == 0 && skip_left_ == 0 &&
                     warmup_left_ == 0 && (!config_.limit || (!config_.limit->instructions && limit_left_ >= size));
  if (whole) {  // nothing to cut: hand the batch over as it is
    part = WindowPart::kMeasured;
    measured_ += size;
    if (config_.limit) limit_left_ -= size;
    count_instructions(0, {part, size});
    std::swap(batch, input_);
    input_valid_ = false;
    return true;
  }
  const Run run = next_run(next_access_);
  part = run.part;
  count_instructions(next_access_, run);
  (part == WindowPart::kSkipped ? skipped_ : part == WindowPart::kWarmup ? warmed_up_ : measured_) += run.accesses;
  copy_out(batch, run);
  if (config_.roi && !input_valid_) follow_markers(std::numeric_limits<size_t>::max());
  return true;
}

}  // namespace mmusim
