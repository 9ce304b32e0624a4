// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "models/dram/dram_config.h"
#include "sim/bootlog/derive.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"
#include "sim/scenario/machine_host.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

namespace {

using nlohmann::json;

enum class FileKind { kScenario, kPlatform, kDram, kDump, kTrace };

/// What a file is, by what it holds.
FileKind kind_of(const std::string& path) {
  if (!path.ends_with(".json") && !path.ends_with(".json.xz")) return FileKind::kTrace;
  const json document = parse_json_text(read_text_file(path), path);
  if (!document.is_object()) {
    throw InputError(fmt::format("{}: /: expected an object: a scenario, a platform, a DRAM part", path));
  }
  if (document.contains("stages") && document.contains("boot_memory_ranges")) return FileKind::kDump;
  if (document.contains("timing_cycles")) return FileKind::kDram;
  if (document.contains("tlbs") || document.contains("caches") || document.contains("page_walkers")) {
    return FileKind::kPlatform;
  }
  return FileKind::kScenario;
}

/// A scenario must hold as it stands and with each of its variants.
std::string check_scenario(const std::string& path) {
  std::vector<std::optional<std::string>> variants = {std::nullopt};
  for (const std::string& name : scenario_variants(path)) variants.emplace_back(name);
  size_t phases = 0;
  for (const auto& variant : variants) {
    try {
      const Scenario scenario = load_scenario(path, {.variant = variant, .sets = {}, .seed = {}});
      scenario_platform(scenario);
      phases = scenario.phases.size();
    } catch (const InputError& e) {
      throw InputError(variant ? fmt::format("with variant \"{}\":\n{}", *variant, e.what()) : e.what());
    }
  }
  return fmt::format("scenario, {} phases, {} variants", phases, variants.size() - 1);
}

std::string check_platform(const std::string& path) {
  const PlatformConfig platform = load_platform(path);
  return fmt::format("platform {}, {} cores", platform.name, platform.cores);
}

std::string check_trace(const std::string& path) {
  const auto reader = open_trace(path);
  TraceBatch batch;
  uint64_t accesses = 0;
  while (reader->next(batch)) accesses += batch.accesses.size();
  return fmt::format("trace ({}), {} accesses", name_of(reader->info().format), accesses);
}

std::string check(const std::string& path) {
  switch (kind_of(path)) {
    case FileKind::kScenario:
      return check_scenario(path);
    case FileKind::kPlatform:
      return check_platform(path);
    case FileKind::kDram:
      load_dram_config(path);
      return "DRAM part";
    case FileKind::kDump: {
      json document = json::parse(derive_scenario(path).json);
      document["platform"] = json::object();
      return fmt::format("recorded kernel, {} phases", scenario_from_json(std::move(document), path).phases.size());
    }
    case FileKind::kTrace:
      return check_trace(path);
  }
  return "";
}

ExitCode validate(const std::vector<std::string>& files) {
  ExitCode worst = ExitCode::kSuccess;
  for (const std::string& file : files) {
    try {
      print_text(fmt::format("{}: ok: {}\n", file, check(file)));
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
  auto files = std::make_shared<std::vector<std::string>>();
  CommandLine command =
      app.add_subcommand("validate", "Check scenarios, platforms, DRAM parts, recorded kernels, traces");
  command.add_option("files", *files, "what each file is, is found by its content").required().type_name("FILE");
  command.footer(
      "Prints every error with its JSON pointer (scenarios are checked with each variant), or record number "
      "(traces).\n\n"
      "Example:\n  mmusim validate configs/scenarios/*.json configs/platforms/*.json traces/*");
  command.callback([files, &action] { action = [files] { return validate(*files); }; });
}

}  // namespace mmusim
