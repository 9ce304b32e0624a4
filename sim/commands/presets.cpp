// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "mm/profile.h"
#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"
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
  print_text(fmt::format("{}\n", title));
  for (const std::string& name : config_names(kind))
    print_text(fmt::format("  {:<24} {}\n", name, description_of(kind, name)));
}

void print_profiles() {
  print_text("Kernel profiles (/kernel/version)\n");
  for (const mm::Profile& p : mm::profiles()) {
    print_text(fmt::format("  {:<24} releases {}: {}\n", p.name, p.series, p.summary));
  }
}

void print_workloads() {
  print_text("Workloads (phase \"workload\", key \"kind\"; K1 to K18: paths of the Linux kernel)\n");
  for (const WorkloadKind& kind : workload_kinds())
    print_text(fmt::format("  {:<24} {}\n", kind.name, kind.description));
  print_text("Phases that are workloads of their own\n");
  print_text(
      fmt::format("  {:<24} {}\n", "deferred_init", "K17: the rest of struct-page initialisation on several workers"));
  print_text(
      fmt::format("  {:<24} {}\n", "hugetlb", "K18: HugeTLB folios give their struct pages back, and get them again"));
  print_text(fmt::format("  {:<24} {}\n", "replay", "the accesses of a recorded trace"));
}

}  // namespace

void add_presets_command(CommandLine app, Action& action) {
  CommandLine command =
      app.add_subcommand("presets", "List platforms, DRAM parts, kernel profiles, workloads, scenarios");
  command.footer("Example:\n  mmusim presets | grep K1");
  command.callback([&action] {
    action = [] {
      print_files("Platforms (\"platform\" of a scenario, --platform)", "platforms");
      print_files("DRAM parts (--dram)", "dram");
      print_files("Scenarios (run, compare, explain)", "scenarios");
      print_profiles();
      print_workloads();
      return ExitCode::kSuccess;
    };
  });
}

}  // namespace mmusim
