// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/bootlog/derive.h"
#include "sim/bootlog/told_totals.h"
#include "sim/commands/commands.h"
#include "sim/crashdump/dumped_machine.h"
#include "sim/host/text_output.h"
#include "sim/recorded/table_comparison.h"
#include "sim/scenario/known_keys.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/settings.h"
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

/// Builds the page tables of a scenario without time; false if the run failed, which is printed.
bool build_tables(const Scenario& scenario, std::vector<StageTables>& tables) {
  PhysMem memory;
  UntimedHost host(scenario, memory, UntimedTarget::Accesses::kRefused);
  RunOutputs outputs;
  outputs.tables = [&](StageTables&& stage) { tables.push_back(std::move(stage)); };
  const RunResult result = run_scenario(scenario, host, outputs);
  if (!result.failure.empty()) print_text(fmt::format("{:<24} {}\n", scenario.name, result.failure));
  return result.failure.empty();
}

Scenario untimed_scenario(const DerivedScenario& derived, const std::string& path,
                          const std::vector<std::string>& sets) {
  json document = json::parse(derived.json);
  document["platform"] = json::object();  // nothing is timed
  Settings(document, scenario_keys(), "").apply_all(sets);
  return scenario_from_json(std::move(document), path);
}

/// Compares every stage of one dump. True if all agree.
bool verify_dump(const json& dump, const std::string& path, const std::vector<std::string>& sets) {
  const Scenario scenario = untimed_scenario(scenario_from_dump(dump, path), path, sets);
  std::vector<StageTables> tables;
  const bool built = build_tables(scenario, tables);
  const std::vector<PhysRange> boot_memory = boot_memory_of(scenario);
  const size_t recorded = dump["stages"].size();
  bool agrees = built && tables.size() == recorded;
  for (size_t i = 0; i < std::min(tables.size(), recorded); ++i) {
    const StageAgreement stage =
        compare_stage(tables[i], dump["stages"][i], fmt::format("{}: /stages/{}", path, i), boot_memory);
    print_stage(scenario.name, stage);
    agrees &= stage.agrees();
  }
  return agrees;
}

void print_vmemmap(const std::string& name, const VmemmapComparison& v) {
  print_text(fmt::format("{:<24} {:<30} {:>9} told  {:>9} in VA  {:>9} in address  {:>4} extra\n", name,
                         "vmemmap, leaves of 2 MiB", v.told, v.same_place, v.same_address, v.extra));
  if (!v.agrees()) print_text(fmt::format("{:<24} {:<30} first: {}\n", name, "", v.first_difference));
}

/// Compares what a log, or several files about one machine, tell with the model. True if all agrees, and there is
/// something to compare.
bool verify_machine(const std::string& path, const std::vector<std::string>& sets) {
  const Evidence evidence = read_evidence({path});
  const DerivedScenario derived = scenario_from_evidence(evidence, path);
  const Scenario scenario = untimed_scenario(derived, path, sets);
  const std::string name = std::filesystem::path(path).filename().string();
  print_text(fmt::format("{:<24} {}\n", name, derived.notes.front()));
  std::vector<StageTables> tables;
  bool agrees = build_tables(scenario, tables) && !tables.empty();
  const BootFacts& facts = evidence.facts;
  if (agrees && !facts.vmemmap_runs.empty()) {
    const VmemmapComparison v = compare_vmemmap(facts, tables.front(), layout_of(scenario).page_offset_base());
    print_vmemmap(name, v);
    agrees = v.agrees();
  }
  const std::vector<TotalComparison> totals = compare_totals(facts, scenario.memory);
  for (const TotalComparison& total : totals) {
    print_text(
        fmt::format("{:<24} {:<30} {:>9} told  {:>9} in the model\n", name, total.what, total.told, total.model));
    agrees &= total.told == total.model;
  }
  if (totals.empty() && facts.vmemmap_runs.empty()) {
    print_text(
        fmt::format("{:<24} tells nothing to compare with: no totals of memory, no lines of the vmemmap\n", name));
    return false;
  }
  return agrees;
}

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

/// Compares the vmemmap of a crash dump with what the model builds from the memory map in it. True if all agrees.
bool verify_crash_dump(const std::string& path, const std::vector<std::string>& sets) {
  const DumpedMachine machine = read_dumped_machine(path);
  const Scenario scenario = untimed_scenario(machine.derived, path, sets);
  const std::string name = std::filesystem::path(path).filename().string();
  for (const std::string& note : machine.derived.notes) print_text(fmt::format("{:<24} {}\n", name, note));
  std::vector<BootRange> memory;
  for (const mm::MemoryRange& r : scenario.memory.memory)
    memory.push_back({{address_of(r.start), address_of(r.end)}, r.node});
  const SectionAgreement sections = compare_sections(machine.kernel, memory);
  print_text(fmt::format("{:<24} {:<18} {} dumped  {} in the model  {} equal;  nodes: {} dumped  {} equal\n", name,
                         "sections", sections.dumped, sections.model, sections.equal, sections.nodes,
                         sections.equal_nodes));
  std::vector<StageTables> tables;
  if (!build_tables(scenario, tables) || tables.empty()) return false;
  const mm::Layout layout = layout_of(scenario);
  json stage = {{"stage", machine.addresses_determined ? "boot" : "dump"}, {"entries", json::array()}};
  for (const mm::TableEntry& e : mm::dump_tables(*machine.tables, machine.kernel.root.root, machine.kernel.root.levels,
                                                 layout.vmemmap_base(), layout.vmemmap_bytes())) {
    stage["entries"].push_back({{"level", e.level},
                                {"va", hex(e.va.raw())},
                                {"index", e.index},
                                {"table_pa", hex(e.table_pa.raw())},
                                {"value", hex(e.value)}});
  }
  const StageAgreement agreement = compare_stage(tables.back(), stage, path, boot_memory_of(scenario));
  print_stage(name, agreement);
  if (!machine.addresses_determined) {
    print_text(
        fmt::format("{:<24} addresses are not compared: the dump does not tell what memblock had given away "
                    "(memblock=debug), or memory came later\n",
                    name));
  }
  return sections.agrees() && agreement.agrees();
}

bool verify_one(const std::string& path, const std::vector<std::string>& sets) {
  if (dump_form(path)) return verify_crash_dump(path, sets);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return verify_machine(path, sets);
  const std::string text = read_text_file(path);
  return is_recorded_kernel(text) ? verify_dump(parse_json_text(text, path), path, sets) : verify_machine(path, sets);
}

ExitCode verify(const std::vector<std::string>& paths, const std::vector<std::string>& sets) {
  size_t good = 0;
  for (const std::string& path : paths) good += verify_one(path, sets);
  print_text(fmt::format("{} of {} recorded kernels and machines agree\n", good, paths.size()));
  return good == paths.size() ? ExitCode::kSuccess : ExitCode::kJobFailed;
}

}  // namespace

void add_verify_command(CommandLine app, Action& action) {
  auto paths = std::make_shared<std::vector<std::string>>();
  auto sets = std::make_shared<std::vector<std::string>>();
  CommandLine command = app.add_subcommand("verify", "Build what recorded kernels built, and compare every entry");
  command.add_option("recordings", *paths, "recorded kernels (JSON), boot logs, sosreports; .gz, .bz2, .xz, .zst too")
      .required()
      .type_name("FILE");
  add_set_option(command, *sets);
  command.footer(
      "Of a recorded kernel: reports per stage and level how many recorded page-table entries agree in VA, in flags,\n"
      "and in physical address. All must agree in flags; at boot, where the inputs determine them, in addresses too; "
      "the\n"
      "same leaves must share a page, and those in memory that was added later have the same address.\n"
      "Of a crash dump (kdump, ELF vmcore): the same for the vmemmap in it, beside what the model builds from the "
      "boot\n"
      "log, sections and nodes in the dump; addresses where the log has memblock's lines.\n"
      "Of a boot log: how many 2 MiB leaves of the vmemmap that an old kernel prints were built in the same place, "
      "and\n"
      "whether totals of pages, of nodes and of zones are those of the model. Exit 1 if not.\n\n"
      "Examples:\n  mmusim verify tests/data/recorded/*.xz\n"
      "  mmusim verify tests/data/crash/k61-128m.kdump.xz");
  command.callback([paths, sets, &action] { action = [paths, sets] { return verify(*paths, *sets); }; });
}

}  // namespace mmusim
