// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/image_options.h"
#include "sim/commands/limit_options.h"
#include "sim/commands/recording_options.h"
#include "sim/experiment/per_instruction.h"
#include "sim/experiment/replay_run.h"
#include "sim/host/text_output.h"
#include "sim/report/units.h"

namespace mmusim {

namespace {

std::string replay_text(const ReplayResult& r, const TraceInfo& info) {
  const PlayerStats& p = r.player;
  std::string text = fmt::format("{} trace, {} records", name_of(info.format), grouped(r.run.records));
  text += fmt::format(": {} accesses measured, {} warm-up, {} left out\n", grouped(r.run.measured),
                      grouped(r.run.warmup), grouped(r.run.skipped));
  text += PerInstruction(r.run).text();
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
    if (r.mapped->outside_map != 0) {
      text += fmt::format("of them outside the page map, by --pages: {}\n", grouped(r.mapped->outside_map));
    }
  }
  if (r.what_if) text += "\n" + r.what_if->text();
  return text;
}

void warn(const ReplayResult& r, const TraceInfo& info) {
  if (!info.notes.empty()) print_error(fmt::format("{}: {}\n", info.file, info.notes));
  const std::string skipped = info.skipped_text();
  if (!skipped.empty()) print_error(fmt::format("{}: passed over: {}\n", info.file, skipped));
  if (!info.damage.empty()) print_error(fmt::format("{} (what is whole before was used)\n", info.damage));
  if (r.faults != 0) print_error(fmt::format("{}: warning: {} accesses faulted\n", info.file, grouped(r.faults)));
  if (r.player.translation_mismatches != 0) {
    print_error(fmt::format("{}: warning: {} recorded translations were not what the machine used\n", info.file,
                            grouped(r.player.translation_mismatches)));
  }
  if (r.run.measured == 0 && !r.run.stopped)
    print_error(fmt::format("{}: warning: no access was measured\n", info.file));
}

ExitCode run(const ReplayOptions& options) {
  const ReplayOutcome outcome = replay_one(options);
  print_text(
      fmt::format("{}\n{}", text_report(outcome.summary, outcome.times), replay_text(outcome.result, outcome.info)));
  warn(outcome.result, outcome.info);
  return ExitCode::kSuccess;
}

void add_map_options(CommandLine command, ReplayOptions& o) {
  command
      .add_option("--map", o.map,
                  "Use the page tables that this scenario's kernel builds (its workloads do not run), or those of a "
                  "page-table image or crash dump")
      .type_name("SCENARIO|IMAGE");
  add_cr3_option(command, o.cr3);
  command.add_option("--variant", o.map_overrides.variant, "Apply one of the variants of --map's scenario");
  add_set_option(command, o.map_overrides.sets);
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
  given(
      command
          .add_option("--page-map", o.page_map,
                      "Page sizes of ranges of addresses, as /proc/PID/smaps tells them, or lines START-END 4K|2M|1G; "
                      "--pages decides elsewhere")
          .type_name("FILE"));
  given(command.add_option("--levels", o.levels, "Levels of the page tables").one_of({"4", "5"}).capture_default_str());
  given(command
            .add_option("--frames", o.frames,
                        "Order of physical frames: sequential, random, fragmented or fragmented:INDEX")
            .capture_default_str());
  command.add_option("--seed", o.seed, "Seed of everything random; if missing, a recorded replay's own, else 1")
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
  command
      .add_option("--skip", o.window.skip,
                  "Leave out so much at first: accesses (5000, 100M) or instructions (5000i, 100Mi)")
      .type_name("LENGTH");
  command.add_option("--warmup", o.window.warmup, "The next so much runs but is not counted").type_name("LENGTH");
  command.add_option("--limit", o.window.limit, "Stop after so much that is counted").type_name("LENGTH");
  command.add_option("--sample", o.window.sample, "Take the first N of each M accesses").type_name("N:M");
  command.add_option("--roi", o.window.roi, "Only the phase that a marker of this number or name opens")
      .type_name("NAME");
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
  command.add_option("--form,--format", o.form,
                     "Form of the trace instead of finding it by content: " + trace_format_names());
  command.add_option("--out", o.out, "Where summary and event log go; out/NAME if missing").type_name("DIR");
  add_map_options(command, o);
  add_address_space_options(command, o);
  add_window_options(command, o);
  command.add_choice("--model", o.model, {{"cycle", ReplayModel::kCycle}, {"functional", ReplayModel::kFunctional}},
                     "cycle, or functional: the same hits, misses and walks without time, faster");
  command.add_flag("--what-if", o.what_if, "Also count the misses of many TLB geometries");
  command.add_option("--events", o.recordings.events, "What the event log holds: none, or some of walks,accesses,all")
      .capture_default_str();
  add_recording_options(command, o.recordings,
                        "Write the page tables at the end (JSON): those of the vmemmap where the kernel is known whose "
                        "they are, else all",
                        "Write the records that were played as a trace; replayed with no other option it gives the "
                        "same counts (.mmt or .jsonl, and .gz, .xz or .zst)",
                        "--record-form");
  command.add_flag("--no-fetches", o.no_fetches, "Instruction fetches take one cycle and no part in translation");
  command.add_flag("--salvage", o.salvage, "Take what is whole of a damaged trace");
  command.add_flag("--skip-foreign", o.skip_foreign, "Pass over lines of a text that are none of its form");
  command.add_flag("--lock-step", o.lock_step, "Never run ahead of other processes: slower, same result");
  add_host_limit_options(command, o.limits);
  command.footer(
      "Examples:\n"
      "  mmusim replay traces/ops-512m-4l.vmt.xz --platform textbook --pages 2M\n"
      "  mmusim replay big-8g-4l.vmt.xz --roi 2 --what-if --model functional\n"
      "  mmusim replay bootinit-512m-4l.vmt.xz --map boot-base-vs-huge --variant hugepages\n"
      "  mmusim run boot-base-vs-huge --record boot.mmt.zst && mmusim replay boot.mmt.zst\n"
      "  mmusim replay traces/ops-512m-4l.vmt.xz --limit 100000 --timeline ops.json --vcd ops.vcd\n"
      "  valgrind --tool=lackey --trace-mem=yes --log-fd=9 ls 9>&1 >/dev/null | mmusim replay -");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
