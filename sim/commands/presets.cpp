// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mm/profile.h"
#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/scenario/known_keys.h"
#include "sim/workloads/workload.h"

namespace mmusim {

namespace {

/// The "description" of a shipped file, or what is wrong with it.
std::string description_of(const char* kind, const std::string& name) {
  try {
    const nlohmann::json file = parse_json_file(find_config(kind, name));
    const auto text = file.find("description");
    return text != file.end() && text->is_string() ? text->get<std::string>() : "";
  } catch (const InputError& e) {
    return fmt::format("(unreadable: {})", e.what());
  }
}

void print_files(const char* title, const char* kind) {
  fmt::print("{}\n", title);
  for (const std::string& name : config_names(kind)) fmt::print("  {:<24} {}\n", name, description_of(kind, name));
}

void print_profiles() {
  fmt::print("Kernel profiles (/kernel/version)\n");
  for (const mm::Profile& p : mm::profiles()) {
    fmt::print("  {:<24} releases {}: {}\n", p.name, p.series, p.summary);
  }
}

void print_workloads() {
  fmt::print("Workloads (phase \"workload\", key \"kind\"; K1 to K18: paths of the Linux kernel)\n");
  for (const WorkloadKind& kind : workload_kinds()) fmt::print("  {:<24} {}\n", kind.name, kind.description);
  fmt::print("Phases that are workloads of their own\n");
  fmt::print("  {:<24} {}\n", "deferred_init", "K17: the rest of struct-page initialisation on several workers");
  fmt::print("  {:<24} {}\n", "hugetlb", "K18: HugeTLB folios give their struct pages back, and get them again");
  fmt::print("  {:<24} {}\n", "replay", "the accesses of a recorded trace");
}

void print_all() {
  print_files("Platforms (\"platform\" of a scenario, --platform)", "platforms");
  print_files("DRAM parts (--dram)", "dram");
  print_files("Scenarios (run, compare, explain)", "scenarios");
  print_profiles();
  print_workloads();
}

/// A preset by its name: what it is, and the document it stands for.
struct Preset {
  std::string kind;
  std::string description;
  std::function<nlohmann::ordered_json()> whole;
};

bool is_shipped(const char* kind, const std::string& name) {
  const auto names = config_names(kind);
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Every name that `presets` lists, for "did you mean".
std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const char* kind : {"platforms", "dram", "scenarios"}) {
    for (std::string& name : config_names(kind)) names.push_back(std::move(name));
  }
  for (const mm::Profile& p : mm::profiles()) names.emplace_back(p.name);
  for (const WorkloadKind& kind : workload_kinds()) names.emplace_back(kind.name);
  return names;
}

Preset find_preset(const std::string& name) {
  if (is_shipped("platforms", name))
    return {"platform", description_of("platforms", name), [=] { return whole_platform(name); }};
  if (is_shipped("dram", name))
    return {"DRAM part", description_of("dram", name), [=] { return whole_dram_device(name); }};
  if (is_shipped("scenarios", name))
    return {"scenario", description_of("scenarios", name), [=] { return whole_scenario(name); }};
  for (const mm::Profile& p : mm::profiles()) {
    if (name == p.name) return {"kernel profile", std::string(p.summary), [=] { return whole_kernel(name); }};
  }
  if (const WorkloadKind* kind = find_workload_kind(name))
    return {"workload", std::string(kind->description), [=] { return whole_workload(name); }};
  const std::string nearest = nearest_word(name, all_names());
  throw InputError(
      fmt::format("presets: no preset \"{}\"{}", name,
                  nearest.empty() ? "; `mmusim presets` lists them" : ", did you mean \"" + nearest + "\"?"));
}

ExitCode presets(const std::optional<std::string>& name, bool print) {
  if (!name) {
    if (print) throw InputError("presets --print: expected the name of a preset; `mmusim presets` lists them");
    print_all();
    return ExitCode::kSuccess;
  }
  const Preset preset = find_preset(*name);
  if (print) {
    fmt::print("{}\n", preset.whole().dump(1));
  } else {
    fmt::print("{} {}: {}\n", preset.kind, *name, preset.description);
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_presets_command(CommandLine app, Action& action) {
  struct Options {
    std::optional<std::string> name;
    bool print = false;
  };
  auto o = std::make_shared<Options>();
  CommandLine command =
      app.add_subcommand("presets", "List platforms, DRAM parts, kernel profiles, workloads, scenarios; print one");
  command.add_option("NAME", o->name, "One of them, instead of all");
  command.add_flag("--print", o->print, "Print it as plain JSON with all defaults filled in");
  command.footer(
      "A kernel profile is printed as the \"kernel\" of a scenario, a workload as a phase.\n\n"
      "Examples:\n"
      "  mmusim presets | grep K1\n"
      "  mmusim presets milan --print > mine.json");
  command.callback([o, &action] { action = [o] { return presets(o->name, o->print); }; });
}

}  // namespace mmusim
