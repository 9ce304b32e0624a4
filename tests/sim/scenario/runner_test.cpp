// SPDX-License-Identifier: MIT
#include "sim/scenario/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/stats.h"
#include "sim/scenario/machine_host.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

using nlohmann::json;
using testing::ElementsAre;

/// 1 GiB in a hole-free range, or with a second GiB above 4 GiB, on the textbook machine.
json machine_with(json phases) {
  return json{{"name", "runner"},
              {"platform", "textbook"},
              {"kernel", {{"version", "6.12"}}},
              {"memory", {{"ranges", json::array({{{"start", "0x0"}, {"size", "1GiB"}}})}}},
              {"phases", std::move(phases)}};
}

/// Numbers of a JSON text are unsigned where they can be, those of C++ literals are not.
Scenario read(const json& document) { return scenario_from_json(json::parse(document.dump()), "runner_test.json"); }

struct Ran {
  RunResult result;
  json counters;
};

Ran run(const json& document, LookAhead look_ahead = LookAhead::kPending) {
  const Scenario scenario = read(document);
  Simulation simulation;
  MachineHost host(simulation, scenario, scenario_platform(scenario), {look_ahead});
  RunResult result = run_scenario(scenario, host, {});
  return {std::move(result), json(to_json(host.target().stats()))};
}

/// What a run computed, as text that a child process hands back.
std::string report(const json& document, LookAhead look_ahead = LookAhead::kPending) {
  const Ran r = run(document, look_ahead);
  json phases = json::array();
  for (const PhaseSummary& p : r.result.summary.phases) {
    phases.push_back({{"stage", p.stage}, {"cycles", p.end.count - p.begin.count}});
  }
  return json{{"failure", r.result.failure}, {"phases", phases}, {"counters", r.counters}}.dump();
}

json run_in_child(const json& document, LookAhead look_ahead = LookAhead::kPending) {
  return json::parse(in_child([&] { return report(document, look_ahead); }));
}

std::vector<std::string> stages_of(const json& report) {
  std::vector<std::string> stages;
  for (const json& phase : report["phases"]) stages.push_back(phase["stage"]);
  return stages;
}

uint64_t cycles_of(const json& report, size_t phase) { return report["phases"][phase]["cycles"]; }

TEST(Runner, PhasesRunInTheirOrderAndKeepTheirStage) {
  const json r = run_in_child(
      machine_with({{{"phase", "boot"}},
                    {{"phase", "hot_add"}, {"stage", "plug"}, {"start", "0x100000000"}, {"size", "128MiB"}},
                    {{"phase", "online"}, {"start", "0x100000000"}, {"size", "128MiB"}},
                    {{"phase", "mark"}, {"stage", "end"}}}));
  EXPECT_EQ(r["failure"], "");
  EXPECT_THAT(stages_of(r), ElementsAre("boot", "plug", "plug#2", "end"));
  EXPECT_GT(cycles_of(r, 0), 0U);
  EXPECT_GT(cycles_of(r, 1), 0U);
  EXPECT_EQ(cycles_of(r, 3), 0U);
}

TEST(Runner, APhaseThatReturnsSomethingElseEndsTheRun) {
  json phases = {{{"phase", "boot"}},
                 {{"phase", "hot_add"},
                  {"stage", "plug"},
                  {"start", "0x100000000"},
                  {"size", "128MiB"},
                  {"fail_allocation", {{"kind", "leaf_block"}, {"nth", 1}, {"count", 1000}}}},
                 {{"phase", "mark"}, {"stage", "never"}}};
  const json r = run_in_child(machine_with(phases));
  EXPECT_EQ(r["failure"], "phase 1 (hot_add, stage \"plug\") returned -ENOMEM, expected success");
  EXPECT_THAT(stages_of(r), ElementsAre("boot", "plug"));

  phases[1]["expect"] = "-ENOMEM";
  const json expected = run_in_child(machine_with(phases));
  EXPECT_EQ(expected["failure"], "");
  EXPECT_THAT(stages_of(expected), ElementsAre("boot", "plug", "never"));
}

TEST(Runner, UntimedPhasesMoveNoTimeAndCountNothing) {
  json document =
      machine_with({{{"phase", "boot"}, {"timed", false}},
                    {{"phase", "hot_add"}, {"timed", false}, {"start", "0x100000000"}, {"size", "128MiB"}},
                    {{"phase", "hot_remove"}, {"timed", false}, {"start", "0x100000000"}, {"size", "128MiB"}}});
  document["platform"] = {{"base", "textbook"}, {"core", {{"tlb_flush_cycles", 200}}}};
  const json r = run_in_child(document);
  EXPECT_EQ(r["failure"], "");
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(cycles_of(r, i), 0U) << i;
  document["phases"][1]["timed"] = true;
  document["phases"][2]["timed"] = true;
  const json timed = run_in_child(document);
  EXPECT_GT(cycles_of(timed, 2), 200U);  // the removal flushes
}

json deferred(json phase, unsigned cores, const char* model = "blocking") {
  json document = machine_with({{{"phase", "boot"}, {"timed", false}}, std::move(phase)});
  document["platform"] = {{"base", "textbook"}, {"cores", cores}, {"core", {{"model", model}}}};
  document["kernel"]["memmap_init"] = true;
  document["kernel"]["deferred_struct_page_init"] = true;
  return document;
}

TEST(Runner, M3_DeferredInitIsFasterOnSeveralCores) {
  const json one = run_in_child(deferred({{"phase", "deferred_init"}, {"workers", 1}}, 3));
  const json three = run_in_child(deferred({{"phase", "deferred_init"}}, 3));
  ASSERT_EQ(three["failure"], "");
  EXPECT_LT(cycles_of(three, 1) * 2, cycles_of(one, 1));
  EXPECT_GT(cycles_of(three, 1) * 3, cycles_of(one, 1) * 9 / 10);  // but not for nothing
}

TEST(Runner, M3_DeferredInitDoesNotDependOnHowFarCoresRunAhead) {
  for (const char* model : {"blocking", "window"}) {
    json document = deferred({{"phase", "deferred_init"}}, 2, model);
    document["memory"]["ranges"][0]["size"] = "384MiB";
    EXPECT_EQ(run_in_child(document), run_in_child(document, LookAhead::kNone)) << model;
  }
}

TEST(Runner, M3_MoreWorkersThanCoresAreRefused) {
  const Scenario scenario = read(deferred({{"phase", "deferred_init"}, {"workers", 3}}, 2));
  EXPECT_THROW(scenario_platform(scenario), InputError);
}

/// The memory that a workload after `phases` may use.
std::vector<mm::MemoryRange> workload_memory(json phases) {
  phases.push_back({{"phase", "workload"}, {"kind", "random_pfn"}, {"parameters", {{"operations", 1}}}});
  json document = machine_with(std::move(phases));
  document["kernel"]["hvo"] = true;
  Scenario scenario = read(document);
  std::vector<mm::MemoryRange> seen;
  auto& workload = std::get<WorkloadPhase>(scenario.phases.back().what);
  workload.plan = [&, plan = workload.plan](const WorkloadContext& context) {
    seen = context.memory;
    return plan(context);
  };
  Simulation simulation;
  MachineHost host(simulation, scenario, scenario_platform(scenario));
  EXPECT_EQ(run_scenario(scenario, host, {}).failure, "");
  return seen;
}

std::string text_of(const std::vector<mm::MemoryRange>& ranges) {
  std::string text;
  for (const mm::MemoryRange& r : ranges) text += fmt::format("{:x}-{:x} ", r.start.raw, r.end.raw);
  return text;
}

TEST(Runner, WorkloadsNeverGetThePagesOfHugetlbFolios) {
  const json listed = {{"phase", "hugetlb"}, {"timed", false}, {"optimise", {{0x20000, 512}, {0x20200, 512}}}};
  const json restored = {{"phase", "hugetlb"}, {"timed", false}, {"restore", {{0x20000, 512}}}};
  const json boot = {{"phase", "boot"}, {"timed", false}};
  EXPECT_EQ(in_child([&] { return text_of(workload_memory({boot, listed})); }), "0-20000 20400-40000 ");
  EXPECT_EQ(in_child([&] { return text_of(workload_memory({boot, listed, restored})); }), "0-20200 20400-40000 ");
}

TEST(Runner, ScatteredFoliosLieAllOverTheNode) {
  const json spread = {{"phase", "hugetlb"}, {"timed", false}, {"allocate", 8}, {"scattered", true}};
  const std::string text = in_child([&] {
    const auto memory = workload_memory({{{"phase", "boot"}, {"timed", false}}, spread});
    uint64_t pages = 0;
    for (const mm::MemoryRange& r : memory) pages += r.end - r.start;
    return fmt::format("{} pieces, {} pages", memory.size(), pages);
  });
  EXPECT_EQ(text, fmt::format("9 pieces, {} pages", 262144 - 8 * 512));
}

}  // namespace
}  // namespace mmusim
