// SPDX-License-Identifier: MIT
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "models/dram/dram_config.h"
#include "sim/bootlog/derive.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"
#include "sim/scenario/known_keys.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/settings.h"
#include "sim/sweep/plan.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

namespace {

using nlohmann::json;

enum class FileKind { kScenario, kPlatform, kDram, kSweep, kDump, kTrace };

struct ValidateOptions {
  std::vector<std::string> files;
  ScenarioOverrides overrides;  ///< --platform and --set
};

size_t keys_known(const json& document, const KeyNode& keys) {
  size_t known = 0;
  for (const auto& [name, value] : document.items()) known += keys.find(name) != nullptr;
  return known;
}

/// Guesses the kind of a file by what it holds: the kind that knows most of its keys.
FileKind kind_of(const std::string& path) {
  if (!path.ends_with(".json") && !path.ends_with(".json.xz")) return FileKind::kTrace;
  const json document = parse_json_text(read_text_file(path), path);
  if (!document.is_object()) {
    throw InputError(fmt::format("{}: /: expected an object: a scenario, a platform, a DRAM part", path));
  }
  if (document.contains("stages") && document.contains("boot_memory_ranges")) return FileKind::kDump;
  if (is_sweep_document(document)) return FileKind::kSweep;
  const size_t scenario = keys_known(document, scenario_keys());
  const size_t platform = keys_known(document, platform_keys());
  const size_t dram = keys_known(document, dram_keys());
  if (scenario >= platform && scenario >= dram) return FileKind::kScenario;
  return platform >= dram ? FileKind::kPlatform : FileKind::kDram;
}

/// A scenario must hold as it stands and with each of its variants.
std::string check_scenario(const std::string& path, const ScenarioOverrides& overrides) {
  std::vector<std::optional<std::string>> variants = {std::nullopt};
  for (const std::string& name : scenario_variants(path)) variants.emplace_back(name);
  size_t phases = 0;
  for (const auto& variant : variants) {
    try {
      ScenarioOverrides changed = overrides;
      changed.variant = variant;
      const Scenario scenario = load_scenario(path, changed);
      scenario_platform(scenario);
      phases = scenario.phases.size();
    } catch (const InputError& e) {
      throw InputError(variant ? fmt::format("with variant \"{}\":\n{}", *variant, e.what()) : e.what());
    }
  }
  return fmt::format("scenario, {} phases, {} variants", phases, variants.size() - 1);
}

std::string check_platform(const std::string& path, const ScenarioOverrides& overrides) {
  if (overrides.platform) throw InputError(fmt::format("{}: --platform is for scenarios, this is a platform", path));
  const PlatformConfig platform = choose_platform(path, overrides.sets).config;
  return fmt::format("platform {}, {} cores", platform.name, platform.cores);
}

/// A sweep must hold as it stands, and so must each of its points.
std::string check_sweep(const std::string& path) {
  const SweepPlan plan = plan_sweep(load_sweep_spec(path));
  std::set<std::string> wrong;  // the same for many points
  for (const Combination& combination : plan.combinations) wrong.insert(combination.error);
  wrong.erase("");
  if (!wrong.empty()) throw InputError(fmt::format("{}: points that cannot run:\n{}", path, fmt::join(wrong, "\n")));
  return fmt::format("sweep, {} axes, {} points", plan.axes.size(), plan.points.size());
}

std::string check_dump(const std::string& path, const ScenarioOverrides& overrides) {
  json document = json::parse(derive_scenario(path).json);
  document["platform"] = json::object();
  Settings settings(document, scenario_keys(), "");
  if (overrides.platform) settings.use_platform(*overrides.platform);
  settings.apply_all(overrides.sets);
  return fmt::format("recorded kernel, {} phases", scenario_from_json(std::move(document), path).phases.size());
}

std::string check_trace(const std::string& path) {
  const auto reader = open_trace(path);
  TraceBatch batch;
  uint64_t accesses = 0;
  while (reader->next(batch)) accesses += batch.accesses.size();
  return fmt::format("trace ({}), {} accesses", name_of(reader->info().format), accesses);
}

std::string check(const std::string& path, const ScenarioOverrides& overrides) {
  const FileKind kind = kind_of(path);
  const bool changed = overrides.platform || !overrides.sets.empty();
  if (changed && (kind == FileKind::kDram || kind == FileKind::kTrace || kind == FileKind::kSweep)) {
    const char* const name = kind == FileKind::kDram ? "DRAM part" : kind == FileKind::kSweep ? "sweep" : "trace";
    throw InputError(fmt::format("{}: --platform and --set change scenarios and platforms, this is a {}", path, name));
  }
  switch (kind) {
    case FileKind::kScenario:
      return check_scenario(path, overrides);
    case FileKind::kPlatform:
      return check_platform(path, overrides);
    case FileKind::kDram:
      load_dram_config(path);
      return "DRAM part";
    case FileKind::kSweep:
      return check_sweep(path);
    case FileKind::kDump:
      return check_dump(path, overrides);
    case FileKind::kTrace:
      return check_trace(path);
  }
  return "";
}

ExitCode validate(const ValidateOptions& options) {
  ExitCode worst = ExitCode::kSuccess;
  for (const std::string& file : options.files) {
    try {
      print_text(fmt::format("{}: ok: {}\n", file, check(file, options.overrides)));
    } catch (const InputError& e) {
      print_error(std::string(e.what()) + "\n");
      worst = ExitCode::kBadInput;
    } catch (const EnvironmentError& e) {
      print_error(std::string(e.what()) + "\n");
      if (worst == ExitCode::kSuccess) worst = ExitCode::kEnvironment;
    }
  }
  return worst;
}

}  // namespace

void add_validate_command(CommandLine app, Action& action) {
  auto options = std::make_shared<ValidateOptions>();
  CommandLine command =
      app.add_subcommand("validate", "Check scenarios, sweeps, platforms, DRAM parts, recorded kernels, traces");
  command.add_option("files", options->files, "what each file is, is found by its content")
      .required()
      .type_name("FILE");
  add_platform_option(command, options->overrides.platform, "in place of that of each scenario");
  add_set_option(command, options->overrides.sets);
  command.footer(
      "Prints every error with its JSON pointer (scenarios are checked with each variant, sweeps at each point), or "
      "record number "
      "(traces).\n\n"
      "Example:\n  mmusim validate configs/scenarios/*.json configs/platforms/*.json traces/*.xz");
  command.callback([options, &action] { action = [options] { return validate(*options); }; });
}

}  // namespace mmusim
