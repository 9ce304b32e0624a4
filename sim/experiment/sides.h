// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/base/enum_array.h"
#include "sim/experiment/replay_setup.h"

namespace mmusim {

/// Kinds of things that can be compared.
enum class InputKind : uint8_t {
  kScenario,  ///< path, or name of a shipped one
  kTrace,
  kResults,  ///< folder that a run, a replay or a comparison wrote
};
template <>
inline constexpr size_t kCountOf<InputKind> = 3;
/// Returns what an input is: a folder holds results; a file is a trace unless it ends in .json.
InputKind kind_of_input(const std::string& input);

/// One value of something that sides differ in.
struct SideSetting {
  std::string label;
  std::vector<std::string> sets;  ///< "/json/pointer=VALUE"
};

/// Runs to be compared, as `mmusim compare` is asked for them.
struct CompareRequest {
  std::vector<std::string> inputs;               ///< all of one kind; the first is the baseline
  std::vector<std::string> platforms;            ///< run each on each of these in place of its own; empty: on its own
  std::vector<std::string> sets;                 ///< "/json/pointer=VALUE", applied to each
  std::vector<std::vector<SideSetting>> varied;  ///< a side for each combination, the last varies fastest
  ReplayOptions replay;                          ///< pages, part, model and what-if of the replays of a trace
  std::string core;                              ///< "blocking" or "window"; empty: what the platforms say
  std::string out;                               ///< folder of the results; empty: out/compare-NAME
  bool force = false;                            ///< replace the results of an earlier comparison there
  std::string events;             ///< what each run logs; empty: entry writes where the report shows tables
  unsigned jobs = 1;              ///< runs at once
  unsigned repeat = 1;            ///< runs of each, with seeds counting up
  std::optional<double> timeout;  ///< seconds after which a run counts as hung
  std::string max_memory;         ///< of all runs together; empty: what the host has left
  std::string program;            ///< the mmusim program that makes the runs; empty: the running one
};

/// One side of the comparison, before it has run.
struct Side {
  std::string label;
  std::string input;  ///< scenario or trace
  InputKind kind = InputKind::kScenario;
  std::optional<std::string> variant;
  std::vector<std::string> sets;
  std::optional<std::string> platform = std::nullopt;  ///< in place of the scenario's
  std::string family = {};                             ///< sides that share a base
  std::string directory = {};                          ///< folder of its results, in that of the comparison
  uint64_t seed = 1;
  bool wants_tables = false;
  uint64_t host_memory = 0;  ///< what it will take, estimated
};

/// Returns what an input is called in labels and folders: its file name without suffixes.
std::string name_of_input(const std::string& input);
/// Returns the kind of all inputs. Throws InputError if there are several.
InputKind kind_of_inputs(const CompareRequest& request);

/// Returns the sides of a comparison that has to run, at least two, each checked as the run will check it. Throws
/// InputError for bad scenarios and traces, for sides that measure different workloads, and where there is nothing to
/// compare; EnvironmentError where a side does not fit into the host's memory.
std::vector<Side> sides_of(const CompareRequest& request);

}  // namespace mmusim
