// SPDX-License-Identifier: MIT
#include "sim/experiment/compare.h"

#include <memory>
#include <set>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/limit_options.h"
#include "sim/commands/output_options.h"
#include "sim/commands/replay_options.h"
#include "sim/host/process_pool.h"
#include "sim/host/text_output.h"
#include "sim/sweep/sweep_spec.h"

namespace mmusim {

namespace {

struct CompareOptions {
  CompareRequest request;
  std::vector<std::string> vary;
  std::string pages;
};

std::string text_of(const nlohmann::json& label) { return label.is_string() ? label.get<std::string>() : label.dump(); }

/// Returns the sides that one --vary makes.
std::vector<SideSetting> settings_of(const SweepAxis& axis) {
  std::vector<SideSetting> settings;
  for (const AxisValue& value : axis.values) {
    settings.push_back({fmt::format("{}={}", axis.name, text_of(value.label)), value.sets});
  }
  return settings;
}

/// Returns what is varied. Throws InputError if two sides would be called the same, or one --vary would undo another.
std::vector<SweepAxis> axes_of(const std::vector<std::string>& vary) {
  std::vector<SweepAxis> axes;
  std::set<std::string> names, pointers;
  for (const std::string& text : vary) {
    const SweepAxis& axis = axes.emplace_back(parse_vary(text));
    if (!names.insert(axis.name).second) throw InputError(fmt::format("--vary: two are called \"{}\"", axis.name));
    std::set<std::string> own, labels;
    for (const AxisValue& value : axis.values) {
      for (const std::string& set : value.sets) own.insert(set.substr(0, set.find('=')));
      if (labels.insert(text_of(value.label)).second) continue;
      throw InputError(fmt::format("--vary {}: {} stands there twice", text, text_of(value.label)));
    }
    for (const std::string& pointer : own) {
      if (pointers.insert(pointer).second) continue;
      throw InputError(fmt::format("--vary {}: two of them set {}", text, pointer));
    }
  }
  return axes;
}

/// Throws InputError if an option is given that only replays of a trace have.
void refuse_trace_options(const CompareOptions& o) {
  const ReplayOptions& replay = o.request.replay;
  const char* option = !o.pages.empty()                           ? "--pages"
                       : !replay.window.skip.empty()              ? "--skip"
                       : !replay.window.warmup.empty()            ? "--warmup"
                       : !replay.window.limit.empty()             ? "--limit"
                       : replay.model == ReplayModel::kFunctional ? "--model"
                       : replay.what_if                           ? "--what-if"
                                                                  : nullptr;
  if (option != nullptr) throw InputError(fmt::format("{}: is for traces, {} is none", option, o.request.inputs[0]));
}

ExitCode print_comparison(const CompareOptions& o) {
  CompareRequest request = o.request;
  for (const SweepAxis& axis : axes_of(o.vary)) request.varied.push_back(settings_of(axis));
  if (kind_of_inputs(request) != InputKind::kTrace) refuse_trace_options(o);
  if (!o.pages.empty()) {
    request.replay.pages = o.pages;
    request.replay.spaces_given = true;
  }
  const CompareOutcome outcome = compare(std::move(request));
  print_text(fmt::format("{}\n{}\n", outcome.comparison.table(), report_line(outcome.report)));
  return outcome.comparison.any_failed() ? ExitCode::kJobFailed : ExitCode::kSuccess;
}

void add_machine_options(CommandLine command, CompareOptions& o) {
  command
      .add_option("--platform", o.request.platforms,
                  "Run each on this platform (name of a shipped one, or a file) instead of its own; as often as wanted")
      .type_name("NAME|FILE")
      .one_at_a_time();
  add_core_option(command, o.request.core);
  add_set_option(command, o.request.sets);
  command
      .add_option("--vary", o.vary,
                  "Run each with each of these values of one key; several are crossed. The first values make the "
                  "baseline")
      .type_name("[NAME=]/json/pointer=V1,V2,...")
      .one_at_a_time();
}

void add_trace_options(CommandLine command, CompareOptions& o) {
  ReplayOptions& replay = o.request.replay;
  command.add_option("--pages", o.pages, "Of a trace with virtual addresses only: 4K, 2M, 1G, thp or thp:PROBABILITY");
  add_length_options(command, replay.window);
  command.add_choice("--model", replay.model,
                     {{"cycle", ReplayModel::kCycle}, {"functional", ReplayModel::kFunctional}},
                     "Of a trace: cycle, or functional: the same hits, misses and walks without time, faster");
  command.add_flag("--what-if", replay.what_if, "Of a trace: also count the misses of many TLB geometries");
}

void add_run_options(CommandLine command, CompareRequest& request) {
  command.add_option("--events", request.events,
                     "What each run logs, as for `run` (default: pte, which the report's tables are told from, up to "
                     "128 GiB of memory)");
  command.add_option("--jobs", request.jobs, "Runs at once (default: the processors of this machine)").range(1, 1024);
  command.add_option("--repeat", request.repeat, "Runs of each with seeds counting up; mean and 95 % interval")
      .range(1, 1000);
  command.add_option("--timeout", request.timeout, "Seconds after which a run counts as hung").positive_number();
  add_max_memory_option(command, request.max_memory);
  command.add_option("--program", request.program).hidden();
}

}  // namespace

void add_compare_command(CommandLine app, Action& action) {
  CommandLine command = app.add_subcommand(
      "compare", "Scenarios, variants, traces or finished results side by side; table, JSON, CSV and report");
  auto options = std::make_shared<CompareOptions>();
  options->request.jobs = processors_available();
  command
      .add_option("INPUT", options->request.inputs,
                  "Scenarios (files or names of shipped ones), a trace, or folders that run, replay or compare wrote; "
                  "the first is the baseline")
      .required();
  add_output_options(command, options->request.out, options->request.force,
                     "Where the tables, the report and a folder for each run go; out/compare-NAME if missing");
  add_machine_options(command, *options);
  add_trace_options(command, *options);
  add_run_options(command, options->request);
  command.footer(
      "The first scenario, variant, value or folder is the baseline of all ratios. Exit code 1 if any run failed; the\n"
      "others finish. What measures different workloads is refused.\n"
      "Examples:\n"
      "  mmusim compare boot-base-vs-huge --out out/boot\n"
      "  mmusim compare boot-base-vs-huge --platform milan --platform textbook --repeat 5\n"
      "  mmusim compare traces/ops-512m-4l.vmt.xz --platform milan --platform skylake-sp --limit 20000\n"
      "  mmusim compare traces/ops-512m-4l.vmt.xz --vary /platform/tlbs/stlb/arrays/0/entries=1536,2048 --limit 20000\n"
      "  mmusim compare out/basepages out/hugepages");
  command.callback([options, &action] { action = [options] { return print_comparison(*options); }; });
}

}  // namespace mmusim
