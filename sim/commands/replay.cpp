// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/events/event_log.h"
#include "sim/experiment/replay_setup.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/machine/memory_cost.h"
#include "sim/report/units.h"

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
  if (!info.notes.empty()) j["notes"] = info.notes;
  if (!info.damage.empty()) j["damage"] = info.damage;
  if (r.what_if) j["what_if"] = r.what_if->json();
  return j;
}

std::string replay_text(const ReplayResult& r, const TraceInfo& info) {
  const PlayerStats& p = r.player;
  std::string text = fmt::format("{} trace, {} records", name_of(info.format), grouped(r.records));
  text += fmt::format(": {} accesses measured, {} warm-up, {} left out\n", grouped(r.measured), grouped(r.warmup),
                      grouped(r.skipped));
  if (p.entry_writes != 0) {
    text += fmt::format("page tables from the trace: {} entry writes\n", grouped(p.entry_writes));
  }
  if (p.translations != 0) {
    text += fmt::format("recorded translations: {}, {} of them changes; {} checked, {} mismatches\n",
                        grouped(p.translations), grouped(p.changed_translations), grouped(p.checked_translations),
                        grouped(p.translation_mismatches));
  }
  if (p.ignored_translations != 0) {
    text += fmt::format("recorded translations and entries not used with these tables: {}\n",
                        grouped(p.ignored_translations));
  }
  if (p.flushes + p.ignored_flushes != 0) {
    text += fmt::format("recorded TLB invalidations: {} carried out, {} not (--flushes)\n", grouped(p.flushes),
                        grouped(p.ignored_flushes));
  }
  if (p.process_switches != 0) text += fmt::format("changes of address space: {}\n", grouped(p.process_switches));
  if (r.mapped) {
    text += fmt::format("mapped: {} 4 KiB, {} 2 MiB, {} 1 GiB pages by {} tables\n", grouped(r.mapped->pages_4k),
                        grouped(r.mapped->pages_2m), grouped(r.mapped->pages_1g), grouped(r.mapped->tables));
  }
  if (r.what_if) text += "\n" + r.what_if->text();
  return text;
}

void warn(const ReplayResult& r, const TraceInfo& info) {
  if (!info.notes.empty()) fmt::print(stderr, "{}: {}\n", info.file, info.notes);
  if (!info.damage.empty()) fmt::print(stderr, "{} (what is whole before was used)\n", info.damage);
  if (r.faults != 0) fmt::print(stderr, "{}: warning: {} accesses faulted\n", info.file, grouped(r.faults));
  if (r.player.translation_mismatches != 0) {
    fmt::print(stderr, "{}: warning: {} recorded translations were not what the machine used\n", info.file,
               grouped(r.player.translation_mismatches));
  }
  if (r.measured == 0 && !r.interrupted) fmt::print(stderr, "{}: warning: no access was measured\n", info.file);
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
  ExitCode on(ReplayMachine& replay_machine, Machine* machine) {
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
    const ReplayResult result = replay_trace(reader, replay_machine, setup_.config);
    if (events) close(*events, machine->now(), result);
    const RunSummary summary = summary_of(options_, result, replay_machine, setup_.configuration);
    const HostTimes times = elapsed();
    ordered_json json = to_json(summary, times);
    json["replay"] = replay_json(result, reader.info());
    write_file(directory_.summary(), text_of(json));
    directory_.keep();
    fmt::print("{}\n{}", text_report(summary, times), replay_text(result, reader.info()));
    warn(result, reader.info());
    return ExitCode::kSuccess;
  }

 private:
  static void close(EventLog& events, CycleTime end, const ReplayResult& result) {
    std::vector<std::pair<std::string, uint64_t>> totals;
    result.totals.describe(
        [&](std::string_view name, uint64_t value, std::string_view) { totals.emplace_back(name, value); });
    events.close(end, result.interrupted, totals);
  }
  HostTimes elapsed() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_;
    return {wall.count(), static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC};
  }

  const ReplayOptions& options_;
  EventSelection selection_;
  ReplaySetup setup_;
  ResultDirectory directory_;
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

ExitCode run(const ReplayOptions& options) {
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

void add_map_options(CommandLine command, ReplayOptions& o) {
  command
      .add_option("--map", o.map,
                  "Use the page tables that this scenario's kernel builds (its workloads do not run), or those of a "
                  "page-table image")
      .type_name("SCENARIO|IMAGE");
  command.add_option("--variant", o.map_overrides.variant, "Apply one of the variants of --map's scenario");
  command.add_option("--set", o.map_overrides.sets, "Change --map's scenario before it is read; repeatable")
      .type_name("/json/pointer=VALUE")
      .one_at_a_time();
}

/// Page tables on first touch; any of these says that they are wanted.
void add_address_space_options(CommandLine command, ReplayOptions& o) {
  const auto given = [&o, map = command.option("--map")](CommandOption option) {
    option.excludes(map).each([&o](const std::string&) { o.spaces_given = true; });
  };
  given(command
            .add_option("--pages", o.pages,
                        "Pages of a trace that has virtual addresses only: 4K, 2M, 1G, thp or thp:PROBABILITY")
            .capture_default_str());
  given(command.add_option("--levels", o.levels, "Levels of the page tables").one_of({"4", "5"}).capture_default_str());
  given(command
            .add_option("--frames", o.frames,
                        "Order of physical frames: sequential, random, fragmented or fragmented:INDEX")
            .capture_default_str());
  command.add_option("--seed", o.seed, "Seed of everything random")
      .capture_default_str()
      .type_name("N")
      .unsigned_number();
  command.add_choice(
      "--flushes", o.flushes, {{"auto", FlushPolicy::kAuto}, {"all", FlushPolicy::kAll}, {"none", FlushPolicy::kNone}},
      "Recorded TLB invalidations and control-register writes: all or none are carried out; auto: all where "
      "the tables are a kernel's, else those after the first record that tells of address spaces (a "
      "translation, a process, a root table)");
  command.add_flag("--no-pcids", o.no_pcids, "A change of process flushes the TLBs");
}

void add_window_options(CommandLine command, ReplayOptions& o) {
  command.add_option("--skip", o.window.skip, "Leave out so many accesses at first").type_name("N").unsigned_number();
  command.add_option("--warmup", o.window.warmup, "The next so many accesses run but are not counted")
      .type_name("N")
      .unsigned_number();
  command.add_option("--limit", o.window.limit, "Stop after so many counted accesses").type_name("N").unsigned_number();
  command.add_option("--sample", o.sample, "Take the first N of each M accesses").type_name("N:M");
  command.add_option("--roi", o.roi, "Only the phase that a marker of this number or name opens").type_name("NAME");
}

}  // namespace

void add_replay_command(CommandLine app, Action& action) {
  auto options = std::make_shared<ReplayOptions>();
  ReplayOptions& o = *options;
  CommandLine command = app.add_subcommand("replay", "Drive the machine with recorded accesses");
  command.add_option("trace", o.trace, "Access trace or event log; - is standard input").required();
  command
      .add_option("--platform", o.platform,
                  "Name of a shipped platform (see presets), or a file; if missing, that of --map's scenario or of the "
                  "run that the trace was recorded from, else milan")
      .type_name("NAME|FILE");
  add_core_option(command, o.core);
  command.add_option("--format", o.format,
                     "Form of the trace instead of finding it by content: " + trace_format_names());
  command.add_option("--out", o.out, "Where summary and event log go; out/NAME if missing").type_name("DIR");
  add_map_options(command, o);
  add_address_space_options(command, o);
  add_window_options(command, o);
  command.add_choice("--model", o.model, {{"cycle", ReplayModel::kCycle}, {"functional", ReplayModel::kFunctional}},
                     "cycle, or functional: the same hits, misses and walks without time, faster");
  command.add_flag("--what-if", o.what_if, "Also count the misses of many TLB geometries");
  command.add_option("--events", o.events, "What the event log holds: none, or some of walks,accesses,all")
      .capture_default_str();
  command.add_flag("--no-fetches", o.no_fetches, "Instruction fetches take one cycle and no part in translation");
  command.add_flag("--salvage", o.salvage, "Take what is whole of a damaged trace");
  command.add_flag("--lock-step", o.lock_step, "Never run ahead of other processes: slower, same result");
  add_host_limit_options(command, o.limits);
  command.footer(
      "Examples:\n"
      "  mmusim replay traces/ops-512m-4l.vmt.xz --platform textbook --pages 2M\n"
      "  mmusim replay big-8g-4l.vmt.xz --roi 2 --what-if --model functional\n"
      "  mmusim replay bootinit-512m-4l.vmt.xz --map boot-base-vs-huge --variant hugepages\n"
      "  mmusim run boot-base-vs-huge --record boot.mmt.zst && mmusim replay boot.mmt.zst\n"
      "  valgrind --tool=lackey --trace-mem=yes --log-fd=9 ls 9>&1 >/dev/null | mmusim replay -");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
