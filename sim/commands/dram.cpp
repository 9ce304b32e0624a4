// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <memory>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/experiment/dram_driver.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/host/progress.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

struct Options {
  std::string requests;
  std::string dram = "ddr4-3200";
  unsigned outstanding = 0;  ///< 0: open loop
  std::string latencies;
  std::string form;
  bool salvage = false;
};

double to_ns(int64_t ps) { return static_cast<double>(ps) / 1000.0; }

/// To three decimals.
double rounded(double value) { return std::round(value * 1000.0) / 1000.0; }

/// Nearest rank: the smallest value that at least `share` of all do not exceed. `sorted` is not empty.
int64_t percentile(const std::vector<int64_t>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

nlohmann::ordered_json summary_of(const DramRun& run, DramSystem& dram, const RequestReader& reader) {
  nlohmann::ordered_json out;
  out["requests"] = run.requests;
  if (reader.form()) out["form"] = name_of(*reader.form());
  if (!reader.damage().empty()) out["damage"] = reader.damage();
  if (run.interrupted) out["interrupted"] = true;
  out["cycles"] = run.cycles;
  nlohmann::ordered_json& latency = out["read_latency_ns"];
  latency = nlohmann::ordered_json::object();
  if (!run.read_latency_ps.empty()) {
    std::vector<int64_t> sorted = run.read_latency_ps;
    std::sort(sorted.begin(), sorted.end());
    double total = 0;
    for (const int64_t ps : sorted) total += static_cast<double>(ps);
    latency["mean"] = rounded(total / static_cast<double>(sorted.size()) / 1000.0);
    latency["min"] = to_ns(sorted.front());
    latency["p50"] = to_ns(percentile(sorted, 0.50));
    latency["p95"] = to_ns(percentile(sorted, 0.95));
    latency["p99"] = to_ns(percentile(sorted, 0.99));
    latency["max"] = to_ns(sorted.back());
  }
  const double ns = static_cast<double>(run.cycles) * dram.config().tck_ps / 1000.0;
  const double bytes = static_cast<double>(run.requests * kLineBytes);
  out["bandwidth_gb_per_s"] = run.cycles == 0 ? 0.0 : rounded(bytes / ns);
  out["pin_limit_gb_per_s"] = rounded(dram.config().pin_limit_gb_per_s());
  nlohmann::ordered_json& counters = out["counters"];
  dram.stats().describe([&counters](const char* name, uint64_t value, const char*) { counters[name] = value; });
  counters["refreshes"] = dram.refreshes(run.cycles);
  return out;
}

/// One line for each read, in trace order.
void write_latencies(const std::string& path, const std::vector<int64_t>& latencies_ps) {
  AtomicFile file(path);
  file.write("# read latency in ns, one line per read of the trace, in trace order\n");
  char line[32];
  for (const int64_t ps : latencies_ps) {
    const char* end = fmt::format_to(line, "{:.2f}\n", to_ns(ps));
    file.write({line, static_cast<size_t>(end - line)});
  }
  file.commit();
}

ExitCode run_dram(const Options& options) {
  DramSystem dram(load_dram_config(find_config("dram", options.dram)));
  RequestOptions reading{.form = {}, .tck_ps = dram.config().tck_ps, .salvage = options.salvage};
  if (!options.form.empty()) {
    reading.form = request_form_of(options.form);
    if (!reading.form) {
      throw InputError(
          fmt::format("--form: unknown form \"{}\", expected one of {}", options.form, request_form_names()));
    }
  }
  RequestReader reader(options.requests, reading, interrupt_pending);
  ProgressBar progress("dram", reader.bytes_total());
  uint64_t requests = 0;
  const auto on_request = [&] {
    constexpr uint64_t kBetween = 4096;
    if (++requests % kBetween == 0) progress.update(reader.bytes_read());
    return !interrupt_requested();
  };
  const auto outstanding = options.outstanding == 0 ? std::nullopt : std::optional(options.outstanding);
  DramRun run = drive(dram, reader, outstanding, on_request);
  run.interrupted = run.interrupted || interrupt_requested();  // a pipe that was waited for simply ends
  if (!options.latencies.empty() && !run.interrupted) write_latencies(options.latencies, run.read_latency_ps);
  print_json(summary_of(run, dram, reader).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
             "\n");
  if (!reader.damage().empty()) print_error(fmt::format("{} (what is whole before was used)\n", reader.damage()));
  return ExitCode::kSuccess;
}

}  // namespace

void add_dram_command(CommandLine app, Action& action) {
  auto options = std::make_shared<Options>();
  CommandLine command = app.add_subcommand("dram", "Drive the DRAM model alone with a request trace");
  command
      .add_option("REQUESTS", options->requests,
                  "Request trace, plain or compressed: a line `arrival_ns hex_address R|W` per 64-byte request, or a "
                  "trace of DRAMsim3, Ramulator 1 or 2, or DRAMSys (.stl); - for standard input")
      .required();
  command.add_option("--form", options->form,
                     "Form of the requests instead of finding it by content: " + request_form_names());
  command.add_flag("--salvage", options->salvage, "Take what is whole of a damaged trace");
  command.add_option("--dram", options->dram, "DRAM description: a file, or a name from `mmusim presets`")
      .capture_default_str();
  command
      .add_option("--outstanding", options->outstanding,
                  "Closed loop: ignore arrival times and keep that many requests under way")
      .range(1, 1'000'000);
  command.add_option("--latencies", options->latencies, "Write the latency of each read, in ns, to this file");
  command.footer(
      "Prints JSON: requests, DRAM cycles, read latency from first offered to last data beat, bandwidth, counters.\n"
      "Example:\n  mmusim dram requests.txt.gz --dram ddr5-4800 --outstanding 16");
  command.callback([options, &action] { action = [options] { return run_dram(*options); }; });
}

}  // namespace mmusim
