// SPDX-License-Identifier: MIT
#include "sim/experiment/replay_run.h"

#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/events/event_log.h"
#include "sim/experiment/stopwatch.h"
#include "sim/host/atomic_file.h"
#include "sim/machine/memory_cost.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

/// The directory of results. Without keep() it goes again if it was made here: nothing half-written stays behind.
class ResultDirectory {
 public:
  explicit ResultDirectory(const std::string& path)
      : path_(path), existed_(std::filesystem::exists(path)), lock_(path) {}
  ~ResultDirectory() {
    std::error_code ignored;
    if (kept_) return;
    std::filesystem::remove(events(), ignored);
    if (!existed_) std::filesystem::remove(path_, ignored);
  }
  ResultDirectory(const ResultDirectory&) = delete;
  ResultDirectory& operator=(const ResultDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string events() const { return path_ + "/events.jsonl.zst"; }
  std::string summary() const { return path_ + "/summary.json"; }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool existed_;
  OutputDirectory lock_;
  bool kept_ = false;
};

std::string name_of_trace(const std::string& path) {
  if (path == "-") return "stdin";
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.find('.', 1));
}

/// JSON text. Names of files may hold any bytes: those that are no UTF-8 become U+FFFD.
std::string text_of(const ordered_json& json) {
  return json.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

RunSummary summary_of(const ReplayOptions& options, const ReplayResult& result, const ReplayMachine& machine,
                      const std::string& configuration) {
  RunSummary s;
  s.command = "replay";
  s.name = name_of_trace(options.trace);
  s.configuration = configuration;
  s.seed = options.seed;
  s.interrupted = result.interrupted;
  s.core_ghz = machine.core_ghz();
  s.totals = result.totals;
  s.counters = result.counters;
  s.counter_names = machine.counter_names();
  s.misses_over_time = result.misses_over_time;
  PhaseSummary phase;
  phase.stage = phase.name = "replay";
  phase.workload = true;
  phase.timed = options.model == ReplayModel::kCycle;
  phase.end = CycleTime(result.totals.cycles);
  phase.machine = result.totals;
  s.phases.push_back(std::move(phase));
  return s;
}

/// What the summary of a replay has beyond that of a run.
ordered_json replay_json(const ReplayResult& r, const TraceInfo& info) {
  StatNode player;
  player.add(r.player);
  ordered_json j = {{"format", name_of(info.format)},
                    {"compression", info.compression},
                    {"records", r.records},
                    {"skipped_accesses", r.skipped},
                    {"warmup_accesses", r.warmup},
                    {"measured_accesses", r.measured},
                    {"faults", r.faults},
                    {"events", to_json(player)}};
  if (r.mapped) {
    j["mapped"] = {{"pages_4k", r.mapped->pages_4k},
                   {"pages_2m", r.mapped->pages_2m},
                   {"pages_1g", r.mapped->pages_1g},
                   {"tables", r.mapped->tables}};
  }
  const SkippedLines& skipped = info.skipped;
  if (skipped.own + skipped.no_address + skipped.foreign != 0) {
    j["skipped_lines"] = {{"own", skipped.own}, {"no_address", skipped.no_address}, {"foreign", skipped.foreign}};
  }
  if (!info.notes.empty()) j["notes"] = info.notes;
  if (!info.damage.empty()) j["damage"] = info.damage;
  if (r.what_if) j["what_if"] = r.what_if->json();
  return j;
}

/// A replay on a given machine, with everything it writes.
class ReplayRun {
 public:
  ReplayRun(const ReplayOptions& options, ReplaySetup setup, EventSelection selection)
      : options_(options),
        selection_(selection),
        setup_(std::move(setup)),
        directory_(options.out.empty() ? "out/" + name_of_trace(options.trace) : options.out) {}

  /// `machine` is nullptr for the functional model, which makes no records.
  ReplayOutcome on(ReplayMachine& replay_machine, Machine* machine) {
    TraceReader& reader = *setup_.reader;
    if (setup_.map) {
      replay_machine.set_control(setup_.map->build(replay_machine.memory(), setup_.platform.processor));
    }
    std::optional<EventLog> events;
    if (!selection_.empty()) {
      events.emplace(directory_.events(), selection_,
                     EventLogHeader{MMUSIM_VERSION, setup_.configuration, options_.seed, options_.events});
      events->phase({CycleTime(0), "replay", "replay"});
      machine->set_sink(&*events, events->wants(EventCategory::kAccesses));
    }
    ReplayResult result = replay_trace(reader, replay_machine, setup_.config);
    if (events) close(*events, machine->now(), result);
    RunSummary summary = summary_of(options_, result, replay_machine, setup_.configuration);
    const HostTimes times = watch_.elapsed();
    ordered_json json = to_json(summary, times);
    json["replay"] = replay_json(result, reader.info());
    write_file(directory_.summary(), text_of(json));
    directory_.keep();
    return {std::move(summary), times, std::move(result), reader.info(), directory_.path()};
  }

 private:
  static void close(EventLog& events, CycleTime end, const ReplayResult& result) {
    std::vector<std::pair<std::string, uint64_t>> totals;
    result.totals.describe(
        [&](std::string_view name, uint64_t value, std::string_view) { totals.emplace_back(name, value); });
    events.close(end, result.interrupted, totals);
  }
  const ReplayOptions& options_;
  EventSelection selection_;
  ReplaySetup setup_;
  ResultDirectory directory_;
  Stopwatch watch_;
};

}  // namespace

ReplayOutcome replay_one(const ReplayOptions& options) {
  const EventSelection selection = EventSelection::parse(options.events);
  if (!selection.empty() && options.model == ReplayModel::kFunctional) {
    throw InputError("--events: the functional model has no time and makes no records, use --model cycle");
  }
  const WatchdogLimits limits = options.limits.watchdog();
  ReplaySetup setup = set_up_replay(options);
  const PlatformConfig platform = setup.platform;
  check_host_memory(fmt::format("platform {}", options.platform), cost_of(platform), limits.memory,
                    "a smaller platform takes less");
  ReplayRun replay(options, std::move(setup), selection);
  if (options.model == ReplayModel::kFunctional) {
    FunctionalMachine machine(platform);
    std::optional<ShadowWalk> shadow;
    if (options.limits.paranoid) machine.set_shadow(&shadow.emplace(machine.memory(), 1));
    const Watchdog watchdog(nullptr, limits);
    FunctionalReplayMachine replay_machine(machine);
    return replay.on(replay_machine, nullptr);
  }
  Machine machine(platform, {options.lock_step ? LookAhead::kNone : LookAhead::kPending, options.limits.paranoid});
  const WatchedMachine watched(machine);
  const Watchdog watchdog(&watched, limits);
  TimedReplayMachine replay_machine(machine);
  return replay.on(replay_machine, &machine);
}

}  // namespace mmusim
