// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/report/metrics.h"

namespace mmusim {

/// One side of a comparison: a scenario or variant on a platform, run once or several times.
struct ComparedRun {
  std::string label;                              ///< unique
  std::vector<std::string> directories;           ///< of its runs, relative to the comparison's own
  std::vector<nlohmann::ordered_json> summaries;  ///< of those that succeeded
  std::vector<std::string> failures;              ///< one explanation for each that did not
  std::string family = {};                        ///< runs of equal ones share a base: each platform has its own
  std::string options = {};                       ///< of `explain`, for its machine; empty: not known
};

/// Runs side by side; the first that succeeded of each family is the base of its ratios.
class Comparison {
 public:
  /// Throws InputError if runs that succeeded measure different workloads: their numbers do not compare.
  explicit Comparison(std::vector<ComparedRun> runs);

  const std::vector<ComparedRun>& runs() const { return runs_; }
  bool any_failed() const;
  /// Mean and interval over the repeats; nullopt if the run failed or has nothing to measure.
  std::optional<Estimate> value(const Metric& metric, size_t run) const;
  /// The run that another is compared with, itself if it is a base; nullopt if it failed.
  std::optional<size_t> base_of(size_t run) const;
  /// value / value of its base; nullopt if either is missing or the base's is 0.
  std::optional<double> ratio(const Metric& metric, size_t run) const;
  /// True if any run has a value; tables leave out what none has.
  bool measured(const Metric& metric) const;

  /// True if the runs' cores have different clocks: cycles do not compare then, times do.
  bool clocks_differ() const;
  /// What is unlike in the runs though they compare, a sentence each: interrupted runs, other programs.
  std::vector<std::string> notes() const;
  /// What the comparison found, computed from the numbers.
  std::string headline() const;
  /// The comparison for a terminal: the headline, what was not simulated, values with ratios, costs of phases, then failures.
  std::string table() const;
  /// compare.json. Equal runs give equal text; what may differ stands in `host`.
  nlohmann::ordered_json to_json() const;
  /// compare.csv: one line for each metric and run.
  std::string to_csv() const;

 private:
  bool is_base(size_t run) const { return base_of(run) == run; }
  std::string block(size_t first, size_t last) const;
  std::string phase_table(size_t first, size_t last) const;
  std::vector<std::string> phase_names() const;
  const char* phase_unit() const { return clocks_differ() ? "ns" : "cycles"; }
  std::optional<double> phase_cost(size_t run, size_t phase) const;
  std::optional<double> phase_ratio(size_t run, size_t phase) const;

  std::vector<ComparedRun> runs_;
  std::optional<size_t> baseline_;
  std::map<std::string, size_t> bases_;  // by family
};

/// One side of a comparison as its compare.json names it.
struct NamedRun {
  std::string label;
  std::string family = {};
  std::string options = {};
  std::vector<std::string> failures;
  std::vector<std::string> directories;  ///< relative to the comparison's own
};

/// Reads the sides of a compare.json. `place` stands for the file in messages. Throws InputError with the JSON pointer
/// where it is none.
std::vector<NamedRun> comparison_from_text(const std::string& text, const std::string& place);

/// Returns what a run measures: the workload and replay phases of its effective configuration.
std::string workload_signature(const nlohmann::ordered_json& configuration);
/// Throws InputError, which says what to do, if two runs measure different workloads.
void check_same_workload(const std::string& label_a, const nlohmann::ordered_json& configuration_a,
                         const std::string& label_b, const nlohmann::ordered_json& configuration_b);

}  // namespace mmusim
