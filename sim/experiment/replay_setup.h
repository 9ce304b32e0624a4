// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/experiment/kernel_tables.h"
#include "sim/experiment/limits.h"
#include "sim/experiment/recordings.h"
#include "sim/experiment/replay.h"
#include "sim/machine/virtualization.h"

namespace mmusim {

enum class ReplayModel { kCycle, kFunctional };

/// Options of the command line of `replay`.
struct ReplayOptions {
  std::string trace;                     ///< for the first core
  std::vector<std::string> core_traces;  ///< --core-trace, "N=FILE" each
  bool core_per_stream = false;          ///< each processor or thread of the trace on a core of its own
  std::string platform;                  // empty: that of the map, of the trace's own run, or the default
  std::string core;                      // --core; empty: what the platform says
  std::string map;
  std::string cr3;  // --cr3 of a map that is an image or crash dump
  ScenarioOverrides map_overrides;
  bool spaces_given = false;  // --pages, --levels or --frames
  std::string form;           // --form; empty: found by content
  std::string out;
  bool force = false;  ///< replace the results of an earlier run in that folder
  std::string pages = "4K";
  std::string page_map;  // --page-map; empty: none
  unsigned levels = 4;
  std::string frames = "sequential";
  std::optional<uint64_t> seed;  ///< missing: that of a recorded replay, else 1
  TraceWindowText window;
  ReplayModel model = ReplayModel::kCycle;
  FlushPolicy flushes = FlushPolicy::kAuto;
  RecordingOptions recordings = no_recordings();
  bool what_if = false;
  bool salvage = false;
  bool skip_foreign = false;
  bool no_fetches = false;
  bool no_pcids = false;
  bool lock_step = false;
  bool write_files = true;  ///< false: the outcome is all, no folder is made
  HostLimits limits;
};

/// Source of the page tables.
enum class Tables {
  kTouched,   ///< built on first touch
  kRecorded,  ///< the trace holds what made them
  kMap,       ///< --map
};

/// A trace, and the core it is for.
struct CoreTrace {
  unsigned core = 0;
  std::unique_ptr<TraceReader> reader;
  std::optional<uint64_t> stream;  ///< that it delivers alone
  ReplayConfig config;
};

/// A trace, and all that decides on what it is replayed.
struct ReplaySetup {
  std::unique_ptr<TraceReader> reader;  ///< of one core; else nullptr
  std::vector<CoreTrace> traces;        ///< of several cores, in ascending order; else empty
  bool one_process = false;             ///< these are threads of one process
  /// The trace, that of the lowest core if there are several.
  const TraceReader& first() const { return reader ? *reader : *traces.front().reader; }
  Tables tables = Tables::kTouched;
  std::optional<KernelTables> map;
  PlatformConfig platform;
  VirtualizationConfig virtualization;  ///< whether the trace's machine is a guest
  ReplayConfig config;
  uint64_t seed = 1;
  /// The kernel's layout, where it is known whose tables these are: that of --map's scenario, or of the run that the
  /// trace was recorded from.
  std::optional<mm::Layout> layout;
  std::string configuration;  ///< for summary and event log, JSON text of an object
};

/// Opens the trace and decides whose page tables and whose platform it is replayed with. Throws InputError for options
/// that contradict each other or do not fit, and for all that is wrong with trace, scenario and platform.
///
/// `reader`: the trace, if it is open already, as the options ask for it.
ReplaySetup set_up_replay(const ReplayOptions& options, std::unique_ptr<TraceReader> reader = nullptr);

/// Returns true if the options ask for several traces on several cores.
inline bool several_cores(const ReplayOptions& options) {
  return !options.core_traces.empty() || options.core_per_stream;
}

/// Returns the name of the trace, that of the lowest core if there are several. Throws InputError if there is none.
std::string first_trace(const ReplayOptions& options);

/// Returns the options for opening the trace.
TraceOptions trace_options(const ReplayOptions& options);

}  // namespace mmusim
