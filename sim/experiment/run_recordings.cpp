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
  totals.describe_all([&](TotalsList which, std::string_view name, const auto& value, const char*) {
    if constexpr (std::integral<std::remove_cvref_t<decltype(value)>>) {
      if (which == TotalsList::kTotals) list.emplace_back(name, value);
    }
  });
  return list;
}

}  // namespace

RunRecordings::RunRecordings(const RecordingOptions& options, const EventSelection& selection, const Scenario& scenario,
                             const PlatformConfig& platform, const std::string& directory, MachineHost& host)
    : options_(options), host_(host) {
  if (!selection.empty()) {
    const bool page_tables = selection.has(EventCategory::kAccesses) && selection.has(EventCategory::kEntryWrites);
    events_.emplace(directory + "/events.jsonl.zst", selection,
                    EventLogHeader{MMUSIM_VERSION, scenario.effective, scenario.seed, options.events, page_tables},
                    [&host] { return host.stamp(); });
  }
  if (!options.timeline.empty()) open_timeline();
  if (!options.vcd.empty()) open_signals(platform);
  if (timeline_ || signals_) {
    dram_tracks_.emplace(platform.dram.dram, platform.period_ps, address_of(timeline_), address_of(signals_));
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
  Machine& machine = host_.machine();
  if (events_) machine.observe(*events_);
  if (timeline_) machine.observe(*timeline_);
  if (signals_) machine.observe(*signals_);
  if (dram_tracks_) machine.observe(*dram_tracks_);
  if (recorder_) machine.observe(*recorder_);
}

void RunRecordings::phase(const PhaseEvent& event) {
  if (events_) events_->phase(event);
  if (timeline_) timeline_->phase(event);
  if (signals_) signals_->phase(event);
  if (recorder_) recorder_->phase(event);
}

RunOutputs RunRecordings::outputs() {
  RunOutputs outputs;
  outputs.events = address_of(events_);
  outputs.timeline = address_of(timeline_);
  if (recorder_) outputs.kernel = &recorder_->kernel();
  outputs.phase = [this](const PhaseEvent& event) { phase(event); };
  if (tables_) outputs.tables = [this](StageTables&& tables) { tables_->stage(tables); };
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
