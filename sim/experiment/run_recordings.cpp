// SPDX-License-Identifier: MIT
#include "sim/experiment/run_recordings.h"

#include <cstdio>

#include "models/base/format.h"
#include "sim/experiment/trace_file.h"

namespace mmusim {

namespace {

template <class T>
T* address_of(std::optional<T>& value) {
  return value ? &*value : nullptr;
}

std::vector<std::pair<std::string, uint64_t>> totals_of(const MachineTotals& totals) {
  std::vector<std::pair<std::string, uint64_t>> list;
  totals.describe([&](std::string_view name, uint64_t value, std::string_view) { list.emplace_back(name, value); });
  return list;
}

}  // namespace

RunRecordings::RunRecordings(const RecordingOptions& options, const EventSelection& selection, const Scenario& scenario,
                             const PlatformConfig& platform, const std::string& directory, MachineHost& host)
    : options_(options), host_(host) {
  if (!selection.empty()) {
    const bool page_tables = selection.has(EventCategory::kAccesses) && selection.has(EventCategory::kEntryWrites);
    events_.emplace(directory + "/events.jsonl.zst", selection,
                    EventLogHeader{MMUSIM_VERSION, scenario.effective, scenario.seed, options.events, page_tables});
  }
  if (!options.timeline.empty()) open_timeline();
  if (!options.vcd.empty()) open_signals(platform);
  if (timeline_ || signals_) {
    dram_tracks_.emplace(platform.dram.dram, platform.period_ps, address_of(timeline_), address_of(signals_));
    host.machine().observe_dram(&*dram_tracks_);
  }
  if (!options.tables.empty()) tables_.emplace(options.tables, scenario.name);
  if (!options.record.empty()) {
    const TraceFormat form = output_format(options.record, options.record_form, std::nullopt, "--form");
    recorder_.emplace(create_trace(options.record, form, {scenario.name, /*page_tables=*/true, scenario.effective}));
  }
  attach();
}

void RunRecordings::open_timeline() {
  TimelineConfig config;
  config.core_ghz = host_.core_ghz();
  config.begin = CycleTime(options_.timeline_begin);
  config.end = CycleTime(options_.timeline_end);
  timeline_.emplace(options_.timeline, config);
}

void RunRecordings::open_signals(const PlatformConfig& platform) {
  SignalTraceConfig config;
  config.signals = SignalSelection::parse(options_.vcd_signals);
  config.period_ps = platform.period_ps;
  config.begin = CycleTime(options_.timeline_begin);
  config.end = CycleTime(options_.timeline_end);
  signals_.emplace(options_.vcd, config);
}

void RunRecordings::attach() {
  const bool accesses = (events_ && events_->wants(EventCategory::kAccesses)) || timeline_ ||
                        (signals_ && signals_->wants(SignalGroup::kMisses));
  if (events_ && (accesses || events_->wants(EventCategory::kWalks))) sinks_.add(*events_);
  if (timeline_) sinks_.add(*timeline_);
  if (signals_) sinks_.add(*signals_);
  if (!sinks_.empty()) host_.set_sink(&sinks_, accesses);

  if (events_ && events_->wants(EventCategory::kEntryWrites)) {
    activity_.add(activity_log_.emplace(*events_, [this] { return host_.stamp(); }));
  }
  if (recorder_) activity_.add(*recorder_);
  if (!activity_.empty()) host_.set_activity(&activity_);
}

RunOutputs RunRecordings::outputs() {
  RunOutputs outputs;
  outputs.events = address_of(events_);
  outputs.timeline = address_of(timeline_);
  outputs.signals = address_of(signals_);
  outputs.tables = address_of(tables_);
  outputs.recorder = address_of(recorder_);
  return outputs;
}

void RunRecordings::close(const RunResult& result) {
  const CycleTime end = host_.stamp().cycle;
  if (events_) events_->close(end, result.summary.interrupted, totals_of(result.summary.totals));
  if (timeline_) timeline_->close(end);
  if (signals_) signals_->close(end);
  if (recorder_) {
    recorder_->finish();
    for (const std::string& loss : recorder_->losses()) fmt::print(stderr, "{}: dropped: {}\n", options_.record, loss);
  }
  const bool complete = result.failure.empty() && !result.summary.interrupted;
  if (tables_ && complete) tables_->close();
}

}  // namespace mmusim
