// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/commands/output_options.h"
#include "sim/commands/recording_options.h"
#include "sim/commands/replay_options.h"
#include "sim/experiment/per_instruction.h"
#include "sim/experiment/replay_run.h"
#include "sim/experiment/result_folder.h"
#include "sim/host/text_output.h"
#include "sim/report/units.h"

namespace mmusim {

namespace {

/// A line for each of several traces.
std::string cores_text(const std::vector<CoreReplay>& cores) {
  TextTable table;
  table.row({"core", "trace", "instructions", "cycles", "IPC", "accesses", "L1 DTLB misses", "STLB misses", "walks"});
  for (const CoreReplay& core : cores) {
    const MachineTotals& t = core.run.totals;
    const double ipc =
        static_cast<double>(core.run.instructions) / static_cast<double>(std::max<uint64_t>(t.cycles, 1));
    const std::string stream = core.stream ? fmt::format(" ({})", *core.stream) : "";
    table.row({std::to_string(core.core), core.info.file + stream, grouped(core.run.instructions), grouped(t.cycles),
               t.cycles == 0 ? "-" : fmt::format("{:.3f}", ipc), grouped(t.accesses), grouped(t.l1_dtlb_misses),
               grouped(t.stlb_misses), grouped(t.walks)});
  }
  return table.text();
}

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
  if (p.guest_switches != 0) text += fmt::format("changes of guest: {}\n", grouped(p.guest_switches));
  if (r.mapped) {
    text += fmt::format("mapped: {} 4 KiB, {} 2 MiB, {} 1 GiB pages by {} tables\n", grouped(r.mapped->pages_4k),
                        grouped(r.mapped->pages_2m), grouped(r.mapped->pages_1g), grouped(r.mapped->tables));
    if (r.mapped->outside_map != 0) {
      text += fmt::format("of them outside the page map, by --pages: {}\n", grouped(r.mapped->outside_map));
    }
  }
  if (r.what_if) text += "\n" + r.what_if->text();
  if (!r.cores.empty()) text += "\n" + cores_text(r.cores);
  return text;
}

void warn_of(const TraceInfo& info) {
  if (!info.notes.empty()) print_error(fmt::format("{}: {}\n", info.file, info.notes));
  const std::string skipped = info.skipped_text();
  if (!skipped.empty()) print_error(fmt::format("{}: passed over: {}\n", info.file, skipped));
  if (!info.damage.empty()) print_error(fmt::format("{} (what is whole before was used)\n", info.damage));
}

void warn(const ReplayResult& r, const TraceInfo& info) {
  if (r.cores.empty()) warn_of(info);
  for (const CoreReplay& core : r.cores) warn_of(core.info);
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
  print_text(fmt::format("{}\n{}\n{}", text_report(outcome.summary, outcome.times),
                         replay_text(outcome.result, outcome.info), results_line(outcome.directory)));
  warn(outcome.result, outcome.info);
  return ExitCode::kSuccess;
}

}  // namespace

void add_replay_command(CommandLine app, Action& action) {
  auto options = std::make_shared<ReplayOptions>();
  ReplayOptions& o = *options;
  CommandLine command = app.add_subcommand("replay", "Drive the machine with recorded accesses");
  command.add_option("trace", o.trace, "Access trace or event log, for core 0; - is standard input");
  command
      .add_option("--core-trace", o.core_traces,
                  "Another trace for core N, at the same time; --skip, --warmup and --limit are those of each")
      .type_name("N=FILE");
  command.add_flag("--core-per-stream", o.core_per_stream,
                   "Each processor or thread that the trace tells apart (execlog, drmemtrace) on a core of its own");
  add_machine_options(command, o);
  command.add_option("--form,--format", o.form,
                     "Form of the trace instead of finding it by content: " + trace_format_names());
  add_output_options(command, o.out, o.force, "Where summary and event log go; out/NAME if missing");
  add_length_options(command, o.window);
  add_part_options(command, o.window);
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
      "  mmusim replay traces/ops-512m-4l.vmt.xz --core-trace 1=traces/big-8g-4l.vmt.xz --set /platform/cores=2 "
      "--limit 20000\n"
      "  valgrind --tool=lackey --trace-mem=yes --log-fd=9 ls 9>&1 >/dev/null | mmusim replay -");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace mmusim
