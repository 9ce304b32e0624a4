// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/format.h"
#include "models/base/json_input.h"
#include "sim/commands/commands.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/host/memory.h"
#include "sim/host/progress.h"
#include "sim/host/text_output.h"
#include "sim/measure/counterpart.h"
#include "sim/measure/event_counters.h"
#include "sim/measure/host_subject.h"
#include "sim/measure/measure_report.h"
#include "sim/measure/measured_platform.h"
#include "sim/measure/platform_fit.h"

namespace mmusim {

namespace {

using nlohmann::json;

struct MeasureOptions {
  std::string out = "measured.json";
  std::optional<std::string> preset;
  double seconds = 60;
  std::string memory;
  bool no_huge_pages = false;
  bool no_simulation = false;
};

/// Results once all probes are done.
struct ProbeResults {
  HostProcessor processor;
  Survey survey;
  double core_mhz = 0;
  std::vector<std::string> remarks;
};

uint64_t memory_to_take(const std::string& option) {
  constexpr uint64_t kMost = 512 * kMiB;
  const uint64_t available = host_memory_available();
  if (option.empty()) return std::min(kMost, available / 4);
  const auto asked = parse_size(option);
  if (!asked || *asked < kMiB) throw InputError("--memory: expected a size from 1MiB on, such as 512MiB");
  return std::min(*asked, available / 2);
}

ProbeResults probe(const MeasureOptions& options) {
  ProbeResults m;
  m.processor = host_processor();
  HostSubjectOptions of_host;
  of_host.seconds = options.seconds;
  of_host.memory = memory_to_take(options.memory);
  of_host.huge_pages = !options.no_huge_pages;
  if (of_host.memory < 64 * kMiB) {
    m.remarks.push_back(fmt::format("Only {} MiB of memory could be taken: large structures were not measured.",
                                    of_host.memory / kMiB));
  }
  PerfEventCounters counters(m.processor);
  if (!counters.problem().empty()) m.remarks.push_back(counters.problem());
  of_host.counters = &counters;
  ProgressBar progress("measuring", static_cast<uint64_t>(options.seconds * 10));
  HostSubject subject(of_host);
  SurveyOptions survey_options;
  survey_options.most_lines = uint64_t{1} << 21;
  survey_options.points_per_octave = 6;
  survey_options.guest = m.processor.guest;
  survey_options.progress = [&](const std::string& what, double seconds) {
    progress.update(static_cast<uint64_t>(seconds * 10), what);
  };
  m.survey = survey(subject, survey_options);
  m.core_mhz = subject.core_mhz();
  for (std::string& remark : subject.remarks()) m.remarks.push_back(std::move(remark));
  if (!m.survey.complete) {
    m.remarks.emplace_back(interrupt_pending() ? "Interrupted: what had been measured until then is here."
                                               : "The time was up before all was measured: try --seconds 120.");
  }
  return m;
}

/// Fits a platform to what was measured, and says what the machine is if it is a guest.
PlatformFit fit(const json& preset, const MeasuredPlatformInput& input, ProbeResults& m) {
  PlatformFit best = fit_platform(preset, input, m.survey, m.remarks);
  const std::string hypervisor = m.processor.hypervisor.empty() ? "unknown hypervisor" : m.processor.hypervisor;
  if (m.processor.guest && best.host_pages.empty()) {
    if (interrupt_pending()) return best;
    m.remarks.push_back(fmt::format(
        "This machine is a guest ({}). Too little was measured to tell the pages of its host: it was simulated without "
        "one.",
        hypervisor));
  } else if (m.processor.guest) {
    m.remarks.push_back(fmt::format(
        "This machine is a guest ({}). Of hosts with 4K, 2M and 1G pages, one with {} pages comes nearest to what was "
        "measured: run scenarios with --set /virtualization/mode={} --set /virtualization/host_pages={}.",
        hypervisor, best.host_pages, m.processor.vendor == "AuthenticAMD" ? "npt" : "ept", best.host_pages));
  }
  return best;
}

std::string report_path(const std::string& platform) {
  const size_t slash = platform.rfind('/');
  return (slash == std::string::npos ? "" : platform.substr(0, slash + 1)) + "measure.html";
}

void print_findings(const ProbeResults& m) {
  for (const Finding& f : m.survey.findings) {
    print_text(fmt::format("  {:<30} {}{}\n", f.name, text_of(f), f.value ? "" : ": " + f.why));
  }
}

ExitCode measure(const MeasureOptions& options) {
  if (!(options.seconds >= 1) || options.seconds > 3600) throw InputError("--seconds: expected 1 to 3600");
  const HostProcessor processor = host_processor();
  const std::string preset = options.preset.value_or(nearest_preset(processor));
  const json document = platform_document(preset);  // before anything is measured: the name may be wrong
  ProbeResults m = probe(options);
  if (!options.preset && !preset_fits(processor)) {
    m.remarks.push_back(fmt::format("There is no preset of this processor: what was not measured is from {}.", preset));
  }
  MeasuredPlatformInput input;
  input.preset = preset;
  input.name = "measured";
  if (processor.guest) {
    input.guest = processor.vendor == "AuthenticAMD" ? VirtualizationMode::kNpt : VirtualizationMode::kEpt;
  }
  input.core_mhz = m.core_mhz;
  input.description = fmt::format("{} as `mmusim measure` found it; the rest from preset {}", processor.name, preset);
  PlatformFit result;
  if (options.no_simulation || m.survey.curves.empty()) {
    result.document = measured_platform(document, input, m.survey, m.remarks);
  } else {
    result = fit(document, input, m);
  }
  const auto agreements = agreement(m.survey, result.simulated);
  write_file(options.out, result.document.dump(1) + "\n");
  const MeasureReport report{processor.name, m.remarks, m.survey, result.simulated, agreements};
  write_file(report_path(options.out), measure_html(report));
  print_text(fmt::format("{}, core at {:.0f} MHz\n", processor.name, m.core_mhz));
  print_findings(m);
  for (const Agreement& a : agreements) print_text(sentence_of(a) + "\n");
  for (const NamedCurve& model : result.simulated.curves) {
    const std::string events = sentence_of_events(*m.survey.curve(model.name), model);
    if (!events.empty()) print_text(events + "\n");
  }
  for (const std::string& remark : m.remarks) print_text(remark + "\n");
  print_text(fmt::format("platform: {}\nreport: {}\n", options.out, report_path(options.out)));
  return ExitCode::kSuccess;
}

}  // namespace

void add_measure_command(CommandLine app, Action& action) {
  CommandLine command =
      app.add_subcommand("measure", "Measure this computer and write a platform file of it, with a report");
  auto options = std::make_shared<MeasureOptions>();
  command.add_option("-o,--out", options->out, "Platform file to write; measure.html appears beside it")
      .capture_default_str();
  command.add_option("--preset", options->preset,
                     "Platform that gives what cannot be measured (default: the nearest to this processor)");
  command
      .add_option("--seconds", options->seconds, "Time for measuring; simulating the same afterwards takes some more")
      .capture_default_str();
  command.add_option("--memory", options->memory,
                     "Memory to take, at most half of what is available (default: 512MiB, at most a quarter)");
  command.add_flag("--no-huge-pages", options->no_huge_pages, "As if this computer had no 2 MiB pages");
  command.add_flag("--no-simulation", options->no_simulation, "Only measure; the report has no simulated curves");
  command.footer(
      "Runs chases of loads and fetches over pages and lines on one processor, without privileges, and infers TLB "
      "entries\n"
      "and penalties, entries of paging-structure caches, the cost of walks and how many run at once, cache sizes,\n"
      "latencies. A number that could not be told is the preset's; \"source\" in the file says which. Other programs\n"
      "on the same processor make intervals wider. Interrupted, it writes what it has. A guest is recognised and\n"
      "compared with nested simulated machines.\n\n"
      "Examples:\n"
      "  mmusim measure -o mine.json\n"
      "  mmusim compare boot-base-vs-huge --platform mine.json --out out/mine");
  command.callback([options, &action] { action = [options] { return measure(*options); }; });
}

}  // namespace mmusim
