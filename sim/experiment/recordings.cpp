// SPDX-License-Identifier: MIT
#include "sim/experiment/recordings.h"

#include "models/base/format.h"
#include "sim/experiment/trace_file.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

template <class T>
T* address_of(std::optional<T>& value) {
  return value ? &*value : nullptr;
}

std::vector<std::pair<std::string, uint64_t>> list_of(const MachineTotals& totals) {
  std::vector<std::pair<std::string, uint64_t>> list;
  totals.describe_all([&](TotalsList which, std::string_view name, const auto& value, const char*) {
    if constexpr (std::integral<std::remove_cvref_t<decltype(value)>>) {
      if (which == TotalsList::kTotals) list.emplace_back(name, value);
    }
  });
  return list;
}

}  // namespace

Recordings::Recordings(const RecordingOptions& options, const EventSelection& selection, const RecordedJob& job,
                       const PlatformConfig& platform, Target& target)
    : options_(options), target_(target) {
  if (!selection.empty()) {
    EventLogHeader header{MMUSIM_VERSION, job.configuration, job.seed, options.events};
    header.page_tables =
        job.kernel && selection.has(EventCategory::kAccesses) && selection.has(EventCategory::kEntryWrites);
    const EventClock clock = [&target] { return stamp_of(target); };
    events_.emplace(job.directory + "/events.jsonl.zst", selection, header, job.kernel ? clock : EventClock());
  }
  if (!options.timeline.empty()) open_timeline();
  if (!options.vcd.empty()) open_signals(platform);
  if (timeline_ || signals_) {
    dram_tracks_.emplace(platform.dram.dram, platform.period_ps, address_of(timeline_), address_of(signals_));
  }
  if (!options.tables.empty()) tables_.emplace(options.tables, job.name);
  if (!options.record.empty() && job.kernel) {
    const TraceFormat form = output_format(options.record, options.record_form, std::nullopt, "--form");
    recorder_.emplace(create_trace(options.record, form, {job.name, /*page_tables=*/true, job.configuration}));
  }
  attach();
}

void Recordings::open_timeline() {
  TimelineConfig config;
  config.core_ghz = target_.core_ghz();
  config.begin = CycleTime(options_.timeline_begin);
  config.end = CycleTime(options_.timeline_end);
  timeline_.emplace(options_.timeline, config);
}

void Recordings::open_signals(const PlatformConfig& platform) {
  SignalTraceConfig config;
  config.signals = SignalSelection::parse(options_.vcd_signals);
  config.period_ps = platform.period_ps;
  config.begin = CycleTime(options_.timeline_begin);
  config.end = CycleTime(options_.timeline_end);
  signals_.emplace(options_.vcd, config);
}

void Recordings::attach() {
  if (events_) target_.observe(*events_);
  if (timeline_) target_.observe(*timeline_);
  if (signals_) target_.observe(*signals_);
  if (dram_tracks_) target_.observe(*dram_tracks_);
  if (recorder_) target_.observe(*recorder_);
}

void Recordings::phase(const PhaseEvent& event) {
  if (events_) events_->phase(event);
  draw_phase(event);
  if (recorder_) recorder_->phase(event);
}

void Recordings::draw_phase(const PhaseEvent& event) {
  if (timeline_) timeline_->phase(event);
  if (signals_) signals_->phase(event);
}

void Recordings::tables(const StageTables& tables) {
  if (tables_) tables_->stage(tables);
}

RunOutputs Recordings::outputs() {
  RunOutputs outputs;
  outputs.events = address_of(events_);
  outputs.timeline = address_of(timeline_);
  if (recorder_) outputs.kernel = &recorder_->kernel();
  outputs.phase = [this](const PhaseEvent& event) { phase(event); };
  if (tables_) outputs.tables = [this](StageTables&& stage) { tables(stage); };
  return outputs;
}

void Recordings::close(const MachineTotals& totals, bool interrupted, bool complete) {
  const CycleTime end = target_.now();
  if (events_) events_->close(end, interrupted, list_of(totals));
  if (timeline_) timeline_->close(end);
  if (signals_) {
    signals_->close(end);
    print_losses(options_.vcd, signals_->losses());
  }
  if (recorder_) {
    recorder_->finish();
    print_losses(options_.record, recorder_->losses());
  }
  if (tables_ && complete) tables_->close();
}

void print_losses(const std::string& file, const std::vector<std::string>& losses) {
  for (const std::string& loss : losses) print_error(fmt::format("{}: dropped: {}\n", file, loss));
}

}  // namespace mmusim
