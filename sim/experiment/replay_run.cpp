// SPDX-License-Identifier: MIT
#include "sim/experiment/replay_run.h"

#include <filesystem>
#include <functional>
#include <optional>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/experiment/core_replays.h"
#include "sim/experiment/core_traces.h"
#include "sim/experiment/per_instruction.h"
#include "sim/experiment/replay_recording.h"
#include "sim/experiment/request_stream.h"
#include "sim/experiment/result_folder.h"
#include "sim/experiment/stopwatch.h"
#include "sim/experiment/trace_file.h"
#include "sim/host/atomic_file.h"
#include "sim/host/text_output.h"
#include "sim/machine/memory_cost.h"
#include "sim/machine/targets.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

std::string name_of_trace(const ReplayOptions& options) {
  const std::string path = first_trace(options);
  if (path == "-") return "stdin";
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.find('.', 1));
}

/// The files that results must not overwrite.
std::vector<std::string> inputs_of(const ReplayOptions& options) {
  std::vector<std::string> files{options.map};
  for (const auto& [core, file] : traces_by_core(options)) files.push_back(file);
  return files;
}

/// JSON text. Names of files may hold any bytes: those that are no UTF-8 become U+FFFD.
std::string text_of(const ordered_json& json) {
  return json.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

RunSummary summary_of(const ReplayOptions& options, const ReplayResult& result, const Target& target,
                      const ReplaySetup& setup) {
  RunSummary s;
  s.command = "replay";
  s.name = name_of_trace(options);
  s.configuration = setup.configuration;
  s.seed = setup.seed;
  s.interrupted = result.run.stopped;
  s.core_ghz = target.core_ghz();
  s.totals = result.run.totals;
  s.counters = result.run.stats;
  s.counter_names = target.counter_names();
  s.misses_over_time = result.misses_over_time;
  PhaseSummary phase;
  phase.stage = phase.name = "replay";
  phase.workload = true;
  phase.timed = options.model == ReplayModel::kCycle;
  phase.end = CycleTime(result.run.totals.cycles);
  phase.machine = result.run.totals;
  if (!result.cores.empty()) phase.cores.resize(setup.platform.cores);
  for (const CoreReplay& core : result.cores) phase.cores[core.core].machine = core.run.totals;
  s.kernel.shootdowns.cpus = phase.kernel.shootdowns.cpus = setup.platform.cores;
  s.phases.push_back(std::move(phase));
  return s;
}

/// One of several traces.
ordered_json core_json(const CoreReplay& core) {
  StatNode totals;
  totals.add(ListedTotals<TotalsList::kTotals>{core.run.totals});
  ordered_json j = {{"core", core.core}, {"trace", core.info.file}, {"format", name_of(core.info.format)}};
  if (core.stream) j["stream"] = *core.stream;
  j.update({{"records", core.run.records},
            {"skipped_accesses", core.run.skipped},
            {"warmup_accesses", core.run.warmup},
            {"measured_accesses", core.run.measured},
            {"faults", core.faults},
            {"totals", to_json(totals)},
            {"per_instruction", PerInstruction(core.run).json()}});
  if (!core.info.notes.empty()) j["notes"] = core.info.notes;
  if (!core.info.damage.empty()) j["damage"] = core.info.damage;
  return j;
}

/// Adds what the summary of a replay has beyond that of a run.
ordered_json replay_json(const ReplayResult& r, const TraceInfo& info) {
  StatNode player;
  player.add(r.player);
  ordered_json j = {{"format", name_of(info.format)},
                    {"compression", info.compression},
                    {"records", r.run.records},
                    {"skipped_accesses", r.run.skipped},
                    {"warmup_accesses", r.run.warmup},
                    {"measured_accesses", r.run.measured},
                    {"faults", r.faults},
                    {"per_instruction", PerInstruction(r.run).json()},
                    {"events", to_json(player)}};
  if (r.mapped) {
    j["mapped"] = {{"pages_4k", r.mapped->pages_4k},
                   {"pages_2m", r.mapped->pages_2m},
                   {"pages_1g", r.mapped->pages_1g},
                   {"tables", r.mapped->tables}};
    if (r.mapped->outside_map != 0) j["mapped"]["pages_outside_map"] = r.mapped->outside_map;
  }
  const SkippedLines& skipped = info.skipped;
  if (skipped.own + skipped.no_address + skipped.foreign != 0) {
    j["skipped_lines"] = {{"own", skipped.own}, {"no_address", skipped.no_address}, {"foreign", skipped.foreign}};
  }
  if (!info.notes.empty()) j["notes"] = info.notes;
  if (!info.damage.empty()) j["damage"] = info.damage;
  if (r.what_if) j["what_if"] = r.what_if->json();
  for (const CoreReplay& core : r.cores) j["cores"].push_back(core_json(core));
  return j;
}

/// The page tables at the end of a replay: of the vmemmap where the kernel's layout is known, else all.
StageTables tables_of(const ReplaySetup& setup, Target& target) {
  const ControlState& control = target.control();
  if (!is_long_mode(control.mode())) throw InputError("--tables: expected page tables of 4 or 5 levels");
  const VirtAddr start = setup.layout ? setup.layout->vmemmap_base() : VirtAddr(0);
  const uint64_t bytes = setup.layout ? setup.layout->vmemmap_bytes() : 0;  // 0: up to the last address
  return {"replay", control.levels(), mm::dump_tables(target.memory(), control.root(), control.levels(), start, bytes)};
}

/// A replay on a given target, with everything it writes.
class ReplayRun {
 public:
  ReplayRun(const ReplayOptions& options, ReplaySetup setup, EventSelection selection)
      : options_(options), selection_(selection), setup_(std::move(setup)) {
    if (!options.write_files) return;
    folder_.emplace(options.out.empty() ? "out/" + path_component(name_of_trace(options)) : options.out,
                    inputs_of(options), options.force);
  }
  ~ReplayRun() {
    if (folder_ && !finished_) folder_->discard();  // nothing half-written stays behind
  }
  ReplayRun(const ReplayRun&) = delete;
  ReplayRun& operator=(const ReplayRun&) = delete;

  /// `play`: replays the trace, or the traces, of the setup.
  ReplayOutcome on(Target& target, const std::function<ReplayResult(ReplaySetup&)>& play) {
    const RecordedJob job{name_of_trace(options_), setup_.configuration, setup_.seed, directory(),
                          /*kernel=*/false};
    Recordings recordings(options_.recordings, selection_, job, setup_.platform, target);
    std::optional<ReplayRecording> recording = open_recording();
    if (setup_.map) target.set_control(setup_.map->build(target.memory(), setup_.platform.processor));
    if (recording) recording->begin(target);
    recordings.phase({CycleTime(0), "replay", "replay"});
    ReplayConfig& config = setup_.traces.empty() ? setup_.config : setup_.traces.front().config;
    config.played = [&](const TraceBatch& piece, WindowPart part) {
      if (recording) recording->played(piece, part);
    };
    config.marker = [&](uint64_t number, std::string_view name) {
      if (recording) recording->marker(number, name);
      recordings.draw_phase({target.now(), name.empty() ? fmt::format("marker {}", number) : name, "replay"});
    };
    ReplayResult result = play(setup_);
    if (recordings.wants_tables()) recordings.tables(tables_of(setup_, target));
    recordings.close(result.run.totals, result.run.stopped, !result.run.stopped);
    if (recording) {
      recording->finish();
      print_losses(options_.recordings.record, recording->losses());
    }
    return finish(std::move(result), target);
  }

 private:
  std::optional<ReplayRecording> open_recording() const {
    const RecordingOptions& o = options_.recordings;
    if (o.record.empty()) return std::nullopt;
    const TraceFormat form = output_format(o.record, o.record_form, std::nullopt, "--record-form");
    const bool page_tables = setup_.tables != Tables::kTouched;
    auto writer = create_trace(o.record, form, {name_of_trace(options_), page_tables, setup_.configuration});
    return ReplayRecording(std::move(writer), /*given_tables=*/setup_.tables == Tables::kMap);
  }

  std::string directory() const { return folder_ ? folder_->path() : ""; }

  ReplayOutcome finish(ReplayResult result, const Target& target) {
    RunSummary summary = summary_of(options_, result, target, setup_);
    ReplayOutcome outcome{std::move(summary), watch_.elapsed(), std::move(result), setup_.first().info(), directory()};
    if (folder_) {
      write_file(folder_->summary(), text_of(summary_document(outcome)));
      folder_->keep();
    }
    finished_ = true;
    return outcome;
  }

  const ReplayOptions& options_;
  EventSelection selection_;
  ReplaySetup setup_;
  std::optional<ResultFolder> folder_;  // none: no files are written
  bool finished_ = false;
  Stopwatch watch_;
};

/// Throws InputError if what is to be written needs records that the functional model does not make.
void check_model(const ReplayOptions& options, const EventSelection& selection) {
  if (options.model != ReplayModel::kFunctional) return;
  const RecordingOptions& o = options.recordings;
  const char* option = !selection.empty() ? "--events" : !o.timeline.empty() ? "--timeline" : "--vcd";
  if (selection.empty() && o.timeline.empty() && o.vcd.empty()) return;
  throw InputError(fmt::format("{}: the functional model has no time and makes no records, use --model cycle", option));
}

void check_memory_for(const ReplayOptions& options, const PlatformConfig& platform) {
  check_host_memory(fmt::format("platform {}", options.platform), cost_of(platform), options.limits.watchdog().memory,
                    "a smaller platform takes less");
}

using MakeRequestStream = std::function<std::unique_ptr<RequestStream>(const PlatformConfig& platform)>;

/// Replays on a machine with time. `make_requests`: what its requests to memory go into, if they are wanted.
ReplayOutcome replay_timed(const ReplayOptions& options, const MakeRequestStream& make_requests) {
  const EventSelection selection = EventSelection::parse(options.recordings.events);
  ReplaySetup setup = set_up_replay(options);
  const PlatformConfig platform = setup.platform;
  const VirtualizationConfig virtualization = setup.virtualization;
  check_memory_for(options, platform);
  const std::unique_ptr<RequestStream> requests = make_requests ? make_requests(platform) : nullptr;
  Simulation simulation;
  MachineOptions machine_options{options.lock_step ? LookAhead::kNone : LookAhead::kPending, options.limits.paranoid};
  machine_options.listener = requests.get();
  machine_options.virtualization = virtualization;
  ReplayRun replay(options, std::move(setup), selection);
  Machine machine("machine", platform, machine_options);
  const WatchedMachine watched(machine);
  const Watchdog watchdog(&watched, options.limits.watchdog());
  TimedTarget target(simulation, machine);
  ReplayOutcome outcome = replay.on(target, [&](ReplaySetup& s) {
    if (requests) s.config.measuring = [&] { requests->begin(machine.now()); };
    return s.traces.empty() ? replay_trace(*s.reader, target, s.config) : replay_on_cores(s, simulation, machine);
  });
  if (requests && !outcome.result.run.stopped) requests->finish();
  return outcome;
}

}  // namespace

ordered_json summary_document(const ReplayOutcome& outcome) {
  ordered_json json = to_json(outcome.summary, outcome.times);
  json["replay"] = replay_json(outcome.result, outcome.info);
  return json;
}

ReplayOutcome replay_functional(const ReplayOptions& options, std::unique_ptr<TraceReader> reader) {
  const EventSelection selection = EventSelection::parse(options.recordings.events);
  check_model(options, selection);
  ReplaySetup setup = set_up_replay(options, std::move(reader));
  const PlatformConfig platform = setup.platform;
  const VirtualizationConfig virtualization = setup.virtualization;
  check_memory_for(options, platform);
  ReplayRun replay(options, std::move(setup), selection);
  FunctionalMachine machine(platform, options.limits.paranoid, virtualization);
  FunctionalTarget target(machine);
  return replay.on(target, [&](ReplaySetup& s) {
    return s.traces.empty() ? replay_trace(*s.reader, target, s.config)
                            : replay_functional_cores(s, options.limits.paranoid);
  });
}

ReplayOutcome replay_one(const ReplayOptions& options) {
  if (options.model == ReplayModel::kCycle) return replay_timed(options, nullptr);
  const Watchdog watchdog(nullptr, options.limits.watchdog());
  return replay_functional(options, nullptr);
}

ReplayOutcome replay_to_requests(const ReplayOptions& options, const std::string& file, RequestForm form) {
  const MakeRequestStream make = [&](const PlatformConfig& platform) {
    const RequestClocks clocks{platform.period_ps, platform.dram.dram.tck_ps, platform.dram.to_memory.count};
    return std::make_unique<RequestStream>(create_sink(file), form, clocks);
  };
  return replay_timed(options, make);
}

}  // namespace mmusim
