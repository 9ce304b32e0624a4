// SPDX-License-Identifier: MIT
// A process on several simulated cores gives memory back.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

using nlohmann::json;

/// Four cores; `phase` is a process phase without heap and beside.
json scenario_with(json phase, unsigned busy, const char* model = "blocking") {
  phase["phase"] = "process";
  phase["heap"] = "64KiB";
  if (busy != 0) {
    phase["beside"] = {{"cores", busy},
                       {"kind", "uniform"},
                       {"parameters", {{"base", "0x7f0000000000"}, {"bytes", "64KiB"}, {"user", true}}}};
  }
  return {{"name", "user"},
          {"platform", {{"base", "textbook"}, {"cores", 4}, {"core", {{"model", model}}}}},
          {"kernel", {{"version", "6.12"}}},
          {"memory", {{"ranges", json::array({{{"start", "0x0"}, {"size", "1GiB"}}})}}},
          {"phases", {{{"phase", "boot"}, {"timed", false}}, phase}}};
}

/// What the process phase counted, as text.
std::string counted(const json& description, LookAhead look_ahead = LookAhead::kPending) {
  const Scenario scenario = scenario_from_json(json::parse(description.dump()), "user_shootdown_test.json");
  Simulation simulation;
  MachineOptions options;
  options.look_ahead = look_ahead;
  MachineHost host(simulation, scenario, scenario_platform(scenario), options);
  const RunResult result = run_scenario(scenario, host, {});
  const PhaseSummary& phase = result.summary.phases.at(1);
  json cores = json::array();
  for (size_t i = 0; i < phase.cores.size(); ++i) {
    const CoreSummary& core = phase.cores[i];
    cores.push_back({{"accesses", core.machine.accesses},
                     {"faults", host.machine().core(static_cast<unsigned>(i)).access_stats().faults},
                     {"walks", core.machine.walks},
                     {"cycles", core.machine.cycles},
                     {"interrupts", core.interrupts}});
  }
  const ShootdownTotals& s = phase.kernel.shootdowns;
  return json{{"failure", result.failure},
              {"cores", cores},
              {"user", s.flush_rounds_user},
              {"full", s.flush_rounds_full},
              {"sent", s.ipis_sent},
              {"invlpg", s.invlpg},
              {"populate", phase.kernel.populate_cycles},
              {"end", phase.end.count}}
      .dump();
}
json run(const json& description) {
  return json::parse(in_child([&] { return counted(description); }));
}

TEST(UserShootdown, S18_CoresThatRunAThreadAreInterruptedByEachCall) {
  const json r = run(scenario_with({{"call", "madvise"}, {"pages", 2}, {"repeat", 5}}, 2));
  EXPECT_EQ(r["failure"], "");
  EXPECT_EQ(r["user"], 5);
  EXPECT_EQ(r["full"], 0);
  EXPECT_EQ(r["populate"], 0);  // no time of the vmemmap
  EXPECT_EQ(r["sent"], 10);
  EXPECT_EQ(r["invlpg"], 5 * 2 * 3);
  for (size_t core = 1; core < 3; ++core) {
    EXPECT_EQ(r["cores"][core]["interrupts"], 5);
    EXPECT_GT(r["cores"][core]["accesses"], 100);
    EXPECT_EQ(r["cores"][core]["faults"], 0);  // the heap stays mapped
  }
  EXPECT_EQ(r["cores"][3]["interrupts"], 0);  // no thread has run there
}

TEST(UserShootdown, S18_AFlushOfTheWholeProcessCostsItsThreadsTheirTranslations) {
  const json few = run(scenario_with({{"call", "madvise"}, {"pages", 33}, {"repeat", 20}}, 3));
  const json many = run(scenario_with({{"call", "madvise"}, {"pages", 34}, {"repeat", 20}}, 3));
  EXPECT_EQ(many["invlpg"], 0);
  EXPECT_LE(few["cores"][1]["walks"], 16 + 4);  // the pages of the heap, once
  EXPECT_GE(many["cores"][1]["walks"], 100);    // and after each call
}

TEST(UserShootdown, S19_IdleCoresAreInterruptedOnlyWhereTablesAreFreed) {
  const json asleep = run(scenario_with({{"call", "mprotect"}, {"repeat", 5}, {"asleep", true}}, 0));
  EXPECT_EQ(asleep["sent"], 0);
  EXPECT_EQ(asleep["invlpg"], 5);
  const json unmapped = run(scenario_with({{"call", "munmap"}, {"repeat", 5}, {"asleep", true}}, 0));
  EXPECT_EQ(unmapped["sent"], 3);  // then they have init_mm's tables
  EXPECT_EQ(unmapped["invlpg"], 5);
}

constexpr const char* kBroadcasts = R"({"version": "7.3", "cpu": {"invlpgb_pages": 8}, "global_asid_period": 4})";

TEST(UserShootdown, S27_AfterSomeFlushesBroadcastsReplaceTheInterrupts) {
  json description = scenario_with({{"call", "madvise"}, {"pages", 2}, {"repeat", 20}}, 3);
  description["kernel"] = json::parse(kBroadcasts);
  const json r = run(description);
  EXPECT_EQ(r["failure"], "");
  EXPECT_EQ(r["sent"], (4 + 1) * 3);     // the fifth makes all cores take the global ASID
  EXPECT_EQ(r["user"], 4 + 1 + 1 + 16);  // these, the flush before the first global ASID, the broadcasts
  EXPECT_EQ(r["invlpg"], 4 * 2 * 4);
  for (size_t core = 1; core < 4; ++core) EXPECT_EQ(r["cores"][core]["faults"], 0);
}

TEST(UserShootdown, S27_ABroadcastForTheWholeProcessCostsItsThreadsTheirTranslations) {
  const auto walks = [](unsigned pages) {
    json description = scenario_with({{"call", "madvise"}, {"pages", pages}, {"repeat", 40}}, 3);
    description["kernel"] = json::parse(kBroadcasts);
    description["kernel"]["global_asid_period"] = 1;
    return run(description)["cores"][1]["walks"].get<unsigned>();
  };
  // The pages of the heap under the first ASID, again after the flush before the first global one, and under that.
  EXPECT_LE(walks(33), 3 * 16 + 4);
  EXPECT_GE(walks(34), 200);  // and after each call
}

TEST(UserShootdown, LockStepAndLookAheadAreEqual) {
  for (const char* model : {"blocking", "window"}) {
    for (const char* call : {"madvise", "munmap", "broadcast"}) {
      const bool broadcast = std::string_view(call) == "broadcast";
      json description = scenario_with(
          {{"call", broadcast ? "madvise" : call}, {"pages", 40}, {"repeat", broadcast ? 12 : 4}}, 3, model);
      if (broadcast) description["kernel"] = json::parse(kBroadcasts);
      const auto with = [&](LookAhead look_ahead) {
        return in_child([&] { return counted(description, look_ahead); });
      };
      EXPECT_EQ(with(LookAhead::kPending), with(LookAhead::kNone)) << model << ' ' << call;
    }
  }
}

TEST(UserShootdown, RunningThreadsNeedSomethingToDo) {
  try {
    const Scenario scenario =
        scenario_from_json(json::parse(scenario_with({{"call", "madvise"}}, 0).dump()), "user_shootdown_test.json");
    scenario_platform(scenario);
    ADD_FAILURE() << "accepted";
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("/phases/1"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("asleep"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace mmusim
