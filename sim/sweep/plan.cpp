// SPDX-License-Identifier: MIT
#include "sim/sweep/plan.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/interrupts.h"
#include "sim/host/progress.h"
#include "sim/host/shell_word.h"
#include "sim/scenario/machine_host.h"
#include "sim/sweep/digest.h"
#include "sim/sweep/replay_keys.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr size_t kIdDigits = 32;

/// A trace that is known but not read: what planning needs of its reader.
class KnownTrace final : public TraceReader {
 public:
  explicit KnownTrace(const TraceInfo& info) : info_(info) {}
  bool next(TraceBatch& batch) override {
    batch.clear();
    return false;
  }
  const TraceInfo& info() const override { return info_; }
  uint64_t bytes_read() const override { return 0; }
  uint64_t bytes_total() const override { return 0; }

 private:
  TraceInfo info_;
};

/// The options of `replay` of a combination, those of its axes included; `sets` becomes the settings of the machine.
json replay_document(const SweepSpec& spec, const Combination& one, std::vector<std::string>& sets) {
  json document = spec.replay;
  sets = one.sets;
  take_replay_sets(sets, document);
  return document;
}

ReplayOptions options_of(const SweepSpec& spec, const Combination& one) {
  ReplayOptions options;
  const json document = replay_document(spec, one, options.map_overrides.sets);
  ConfigErrors errors("sweep");
  read_sweep_replay(ConfigReader(document, "/replay", errors), options);
  errors.throw_if_any();
  options.trace = one.input;
  options.platform = spec.platform;
  options.write_files = false;
  return options;
}

class Planner {
 public:
  explicit Planner(SweepSpec spec) { plan_.spec = std::move(spec); }

  SweepPlan plan() {
    const SweepSpec& spec = plan_.spec;
    if (spec.inputs.size() > 1) plan_.axes.emplace_back(spec.of_traces ? "trace" : "scenario");
    for (const auto& group : spec.axes) {
      for (const SweepAxis& axis : group) plan_.axes.push_back(axis.name);
    }
    const uint64_t combinations = points_of(spec) / spec.repeat;
    ProgressBar progress("reading configurations", combinations);
    for (const std::string& input : spec.inputs) {
      Combination one{input, {}, spec.sets, 1, ""};
      if (spec.inputs.size() > 1) one.labels.emplace_back(input);
      combine(one, 0, [&] { progress.update(plan_.combinations.size()); });
    }
    check();
    return std::move(plan_);
  }

 private:
  /// Adds what `one` gives with each value of the axes from group `group` on.
  void combine(const Combination& one, size_t group, const std::function<void()>& added) {
    if (interrupt_requested()) throw InterruptedError("sweep");
    if (group == plan_.spec.axes.size()) {
      add(one);
      return added();
    }
    const auto& axes = plan_.spec.axes[group];
    for (size_t i = 0; i < axes.front().values.size(); ++i) {
      Combination next = one;
      for (const SweepAxis& axis : axes) {
        next.labels.push_back(axis.values[i].label);
        next.sets.insert(next.sets.end(), axis.values[i].sets.begin(), axis.values[i].sets.end());
      }
      combine(next, group + 1, added);
    }
  }

  void add(Combination one) {
    const SweepSpec& spec = plan_.spec;
    std::string configuration;
    try {
      configuration = spec.of_traces ? replay_configuration(one) : run_configuration(one);
    } catch (const InputError& e) {
      one.error = e.what();
      configuration = fmt::format("refused {} {}", one.input, json(one.sets).dump());
    }
    if (spec.seed) one.first_seed = *spec.seed;
    const std::string digest = sha256_of("mmusim " MMUSIM_VERSION " " + configuration);
    for (unsigned k = 0; k < spec.repeat; ++k) {
      const uint64_t seed = one.first_seed + k;
      const std::string id = sha256_of(fmt::format("{} {}", digest, seed)).substr(0, kIdDigits);
      const auto [known, is_new] = numbers_.emplace(id, plan_.points.size());
      if (!is_new) {
        throw InputError(
            fmt::format("points {} and {} of the sweep have the same configuration: two values of an axis "
                        "mean the same, or one axis undoes another",
                        known->second + 1, plan_.points.size() + 1));
      }
      plan_.points.push_back({id, plan_.combinations.size(), seed});
    }
    plan_.combinations.push_back(std::move(one));
  }

  const std::string& digest_of(const std::string& file) {
    auto found = digests_.find(file);
    if (found == digests_.end()) found = digests_.emplace(file, sha256_of_file(file)).first;
    return found->second;
  }

  std::string run_configuration(Combination& one) {
    const SweepSpec& spec = plan_.spec;
    ScenarioOverrides overrides{spec.variant, one.sets, {}, {}};
    if (!spec.platform.empty()) overrides.platform = spec.platform;
    const Scenario scenario = load_scenario(one.input, overrides);
    scenario_platform(scenario);  // says what is wrong with it
    one.first_seed = scenario.seed;
    std::string text = scenario.effective;
    for (const Phase& phase : scenario.phases) {
      if (const auto* replay = std::get_if<ReplayPhase>(&phase.what)) text += " " + digest_of(replay->trace);
    }
    return text;
  }

  std::string replay_configuration(Combination& one) {
    ReplayOptions options = options_of(plan_.spec, one);
    const ReplaySetup setup = set_up_replay(options, std::make_unique<KnownTrace>(info_of(options)));
    one.first_seed = setup.seed;  // a recorded replay has its own
    json configuration = json::parse(setup.configuration);
    configuration.erase("trace");  // its content counts, not its place
    configuration.erase("seed");
    std::string text = configuration.dump() + " " + digest_of(one.input);
    if (!options.page_map.empty()) text += " " + digest_of(options.page_map);
    return text;
  }

  const TraceInfo& info_of(const ReplayOptions& options) {
    const std::string key = options.trace + "\n" + options.form;
    auto found = traces_.find(key);
    if (found == traces_.end()) {
      const auto reader = open_trace(options.trace, trace_options(options));
      reader->end();
      found = traces_.emplace(key, reader->info()).first;
    }
    return found->second;
  }

  /// If nothing can run, what is wrong is wrong with the sweep.
  void check() const {
    const auto& all = plan_.combinations;
    const bool hopeless = std::all_of(all.begin(), all.end(), [](const Combination& c) { return !c.error.empty(); });
    if (hopeless && !all.empty()) throw InputError(all.front().error);
  }

  SweepPlan plan_;
  std::map<std::string, size_t> numbers_;       // of points by id
  std::map<std::string, std::string> digests_;  // of files
  std::map<std::string, TraceInfo> traces_;
};

}  // namespace

SweepPlan plan_sweep(SweepSpec spec) { return Planner(std::move(spec)).plan(); }

RunRequest run_request(const SweepPlan& plan, size_t point, const PointHost& host) {
  const Combination& one = plan.combination(point);
  RunRequest request;
  request.scenario = one.input;
  request.overrides.variant = plan.spec.variant;
  request.overrides.sets = one.sets;
  request.overrides.seed = plan.points[point].seed;
  if (!plan.spec.platform.empty()) request.overrides.platform = plan.spec.platform;
  request.recordings = no_recordings();
  request.limits = host.limits;
  request.write_files = false;
  return request;
}

ReplayOptions replay_options(const SweepPlan& plan, size_t point, const PointHost& host) {
  ReplayOptions options = options_of(plan.spec, plan.combination(point));
  options.seed = plan.points[point].seed;
  options.limits = host.limits;
  return options;
}

std::string command_of(const SweepPlan& plan, size_t point) {
  std::vector<std::string> arguments = {"mmusim", plan.spec.of_traces ? "replay" : "run",
                                        plan.combination(point).input};
  std::vector<std::string> sets = plan.combination(point).sets;
  if (plan.spec.of_traces) {
    for (std::string& argument : replay_arguments(replay_document(plan.spec, plan.combination(point), sets))) {
      arguments.push_back(std::move(argument));
    }
  } else {
    arguments.insert(arguments.end(), {"--events", "none"});
  }
  if (plan.spec.variant) arguments.insert(arguments.end(), {"--variant", *plan.spec.variant});
  if (!plan.spec.platform.empty()) arguments.insert(arguments.end(), {"--platform", plan.spec.platform});
  for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
  arguments.insert(arguments.end(), {"--seed", std::to_string(plan.points[point].seed)});
  std::string text;
  for (const std::string& argument : arguments) text += (text.empty() ? "" : " ") + shell_word(argument);
  return text;
}

bool can_share(const ReplayOptions& options) {
  // A replay that ends early has not seen all that a text form passes over, and says so in its summary.
  return options.model == ReplayModel::kFunctional && options.trace != "-" && options.window.limit.empty() &&
         options.map.empty();
}

}  // namespace mmusim
