// SPDX-License-Identifier: MIT
#include "sim/replay/replay.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "sim/commands/commands.h"
#include "sim/data_dir.h"
#include "sim/output/atomic_file.h"
#include "sim/output/event_log.h"
#include "sim/output/signals.h"
#include "sim/output/units.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

enum class ReplayModel { kCycle, kFunctional };

struct Options {
  std::string trace;
  std::string platform = "milan";
  std::string format;
  std::string out;
  std::string pages = "4K";
  unsigned levels = 4;
  std::string frames = "sequential";
  uint64_t seed = 1;
  TraceWindowConfig window;
  std::string sample;
  std::string roi;
  ReplayModel model = ReplayModel::kCycle;
  FlushPolicy flushes = FlushPolicy::kAuto;
  std::string events = "none";
  bool what_if = false;
  bool salvage = false;
  bool no_fetches = false;
  bool no_pcids = false;
  bool lock_step = false;
};

/// The directory of results. Without keep() it goes again if it was made here: nothing half-written stays behind.
class ResultDirectory {
 public:
  explicit ResultDirectory(const std::string& path) : path_(path), existed_(std::filesystem::exists(path)) {
    make_directory(path);
  }
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
  bool kept_ = false;
};

std::string name_of_trace(const std::string& path) {
  if (path == "-") return "stdin";
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.find('.', 1));
}

TraceOptions trace_options(const Options& options) {
  TraceOptions t;
  if (!options.format.empty()) {
    t.format = trace_format_of(options.format);
    if (!t.format) {
      throw InputError(
          fmt::format("--format: unknown form \"{}\", expected one of {}", options.format, trace_format_names()));
    }
  }
  t.keep_fetches = !options.no_fetches;
  t.salvage = options.salvage;
  t.stop = interrupt_requested;
  return t;
}

ReplayConfig replay_config(const Options& options, const PlatformConfig& platform) {
  ReplayConfig c;
  c.window = options.window;
  if (!options.sample.empty()) parse_sample(options.sample, c.window);
  if (!options.roi.empty()) c.window.roi = options.roi;
  c.player.flushes = options.flushes;
  c.player.pcids = !options.no_pcids;
  AddressSpaceConfig spaces;
  spaces.levels = options.levels;
  parse_page_policy(options.pages, spaces);
  parse_frame_order(options.frames, spaces.frames);
  spaces.frames.seed = options.seed;
  c.player.recorded_translations = spaces.pages == MappingPolicy::k4K;
  c.spaces = fitted(spaces, platform);
  c.what_if = options.what_if;
  return c;
}

/// Everything that decides the result, for summary and event log.
ordered_json configuration_of(const Options& options, const TraceInfo& info) {
  const TraceWindowConfig& w = options.window;
  ordered_json window = {{"skip", w.skip}, {"warmup", w.warmup}};
  if (w.limit) window["limit"] = *w.limit;
  if (!options.sample.empty()) window["sample"] = options.sample;
  if (!options.roi.empty()) window["roi"] = options.roi;
  constexpr const char* kFlushes[] = {"auto", "all", "none"};
  return {{"trace", info.file},
          {"format", name_of(info.format)},
          {"model", options.model == ReplayModel::kCycle ? "cycle" : "functional"},
          {"pages", options.pages},
          {"levels", options.levels},
          {"frames", options.frames},
          {"seed", options.seed},
          {"window", std::move(window)},
          {"fetches", !options.no_fetches},
          {"flushes", kFlushes[static_cast<unsigned>(options.flushes)]},
          {"pcids", !options.no_pcids},
          {"platform", parse_json_file(find_config("platforms", options.platform))}};
}

RunSummary summary_of(const Options& options, const ReplayResult& result, const ReplayMachine& machine,
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
  if (p.translations != 0) {
    text += fmt::format("recorded translations: {}, {} of them changes; {} checked, {} mismatches\n",
                        grouped(p.translations), grouped(p.changed_translations), grouped(p.checked_translations),
                        grouped(p.translation_mismatches));
  }
  if (p.ignored_translations != 0) {
    text += fmt::format("recorded translations not used with these pages: {}\n", grouped(p.ignored_translations));
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
  ReplayRun(const Options& options, const PlatformConfig& platform, EventSelection selection)
      : options_(options),
        selection_(selection),
        config_(replay_config(options, platform)),
        reader_(open_trace(options.trace, trace_options(options))),
        configuration_(configuration_of(options, reader_->info()).dump()),
        directory_(options.out.empty() ? "out/" + name_of_trace(options.trace) : options.out) {}

  /// `machine` is nullptr for the functional model, which makes no records.
  ExitCode on(ReplayMachine& replay_machine, Machine* machine) {
    std::optional<EventLog> events;
    if (!selection_.empty()) {
      events.emplace(directory_.events(), selection_,
                     EventLogHeader{MMUSIM_VERSION, configuration_, options_.seed, options_.events});
      events->phase({CycleTime(0), "replay", "replay"});
      machine->set_sink(&*events, events->wants(EventCategory::kAccesses));
    }
    const ReplayResult result = replay_trace(*reader_, replay_machine, config_);
    if (events) close(*events, machine->now(), result);
    const RunSummary summary = summary_of(options_, result, replay_machine, configuration_);
    const HostTimes times = elapsed();
    ordered_json json = to_json(summary, times);
    json["replay"] = replay_json(result, reader_->info());
    write_file(directory_.summary(), json.dump(1) + "\n");
    directory_.keep();
    fmt::print("{}\n{}", text_report(summary, times), replay_text(result, reader_->info()));
    warn(result, reader_->info());
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

  const Options& options_;
  EventSelection selection_;
  ReplayConfig config_;
  std::unique_ptr<TraceReader> reader_;
  std::string configuration_;
  ResultDirectory directory_;
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

ExitCode run(const Options& options) {
  const EventSelection selection = EventSelection::parse(options.events);
  if (!selection.empty() && options.model == ReplayModel::kFunctional) {
    throw InputError("--events: the functional model has no time and makes no records, use --model cycle");
  }
  const PlatformConfig platform = load_platform(options.platform);
  ReplayRun replay(options, platform, selection);
  if (options.model == ReplayModel::kFunctional) {
    FunctionalMachine machine(platform);
    FunctionalReplayMachine replay_machine(machine);
    return replay.on(replay_machine, nullptr);
  }
  Machine machine(platform, {options.lock_step ? LookAhead::kNone : LookAhead::kPending});
  TimedReplayMachine replay_machine(machine);
  return replay.on(replay_machine, &machine);
}

void add_address_space_options(CLI::App& command, Options& o) {
  command
      .add_option("--pages", o.pages,
                  "Pages of a trace that has virtual addresses only: 4K, 2M, 1G, thp or thp:PROBABILITY")
      ->capture_default_str();
  command.add_option("--levels", o.levels, "Levels of the page tables")
      ->check(CLI::IsMember({4, 5}))
      ->capture_default_str();
  command
      .add_option("--frames", o.frames, "Order of physical frames: sequential, random, fragmented or fragmented:INDEX")
      ->capture_default_str();
  command.add_option("--seed", o.seed, "Seed of everything random")->capture_default_str()->type_name("N");
  command
      .add_option("--flushes", o.flushes,
                  "Recorded TLB invalidations and control-register writes: all or none are carried out; auto: those "
                  "after the first record that tells of address spaces (a translation, a process, a root table)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, FlushPolicy>{
              {"auto", FlushPolicy::kAuto}, {"all", FlushPolicy::kAll}, {"none", FlushPolicy::kNone}},
          CLI::ignore_case))
      ->default_str("auto");
  command.add_flag("--no-pcids", o.no_pcids, "A change of process flushes the TLBs");
}

void add_window_options(CLI::App& command, Options& o) {
  command.add_option("--skip", o.window.skip, "Leave out so many accesses at first")->type_name("N");
  command.add_option("--warmup", o.window.warmup, "The next so many accesses run but are not counted")->type_name("N");
  command.add_option("--limit", o.window.limit, "Stop after so many counted accesses")->type_name("N");
  command.add_option("--sample", o.sample, "Take the first N of each M accesses")->type_name("N:M");
  command.add_option("--roi", o.roi, "Only the phase that a marker of this number or name opens")->type_name("NAME");
}

}  // namespace

void add_replay_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("replay", "Drive the machine with recorded accesses");
  command->add_option("trace", o.trace, "Access trace or event log; - is standard input")->required();
  command->add_option("--platform", o.platform, "Name of a shipped platform (see presets), or a file")
      ->capture_default_str()
      ->type_name("NAME|FILE");
  command->add_option("--format", o.format,
                      "Form of the trace instead of finding it by content: " + trace_format_names());
  command->add_option("--out", o.out, "Where summary and event log go; out/NAME if missing")->type_name("DIR");
  add_address_space_options(*command, o);
  add_window_options(*command, o);
  command->add_option("--model", o.model, "cycle, or functional: the same hits, misses and walks without time, faster")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ReplayModel>{{"cycle", ReplayModel::kCycle}, {"functional", ReplayModel::kFunctional}},
          CLI::ignore_case))
      ->default_str("cycle");
  command->add_flag("--what-if", o.what_if, "Also count the misses of many TLB geometries");
  command->add_option("--events", o.events, "What the event log holds: none, or some of walks,accesses,all")
      ->capture_default_str();
  command->add_flag("--no-fetches", o.no_fetches, "Instruction fetches take one cycle and no part in translation");
  command->add_flag("--salvage", o.salvage, "Take what is whole of a damaged trace");
  command->add_flag("--lock-step", o.lock_step, "Never run ahead of other processes: slower, same result");
  command->footer(
      "Examples:\n"
      "  mmusim replay traces/ops-512m-4l.vmt.xz --platform textbook --pages 2M\n"
      "  mmusim replay big-8g-4l.vmt.xz --roi free_random --what-if --model functional\n"
      "  valgrind --tool=lackey --trace-mem=yes ls 2>&1 >/dev/null | mmusim replay -");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
