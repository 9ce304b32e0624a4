// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/bootlog/derive.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"
#include "sim/recorded/table_comparison.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/untimed_host.h"

namespace mmusim {

namespace {

using nlohmann::json;

void print_stage(const std::string& name, const StageAgreement& stage) {
  for (unsigned level = 5; level > 0; --level) {
    const LevelAgreement& l = stage.level[level];
    if (l.recorded == 0 && l.extra == 0) continue;
    print_text(fmt::format(
        "{:<24} {:<18} level {}  {:>7} recorded  {:>7} in VA  {:>7} in flags  {:>7} in address  {:>4} extra\n", name,
        stage.stage, level, l.recorded, l.same_place, l.same_flags, l.same_address, l.extra));
  }
  const auto print_set = [&](const char* what, const SetAgreement& set) {
    if (set.recorded == 0 && set.built == 0) return;
    print_text(fmt::format("{:<24} {:<18} {}  {} recorded  {} built  {} equal\n", name, stage.stage, what, set.recorded,
                           set.built, set.equal));
  };
  print_set("groups of leaves that share a page:", stage.shared);
  print_set("leaves in memory added later:", stage.placed);
  const bool note = !stage.first_difference.empty();
  if (note && !stage.agrees())
    print_text(fmt::format("{:<24} {:<18} first: {}\n", name, stage.stage, stage.first_difference));
}

std::vector<PhysRange> boot_memory_of(const Scenario& scenario) {
  std::vector<PhysRange> memory;
  for (const mm::MemoryRange& r : scenario.memory.memory) memory.push_back({address_of(r.start), address_of(r.end)});
  return memory;
}

/// Builds the scenario of one dump without time and compares every stage. True if all agree.
bool verify_one(const std::string& path) {
  const json dump = parse_json_text(read_text_file(path), path);
  json document = json::parse(scenario_from_dump(dump, path).json);
  document["platform"] = json::object();  // nothing is timed
  const Scenario scenario = scenario_from_json(std::move(document), path);
  PhysMem memory;
  UntimedHost host(scenario, memory, UntimedTarget::Accesses::kRefused);
  std::vector<StageTables> tables;
  RunOutputs outputs;
  outputs.tables = [&](StageTables&& stage) { tables.push_back(std::move(stage)); };
  const RunResult result = run_scenario(scenario, host, outputs);
  if (!result.failure.empty()) print_text(fmt::format("{:<24} {}\n", scenario.name, result.failure));

  const std::vector<PhysRange> boot_memory = boot_memory_of(scenario);
  const size_t recorded = dump["stages"].size();
  bool agrees = result.failure.empty() && tables.size() == recorded;
  for (size_t i = 0; i < std::min(tables.size(), recorded); ++i) {
    const StageAgreement stage =
        compare_stage(tables[i], dump["stages"][i], fmt::format("{}: /stages/{}", path, i), boot_memory);
    print_stage(scenario.name, stage);
    agrees &= stage.agrees();
  }
  return agrees;
}

ExitCode verify(const std::vector<std::string>& dumps) {
  size_t good = 0;
  for (const std::string& dump : dumps) good += verify_one(dump);
  print_text(fmt::format("{} of {} recorded kernels agree\n", good, dumps.size()));
  return good == dumps.size() ? ExitCode::kSuccess : ExitCode::kJobFailed;
}

}  // namespace

void add_verify_command(CommandLine app, Action& action) {
  auto dumps = std::make_shared<std::vector<std::string>>();
  CommandLine command = app.add_subcommand("verify", "Build what recorded kernels built, and compare every entry");
  command.add_option("dumps", *dumps, "recorded kernels; .gz, .bz2, .xz, .zst too").required().type_name("DUMP.json");
  command.footer(
      "Reports per stage and level how many recorded page-table entries agree in VA, in flags, and in physical "
      "address.\n"
      "All must agree in flags; at boot, where the inputs determine them, in addresses too; the same leaves must share "
      "a page, and those in memory that was added later have the same address. Exit 1 if not.\n\n"
      "Example:\n  mmusim verify tests/data/recorded/*.xz");
  command.callback([dumps, &action] { action = [dumps] { return verify(*dumps); }; });
}

}  // namespace mmusim
