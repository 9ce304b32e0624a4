// SPDX-License-Identifier: MIT
#include "sim/recorded/recorded_kernel.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/bootlog/derive.h"
#include "sim/recorded/recorded_stages.h"
#include "sim/scenario/scenario.h"

namespace mmusim {
namespace {

using nlohmann::json;

std::string recorded(const std::string& name) {
  return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/recorded/" + name + ".json.xz";
}
json dump_of(const std::string& name) { return json::parse(read_text_file(recorded(name))); }
json scenario_of(const std::string& name) { return json::parse(derive_scenario(recorded(name)).json); }

/// The phases without what the test is not about.
std::vector<std::string> kinds(const json& scenario) {
  std::vector<std::string> out;
  for (const json& p : scenario["phases"]) {
    out.push_back(p["stage"].get<std::string>() + ":" + p["phase"].get<std::string>());
  }
  return out;
}

TEST(RecordedKernel, TakesTheMachineFromTheInputs) {
  const json s = scenario_of("boot-512m-5l");
  EXPECT_EQ(s["kernel"]["version"], "6.1");
  EXPECT_EQ(s["kernel"]["levels"], 5);
  EXPECT_EQ(s["kernel"]["vmemmap_base"], "0xffd4000000000000");
  EXPECT_EQ(s["kernel"]["init_top_pgt_pa"], "0x2a10000");
  EXPECT_EQ(s["kernel"]["pti"], false);
  EXPECT_EQ(s["memory"]["ranges"][1]["end"], "0x1ffe0000");
  EXPECT_EQ(s["memory"]["reserved"][2]["end"], "0x1ffe1a7d");
  EXPECT_EQ(s["memory"]["node_data"][0]["start"], "0x1ebd4000");
}

TEST(RecordedKernel, ProcessorFeaturesComeFromControlRegisters) {
  EXPECT_EQ(scenario_of("nopse-512m-4l")["kernel"]["cpu"]["pse"], false);
  EXPECT_EQ(scenario_of("boot-512m-4l")["kernel"]["cpu"]["pse"], true);
  EXPECT_EQ(scenario_of("qemu64-1g-4l")["kernel"]["cpu"]["gbpages"], false);
}

TEST(RecordedKernel, FeaturesTakenFromTheProcessorCountEvenIfStartUpCodeSetTheirControlBits) {
  json dump = dump_of("boot-512m-4l");  // CR4.PSE, CR4.PGE and EFER.NXE are set
  const auto cpu = [&] { return json::parse(scenario_from_dump(dump, "x").json)["kernel"]["cpu"]; };
  dump["cpu"] = "max,la57=off,pse=off";
  EXPECT_EQ(cpu()["pse"], false);
  EXPECT_EQ(cpu()["pge"], true);
  dump["cpu"] = "max,-pge";
  EXPECT_EQ(cpu()["pge"], false);
  dump["cpu"] = "max";
  dump["cmdline"] = "nokaslr clearcpuid=pge,3,52";
  EXPECT_EQ(cpu()["pse"], false);
  EXPECT_EQ(cpu()["pge"], false);
  EXPECT_EQ(cpu()["nx"], false);
  EXPECT_EQ(cpu()["gbpages"], true);
}

TEST(RecordedKernel, BlocksThatSpanNodesHaveNoNodeOrZones) {
  json dump = dump_of("boot-512m-4l");
  dump["stages"][0]["memory_blocks"] = json{{"0", "online", "0 1"}, {"1", "online"}, {"2", "online", "0", "DMA32"}};
  EXPECT_NO_THROW(scenario_from_dump(dump, "x"));
}

TEST(RecordedKernel, AnswersAreNeverRead) {
  for (const char* name : {"boot-8g-4l", "hotplug-2dimm-4l", "hvo-2m-4l", "pmem-devdax-pmem-4l"}) {
    json dump = dump_of(name);
    const std::string with = scenario_from_dump(dump, name).json;
    for (json& stage : dump["stages"]) {
      for (const char* key : {"entries", "stats", "table_pages", "leaf_runs", "direct_map_runs", "samples"}) {
        stage[key] = "garbage";
      }
      stage["dmesg"].push_back("memblock_reserve: [0x1-0x2] sparse_init");
    }
    EXPECT_EQ(scenario_from_dump(dump, name).json, with) << name;
    for (json& stage : dump["stages"]) stage.erase("entries");
    EXPECT_EQ(scenario_from_dump(dump, name).json, with) << name;
  }
}

TEST(RecordedKernel, HotplugStagesFollowFromResourcesAndBlocks) {
  const json s = scenario_of("hotplug-remove-4l");
  EXPECT_EQ(kinds(s), (std::vector<std::string>{"boot:boot", "plug256:hot_add", "online256:online", "unplug:hot_remove",
                                                "replug128:hot_add"}));
  EXPECT_EQ(s["phases"][1]["start"], "0x100000000");
  EXPECT_EQ(s["phases"][1]["size"], "256MiB");
  EXPECT_EQ(s["phases"][2]["zone"], "movable");
  EXPECT_EQ(s["phases"][4]["size"], "128MiB");
}

TEST(RecordedKernel, MemmapOnMemoryComesFromTheCommandLine) {
  EXPECT_EQ(scenario_of("hotplug-mom-4l")["kernel"]["memmap_on_memory"], true);
  EXPECT_EQ(scenario_of("hotplug-2dimm-4l")["kernel"]["memmap_on_memory"], false);
}

TEST(RecordedKernel, FoliosThatAppearAreOptimisedThoseThatGoAreRestored) {
  const json s = scenario_of("hvo-2m-4l");
  EXPECT_EQ(kinds(s), (std::vector<std::string>{"boot:boot", "alloc64:hugetlb", "free32:hugetlb", "free0:hugetlb"}));
  EXPECT_EQ(s["phases"][1]["optimise"].size(), 64U);
  EXPECT_EQ(s["phases"][2]["restore"].size(), 32U);
  EXPECT_EQ(s["phases"][3]["restore"].size(), 32U);
  EXPECT_EQ(s["kernel"]["hvo"], true);
}

TEST(RecordedKernel, PersistentMemoryStagesFollowTheNamespace) {
  const json dax = scenario_of("pmem-devdax-pmem-4l");
  EXPECT_EQ(kinds(dax), (std::vector<std::string>{"boot:boot", "raw:mark", "dax:dax"}));
  EXPECT_EQ(dax["phases"][2]["memmap"], "device");
  EXPECT_EQ(dax["phases"][2]["size"], "200MiB");
  // Legacy regions get struct pages even when raw.
  const json e820 = scenario_of("pmem-e820-odd-4l");
  EXPECT_EQ(kinds(e820), (std::vector<std::string>{"boot:boot", "raw:pmem", "pfn:pmem_remove", "pfn:pmem"}));
  EXPECT_EQ(e820["phases"][3]["memmap"], "ram");
}

TEST(RecordedKernel, NamespacesWithoutActionsAreReadFromTheirResources) {
  json dump = dump_of("pmem-devdax-pmem-4l");
  for (json& stage : dump["stages"]) stage.erase("actions");
  const json dax = json::parse(scenario_from_dump(dump, "x").json)["phases"][2];
  EXPECT_EQ(dax["phase"], "dax");
  EXPECT_EQ(dax["memmap"], "device");
}

TEST(RecordedKernel, SmallAlignmentsOfDataCutANamespaceToSubsections) {
  json dump = dump_of("pmem-devdax-pmem-4l");
  std::string action = dump["stages"][2]["actions"][0];
  action.replace(action.find("2097152"), 7, "4096");
  dump["stages"][2]["actions"][0] = action;
  dump["stages"][2]["iomem"] = {"100000000-10c7fefff : Persistent Memory", "  100000000-1003fffff : namespace0.0",
                                "  100400000-10c5fffff : dax0.0"};
  const json dax = json::parse(scenario_from_dump(dump, "x").json)["phases"][2];
  EXPECT_EQ(dax["align"], "4KiB");
  EXPECT_EQ(dax["size"], "198MiB");
}

TEST(RecordedKernel, MemoryThatADriverAddsNeverHoldsItsOwnStructPages) {
  json dump = dump_of("hotplug-mom-4l");
  EXPECT_FALSE(json::parse(scenario_from_dump(dump, "x").json)["phases"][1].contains("memmap_on_memory"));
  for (json& line : dump["stages"][1]["iomem"]) {
    if (line == "100000000-107ffffff : System RAM") line = "100000000-107ffffff : System RAM (virtio_mem)";
  }
  EXPECT_EQ(json::parse(scenario_from_dump(dump, "x").json)["phases"][1]["memmap_on_memory"], false);
}

TEST(RecordedKernel, NamespaceActionsGiveModeAlignmentAndName) {
  std::vector<std::pair<std::string, NamespaceSetup>> setups;
  follow_namespace_actions(
      "R=/sys/bus/nd/devices/region1; N=namespace1.0; echo $N > x/unbind; S=$(cat $R/dax_seed); echo 1073741824 > "
      "/sys/bus/nd/devices/$S/align; echo ram > /sys/bus/nd/devices/$S/mode; echo $S > x/dax_pmem/bind",
      setups);
  ASSERT_EQ(setups.size(), 1U);
  EXPECT_EQ(setups[0].first, "namespace1.0");
  EXPECT_EQ(setups[0].second,
            (NamespaceSetup{NamespaceSetup::Kind::kDax, NamespaceSetup::Mode::kRam, uint64_t{1} << 30}));
  follow_namespace_actions("echo hello", setups);
  EXPECT_EQ(setups.size(), 1U);
}

TEST(RecordedKernel, NodesOfEmulatedMachinesAreAllLocal) {
  EXPECT_EQ(scenario_of("numafake4-2g-4l")["kernel"]["numa_distance"][0], (json{10, 10, 10, 10}));
  EXPECT_EQ(scenario_of("numa2-4g-4l")["kernel"]["numa_distance"], (json{{10, 20}, {20, 10}}));
}

TEST(RecordedKernel, IntelModelsIsolatePageTablesUnlessToldOtherwise) {
  json dump = dump_of("boot-512m-4l");
  const auto pti = [&] { return json::parse(scenario_from_dump(dump, "x").json)["kernel"]["pti"].get<bool>(); };
  dump["cpu"] = "Skylake-Server,la57=off";
  EXPECT_TRUE(pti());
  dump["cmdline"] = "nokaslr mitigations=off";
  EXPECT_FALSE(pti());
  dump["cpu"] = "EPYC";
  dump["cmdline"] = "nokaslr pti=on";
  EXPECT_TRUE(pti());
}

TEST(RecordedKernel, MissingInputsAreNamedByPointer) {
  for (const char* key : {"kernel", "cmdline", "boot_memory_ranges", "boot_reserved", "init_top_pgt_pa"}) {
    json dump = dump_of("boot-512m-4l");
    dump.erase(key);
    try {
      scenario_from_dump(dump, "dump.json");
      ADD_FAILURE() << key;
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find(std::string("dump.json: /") + key), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(scenario_from_dump(json::array(), "x"), InputError);
}

TEST(RecordedKernel, InputsWithAnUsualValueMayBeMissing) {
  json dump = dump_of("boot-512m-5l");
  const json whole = json::parse(scenario_from_dump(dump, "x").json);
  for (const char* key : {"name", "section_size", "struct_page_size", "mem_section_bytes", "qemu_args", "accel"}) {
    dump.erase(key);
  }
  for (const char* key : {"regs", "vmemmap_base", "page_offset_base", "iomem", "memory_blocks", "actions"}) {
    dump["stages"][0].erase(key);
  }
  json less = json::parse(scenario_from_dump(dump, "dir/boot-512m-5l.json").json);
  EXPECT_EQ(less["name"], "boot-512m-5l");
  less["kernel"]["vmemmap_base"] = whole["kernel"]["vmemmap_base"];
  less["kernel"]["page_offset_base"] = whole["kernel"]["page_offset_base"];
  EXPECT_EQ(less["kernel"], whole["kernel"]);
  EXPECT_NO_THROW(scenario_from_json(less, "x.json"));
}

TEST(RecordedKernel, EveryRecordedCaseGivesAScenarioThatReads) {
  unsigned cases = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(MMUSIM_SOURCE_DIR) + "/tests/data/recorded")) {
    if (file.path().extension() != ".xz") continue;
    ++cases;
    json scenario = json::parse(derive_scenario(file.path().string()).json);
    scenario["platform"] = json::object();
    const std::string path = testing::TempDir() + "/derived.json";
    std::ofstream(path) << scenario.dump();
    EXPECT_NO_THROW(load_scenario(path)) << file.path();
  }
  EXPECT_EQ(cases, 51U);
}

bool noted(const DerivedScenario& derived, const std::string& part) {
  return std::any_of(derived.notes.begin(), derived.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

TEST(RecordedKernel, ReleasesTakeTheirProfileAndSayWhatItRestsOn) {
  const std::pair<const char*, const char*> kCases[] = {
      {"boot-512m-4l-k510", "5.10"},      {"boot-512m-4l", "6.1"},
      {"boot-2g-4l-k612", "6.12"},        {"boot-4g-4l-k618c", "6.18"},
      {"hotplug-remove-4l-k619", "6.18"}, {"hvo-2m-4l-k71", "7.1"},
      {"boot-4g-4l-k72", "7.2"},          {"boot-4g-4l-k73", "7.3"}};
  for (const auto& [name, profile] : kCases) {
    const DerivedScenario derived = derive_scenario(recorded(name));
    EXPECT_EQ(json::parse(derived.json)["kernel"]["version"], profile) << name;
    EXPECT_TRUE(noted(derived, fmt::format("profile {} (", profile))) << name;
    EXPECT_TRUE(noted(derived, "recorded on ")) << name;
  }
  json dump = dump_of("boot-512m-4l");
  dump["kernel"] = "6.5.0-0.deb12.4-amd64 #1 SMP";
  const DerivedScenario between = scenario_from_dump(dump, "x");
  EXPECT_TRUE(noted(between, "kernel 6.5.0-0.deb12.4-amd64: profile 6.12 (6.2 to 6.14), recorded on 6.12.117; known"));
  EXPECT_EQ(json::parse(between.json)["kernel"]["overrides"]["page_kernel_ro_dirty"], true);
  dump["kernel"] = "5.8.0-1-amd64";
  EXPECT_TRUE(noted(scenario_from_dump(dump, "x"), "of which no recording is at hand"));
}

TEST(RecordedKernel, KaslrImagesComeFromTheSymbolOfTheRoot) {
  // Physical minus virtual offset, modulo 2^64: the image lies lower in memory than in its region, or above 4 GiB.
  EXPECT_EQ(scenario_of("kaslr-2g-4l-k73")["kernel"]["kernel_phys_base"], "0xffffffffefa00000");
  EXPECT_EQ(scenario_of("kaslr-6g-4l-k510")["kernel"]["kernel_phys_base"], "0x101c00000");
  EXPECT_EQ(scenario_of("efi-2g-4l-k73")["kernel"]["kernel_phys_base"], "0x600000");
  EXPECT_FALSE(scenario_of("boot-512m-4l")["kernel"].contains("kernel_phys_base"));
  json dump = dump_of("kaslr-2g-4l-k73");
  dump["symbols"]["init_top_pgt"] = "0x1000";
  EXPECT_THROW(scenario_from_dump(dump, "x"), InputError);
}

TEST(RecordedKernel, GiganticPagesOfTheBootAreNamedAndNoReservationHoldsThem) {
  const json s = scenario_of("hvo-1g-4l-k73");
  EXPECT_EQ(kinds(s), (std::vector<std::string>{"boot:boot", "boot:hugetlb_init"}));  // no phase optimises them
  ASSERT_EQ(s["memory"]["boot_hugetlb"].size(), 2U);
  EXPECT_EQ(s["memory"]["boot_hugetlb"][0]["start"], "0x140000000");
  EXPECT_EQ(s["memory"]["boot_hugetlb"][1]["end"], "0x140000000");
  for (const json& r : s["memory"]["reserved"]) EXPECT_NE(r["start"], "0x100000000");
  EXPECT_EQ(s["kernel"]["hvo"], true);
}

TEST(RecordedKernel, WhatIsNoGiganticPageIsLeftOutAndSaid) {
  json dump = dump_of("boot-512m-4l-k510");
  ASSERT_FALSE(dump["boot_hugetlb"].empty());  // five times eight bytes
  const DerivedScenario derived = scenario_from_dump(dump, "x");
  EXPECT_FALSE(json::parse(derived.json)["memory"].contains("boot_hugetlb"));
  EXPECT_TRUE(noted(derived, "no page of 1 GiB"));
}

TEST(RecordedKernel, GiganticPagesThatGoLaterAreRestored) {
  json dump = dump_of("hvo-1g-4l-k73");
  json later = dump["stages"][0];
  later["stage"] = "free1";
  later["hugetlb_folios"] = json::array({json::array({1048576U, 262144U})});
  dump["stages"].push_back(later);
  const json s = json::parse(scenario_from_dump(dump, "x").json);
  EXPECT_EQ(kinds(s), (std::vector<std::string>{"boot:boot", "boot:hugetlb_init", "free1:hugetlb"}));
  EXPECT_EQ(s["phases"][2]["restore"], json::array({json::array({1310720, 262144})}));
}

}  // namespace
}  // namespace mmusim
