// SPDX-License-Identifier: MIT
#include "sim/experiment/core_traces.h"

#include <algorithm>
#include <charconv>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"
#include "sim/trace/trace_origin.h"

namespace mmusim {

namespace {

const char* option_of(const ReplayOptions& options) {
  return options.core_per_stream ? "--core-per-stream" : "--core-trace";
}

/// Throws InputError for options that mean nothing, or not one thing, with several traces.
void check_options(const ReplayOptions& options) {
  const auto refuse = [&](bool given, const char* option, const char* why) {
    if (given) throw InputError(fmt::format("{} with {}: {}", option_of(options), option, why));
  };
  refuse(options.core_per_stream && !options.core_traces.empty(), "--core-trace",
         "expected either several traces or one that tells its processors apart");
  refuse(!options.window.roi.empty(), "--roi", "the phases of several traces do not begin together");
  refuse(!options.window.sample.empty(), "--sample", "the samples of several traces do not lie together");
  refuse(options.what_if, "--what-if", "it counts the misses of one core");
  refuse(!options.recordings.record.empty(), "--record", "a trace holds the accesses of one core");
  refuse(!options.recordings.tables.empty(), "--tables", "each trace has page tables of its own");
}

/// Throws InputError if a trace makes its own page tables, which would lie where another one's are.
void check_tables(const ReplayOptions& options, const TraceReader& reader) {
  if (options.spaces_given || !options.map.empty() || !origin_of(reader.info()).page_tables) return;
  throw InputError(
      fmt::format("{}: {} makes its own page tables, at places in memory that are not free beside other traces; with "
                  "--pages they are made on first touch",
                  option_of(options), reader.info().file));
}

/// Returns the numbers of a trace's processors or threads, ascending. Reads all of it.
std::vector<uint64_t> streams_of(const ReplayOptions& options) {
  if (options.trace == "-") throw InputError("--core-per-stream: the trace is read several times, expected a file");
  const std::unique_ptr<TraceReader> reader = open_trace(options.trace, trace_options(options));
  TraceBatch batch;
  while (reader->next(batch)) {
  }
  std::vector<uint64_t> streams;
  for (const auto& [stream, records] : reader->info().streams) streams.push_back(stream);
  if (streams.size() < 2) {
    throw InputError(
        fmt::format("--core-per-stream: {} does not tell several processors or threads apart (execlog and "
                    "drmemtrace do)",
                    reader->info().file));
  }
  return streams;
}

/// Gives trace number `index` of `count` its part of the memory for page tables and frames.
void take_part(AddressSpaceConfig& spaces, uint64_t index, uint64_t count) {
  const uint64_t bytes = spaces.frames.bytes / count;
  const uint64_t unit = bytes >= kGiB ? kGiB : level_bytes(2);
  const uint64_t part = bytes / unit * unit;
  if (part == 0) throw InputError(fmt::format("{} traces: {} bytes of DRAM leave no 2 MiB for each", count, bytes));
  spaces.frames.begin += index * part;
  spaces.frames.bytes = part;
}

void check_core(const ReplayOptions& options, const PlatformConfig& platform, unsigned core) {
  if (core < platform.cores) return;
  throw InputError(
      fmt::format("{}: there is no core {}, platform {} has {}; --set /platform/cores={} makes it one of "
                  "more",
                  option_of(options), core, platform.name, platform.cores, core + 1));
}

}  // namespace

std::vector<std::pair<unsigned, std::string>> traces_by_core(const ReplayOptions& options) {
  std::vector<std::pair<unsigned, std::string>> traces;
  if (!options.trace.empty()) traces.emplace_back(0, options.trace);
  for (const std::string& text : options.core_traces) {
    const size_t equals = text.find('=');
    unsigned core = 0;
    const char* const end = text.data() + std::min(equals, text.size());
    const auto [rest, error] = std::from_chars(text.data(), end, core);
    if (equals == std::string::npos || equals + 1 == text.size() || error != std::errc() || rest != end) {
      throw InputError(fmt::format("--core-trace {}: expected N=FILE with the number of a core", text));
    }
    traces.emplace_back(core, text.substr(equals + 1));
  }
  std::stable_sort(traces.begin(), traces.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (traces.empty()) throw InputError("no trace, expected TRACE or --core-trace N=FILE");
  for (size_t i = 1; i < traces.size(); ++i) {
    if (traces[i - 1].first == traces[i].first) {
      throw InputError(fmt::format("--core-trace: core {} has two traces, {} and {}", traces[i].first,
                                   traces[i - 1].second, traces[i].second));
    }
  }
  if (std::count_if(traces.begin(), traces.end(), [](const auto& t) { return t.second == "-"; }) > 1) {
    throw InputError("--core-trace: standard input can be one trace only");
  }
  return traces;
}

void open_core_traces(const ReplayOptions& options, ReplaySetup& setup) {
  check_options(options);
  TraceOptions reading = trace_options(options);
  const auto add = [&](unsigned core, const std::string& file) {
    check_core(options, setup.platform, core);
    CoreTrace& trace = setup.traces.emplace_back();
    trace.core = core;
    trace.stream = reading.stream;
    trace.reader = setup.reader && !reading.stream ? std::move(setup.reader) : open_trace(file, reading);
    check_tables(options, *trace.reader);
    trace.config = setup.config;
    trace.config.course = false;
    trace.config.player.recorded_translations = false;
    trace.config.player.one_process = setup.one_process = options.core_per_stream;
  };
  if (options.core_per_stream) {
    for (const uint64_t stream : streams_of(options)) {
      reading.stream = stream;
      add(static_cast<unsigned>(setup.traces.size()), options.trace);
    }
    setup.reader.reset();
    return;
  }
  for (const auto& [core, file] : traces_by_core(options)) add(core, file);
  if (setup.tables != Tables::kTouched) return;
  for (size_t i = 0; i < setup.traces.size(); ++i) {
    take_part(*setup.traces[i].config.spaces, i, setup.traces.size());
  }
}

}  // namespace mmusim
