// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mmusim {

/// Runs to be compared, as `mmusim compare` is asked for them.
struct CompareRequest {
  std::vector<std::string> scenarios;  ///< paths or names of shipped ones; the first is the baseline
  std::vector<std::string> platforms;  ///< run each on each of these in place of its own; empty: on its own
  std::vector<std::string> sets;       ///< "/json/pointer=VALUE", applied to each
  std::string core;                    ///< "blocking" or "window"; empty: what the platforms say
  std::string out;                     ///< folder of the results; empty: out/compare-NAME
  std::string events;                  ///< what each run logs; empty: entry writes where the report shows tables
  unsigned jobs = 1;                   ///< runs at once
  unsigned repeat = 1;                 ///< runs of each, with seeds counting up
  std::optional<double> timeout;       ///< seconds after which a run counts as hung
  std::string max_memory;              ///< of all runs together; empty: what the host has left
  std::string program;                 ///< the mmusim program that makes the runs; empty: the running one
};

/// One side of the comparison, before it has run.
struct Side {
  std::string label;
  std::string scenario;
  std::optional<std::string> variant;
  std::vector<std::string> sets;
  std::optional<std::string> platform = std::nullopt;  ///< in place of the scenario's
  std::string family = {};                             ///< sides that share a base
  std::string directory = {};                          ///< folder of its results, in that of the comparison
  uint64_t seed = 1;
  bool wants_tables = false;
  uint64_t host_memory = 0;  ///< what it will take, estimated
};

/// Returns the file name of a path without its last suffix.
std::string stem_of(const std::string& path);

/// Returns the sides of a comparison, at least two, each checked as the run will check it. Throws InputError for bad
/// scenarios, for sides that measure different workloads, and where there is nothing to compare; EnvironmentError where
/// a side does not fit into the host's memory.
std::vector<Side> sides_of(const CompareRequest& request);

}  // namespace mmusim
