// SPDX-License-Identifier: MIT
#include "sim/bootlog/questions.h"

#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "sim/bootlog/told_totals.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/untimed_host.h"
#include "tests/sim/bootlog/log_support.h"
#include "tests/support/untimed_run.h"

namespace mmusim {
namespace {

using nlohmann::json;

json asked(const std::string& log, Question question, std::string* notes = nullptr) {
  Evidence evidence;
  add_boot_log(evidence, log, "server", {});
  DerivedScenario derived = scenario_from_evidence(evidence, "server");
  ask(derived, question, evidence, "server");
  if (notes != nullptr) *notes = notes_of(derived);
  return json::parse(derived.json);
}

/// Whether each variant of a scenario reads and its phases, workloads apart, succeed.
void expect_runs(const json& scenario) {
  for (const auto& [name, patch] : scenario["variants"].items()) {
    json document = scenario;
    document.merge_patch(patch);
    document["platform"] = json::object();
    const Scenario s = scenario_from_json(document, "asked.json");
    PhysMem memory;
    UntimedHost host(s, memory, UntimedTarget::Accesses::kLeftOut);
    EXPECT_EQ(run_scenario(s, host, {}).failure, "") << name;
  }
}

TEST(Questions, EachAnswerRunsInEachVariant) {
  for (const char* log : {"kdump-kernel.txt", "pmem-and-soft-reserved.txt", "memoryless-node.txt", "xen-pv.txt"}) {
    for (const Question q :
         {Question::kBaseVsHuge, Question::kHvo, Question::kHotAdd, Question::kDax, Question::kGuest}) {
      SCOPED_TRACE(std::string(log) + ", question " + std::to_string(static_cast<int>(q)));
      expect_runs(asked(file_bytes(bootlog_file(log)), q));
    }
  }
}

TEST(Questions, AGuestHasTheNestedTablesOfItsProcessor) {
  const json intel = asked(two_nodes(), Question::kGuest);
  const json amd = asked(replaced(two_nodes(), "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz (family: 0x6, model: 0x6a",
                                  "AMD EPYC 7543 32-Core Processor (family: 0x19, model: 0x1"),
                         Question::kGuest);
  EXPECT_EQ(intel["variants"]["native"]["virtualization"]["mode"], "none");
  for (const auto& [variant, pages] :
       {std::pair{"guest-over-4k", "4K"}, std::pair{"guest-over-thp", "2M"}, std::pair{"guest-over-1g", "1G"}}) {
    EXPECT_EQ(intel["variants"][variant]["virtualization"]["host_pages"], pages);
    EXPECT_EQ(intel["variants"][variant]["virtualization"]["mode"], "ept");
    EXPECT_EQ(amd["variants"][variant]["virtualization"]["mode"], "npt");
  }
}

TEST(Questions, WithoutLargePagesNoStructPagesLieOnAddedMemory) {
  std::string notes;
  const json s = asked(file_bytes(bootlog_file("xen-pv.txt")), Question::kHotAdd, &notes);
  EXPECT_FALSE(s["variants"].contains("memmap-on-memory"));
  EXPECT_TRUE(has(notes, "no cpu support for altmap allocations"));
  EXPECT_TRUE(asked(two_nodes(), Question::kHotAdd)["variants"].contains("memmap-on-memory"));
  // Asked for on the command line, too.
  const std::string on = replaced(file_bytes(bootlog_file("xen-pv.txt")), "root=/dev/xvda2 ro",
                                  "root=/dev/xvda2 ro memory_hotplug.memmap_on_memory=1");
  EXPECT_EQ(asked(on, Question::kHotAdd)["kernel"]["memmap_on_memory"], false);
}

TEST(Questions, HugePagesAreThoseOfTheCommandLine) {
  const auto folios = [](const std::string& options) {
    const json s = asked(replaced(two_nodes(), "quiet", options), Question::kHvo);
    uint64_t count = 0;
    for (const json& phase : s["phases"]) count += phase.value("allocate", uint64_t{0});
    return count;
  };
  EXPECT_EQ(folios("hugepages=1000"), 999U);  // shared by pages of the nodes, rounded down
  EXPECT_EQ(folios("hugepagesz=2M hugepages=0:300,1:300"), 599U);
  EXPECT_EQ(folios("quiet"), 8124U);  // a quarter of 16,641,951 pages
}

TEST(Questions, HugePagesAskedFor) {
  EXPECT_EQ(huge_pages_asked("default_hugepagesz=1G hugepagesz=1G hugepages=24", kGiB), 24U);
  EXPECT_EQ(huge_pages_asked("hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=512", kGiB), 4U);
  EXPECT_EQ(huge_pages_asked("hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=512", 2 * kMiB), 512U);
  EXPECT_EQ(huge_pages_asked("default_hugepagesz=1G hugepages=0:3,1:5", kGiB), 8U);
  EXPECT_EQ(huge_pages_asked("hugepages=64", 2 * kMiB), 64U);
  EXPECT_EQ(huge_pages_asked("hugepages=64", kGiB), 0U);
  EXPECT_EQ(huge_pages_asked("", 2 * kMiB), 0U);
}

TEST(Questions, AMemoryBlockHasTheMachinesSize) {
  const json s = asked(two_nodes(), Question::kHotAdd);
  EXPECT_EQ(s["phases"][1]["size"], "2048MiB");
  EXPECT_EQ(s["phases"][1]["start"], "0x1080000000");
  EXPECT_EQ(s["phases"][1]["node"], 1);
  EXPECT_EQ(s["variants"].size(), 3U);
}

TEST(Questions, TheDeviceIsThePersistentMemory) {
  std::string notes;
  const json s = asked(file_bytes(bootlog_file("pmem-and-soft-reserved.txt")), Question::kDax, &notes);
  EXPECT_EQ(s["phases"][1]["start"], "0x880000000");
  EXPECT_EQ(s["phases"][1]["size"], "32768MiB");
  EXPECT_TRUE(has(notes, "the device is the persistent memory"));
}

TEST(Questions, AKernelThatCannotIsSaid) {
  std::string notes;
  const json s = asked(file_bytes(bootlog_file("linux-3.2.txt")), Question::kHvo, &notes);
  EXPECT_EQ(s["kernel"]["version"], "6.12");
  EXPECT_TRUE(has(notes, "the question is put to 6.12"));
}

/// A server of four nodes as a 3.10 kernel tells it, with the lines of its vmemmap.
TEST(ToldTotals, OldKernelsTellTheirVmemmap) {
  const std::string log = file_bytes(bootlog_file("linux-3.10-four-nodes.txt"));
  Evidence evidence;
  add_boot_log(evidence, log, "x", {});
  json document = json::parse(scenario_from_evidence(evidence, "x").json);
  EXPECT_EQ(document["kernel"]["page_offset_base"], "0xffff880000000000");
  document["platform"] = json::object();
  const Scenario s = scenario_from_json(document, "x.json");
  const std::vector<StageTables> tables = tables_of(s);
  ASSERT_FALSE(tables.empty());
  const VirtAddr base = layout_of(s).page_offset_base();
  const VmemmapComparison v = compare_vmemmap(evidence.facts, tables.front(), base);
  EXPECT_EQ(v.told, 1024U);
  EXPECT_EQ(v.same_place, 1024U);
  EXPECT_EQ(v.extra, 0U);
  EXPECT_TRUE(v.agrees()) << v.first_difference;
  for (const TotalComparison& total : compare_totals(evidence.facts, s.memory)) {
    EXPECT_EQ(total.told, total.model) << total.what;
  }
  BootFacts less = evidence.facts;
  less.vmemmap_runs.pop_back();
  EXPECT_EQ(compare_vmemmap(less, tables.front(), base).extra, 256U);
}

}  // namespace
}  // namespace mmusim
