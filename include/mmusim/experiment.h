// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mmusim/machine.h"
#include "mmusim/scenario.h"

namespace mmusim {
inline namespace v0 {

/// Results of a run or replay.
struct Result {
  Totals totals;
  std::string directory;     ///< where summary.json and the files asked for are
  std::string summary_json;  ///< the contents of summary.json
  bool interrupted = false;  ///< a signal ended it early
  std::string failure;       ///< why the simulated job failed; empty if it did not
};

struct RunOptions {
  std::string directory;        ///< of the results; empty: out/NAME
  bool force = false;           ///< replace the results of an earlier run there, which is refused else
  std::string events = "none";  ///< kinds of records in the event log, as `mmusim run --events`
  std::string tables;           ///< file for the vmemmap page tables of each phase; empty: none
  std::string timeline;         ///< file for a Perfetto timeline; empty: none
  std::string record;           ///< file for a trace of the accesses; empty: none
};

struct ReplayOptions {
  std::string directory;          ///< of the results; empty: out/NAME
  bool force = false;             ///< replace the results of an earlier run there, which is refused else
  std::string platform;           ///< name or file; empty: that of the trace's own run, else milan
  std::string pages = "4K";       ///< of traces with virtual addresses only: 4K, 2M, 1G, thp, thp:PROBABILITY
  bool functional = false;        ///< the same counts without time, faster
  uint64_t skip = 0;              ///< accesses left out at first
  uint64_t warmup = 0;            ///< accesses that then run without being counted
  std::optional<uint64_t> limit;  ///< accesses that are counted; missing: all
};

struct CompareOptions {
  std::string directory;               ///< of the results; empty: out/compare-NAME
  bool force = false;                  ///< replace the results of an earlier comparison, which is refused else
  std::vector<std::string> platforms;  ///< run each scenario on each of these; empty: on its own
  std::vector<std::string> settings;   ///< "/json/pointer=VALUE", applied to each
  unsigned jobs = 1;                   ///< processes at once
  unsigned repeat = 1;                 ///< runs of each, with seeds counting up
  std::string program;                 ///< path of the mmusim program, which makes the runs
};

struct Compared {
  std::string directory;  ///< where compare.json, compare.csv and report.html are
  std::string table;      ///< for a terminal
  std::string json;       ///< the contents of compare.json
  bool failed = false;    ///< at least one run failed
};

/// Run a scenario, replay a trace, compare the variants of a scenario or several scenarios (each run in a process of its
/// own). run() and replay() of the cycle model make one machine of this process's simulation: see Machine. They throw
/// std::runtime_error for wrong input and where the host gives out.
Result run(const Scenario& scenario, const RunOptions& options = {});
Result replay(const std::string& trace, const ReplayOptions& options = {});
Compared compare(const std::vector<std::string>& scenarios, const CompareOptions& options);

}  // namespace v0
}  // namespace mmusim
