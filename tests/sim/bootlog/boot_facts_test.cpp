// SPDX-License-Identifier: MIT
#include "sim/bootlog/boot_facts.h"

#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

BootFacts facts_of(const std::string& log) {
  const std::vector<LogMessage> messages = messages_of(log);
  return read_boot_facts(messages, boots_of(messages).back());
}

uint64_t usable(const std::string& log) {
  uint64_t bytes = 0;
  for (const MapEntry& e : facts_of(log).map) bytes += e.kind == MemoryKind::kRam ? e.range.bytes() : 0;
  return bytes;
}

TEST(BootFacts, WordingsOfTheFirmwaresMap) {
  for (const char* line :
       {"BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable",
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff]  System RAM",
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff]  1024 KB System RAM",
        "BIOS-e820: 0000000000100000 - 0000000000200000 (usable)",
        "Xen: [mem 0x0000000000100000-0x00000000001fffff] usable", "Xen: 0000000000100000 - 0000000000200000 (usable)",
        "BIOS-88: [mem 0x0000000000100000-0x00000000001fffff] usable"}) {
    EXPECT_EQ(usable(line), kMiB) << line;
  }
  for (const char* kind :
       {"reserved", " device reserved", "ACPI data", "ACPI NVS", "unusable", "type 9", "persistent (type 7)",
        "persistent (type 12)", " persistent RAM (type 7)", "soft reserved"}) {
    const BootFacts facts = facts_of(std::string("BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] ") + kind);
    ASSERT_EQ(facts.map.size(), 1U) << kind;
    EXPECT_NE(facts.map[0].kind, MemoryKind::kRam) << kind;
    EXPECT_TRUE(facts.damaged.empty()) << kind;
  }
  EXPECT_TRUE(facts_of("BIOS-e820: [gap 0x0000000070000000-0x00000000ffffffff]").damaged.empty());
}

TEST(BootFacts, ChangesOfTheMapBeforeMemblockTakesIt) {
  const std::string map = "BIOS-e820: [mem 0x0000000000000000-0x00000000001fffff] usable\n";
  const std::string pfn = "last_pfn = 0x200 max_arch_pfn = 0x400000000\n";
  EXPECT_EQ(usable(map + "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n" + pfn), 2 * kMiB - 4096);
  EXPECT_EQ(usable(map + "e820: remove [mem 0x000a0000-0x000fffff] usable\n" + pfn), 2 * kMiB - 384 * kKiB);
  EXPECT_EQ(usable(map + "e820 update range: 0000000000000000 - 0000000000010000 (usable) ==> (reserved)\n" + pfn),
            2 * kMiB - 64 * kKiB);
  EXPECT_EQ(usable(map + "e820 remove range: 00000000000a0000 - 0000000000100000 (usable)\n" + pfn),
            2 * kMiB - 384 * kKiB);
  EXPECT_EQ(usable(map + "e820: update [mem 0x00000000-0x00000fff] System RAM ==> device reserved\n" + pfn),
            2 * kMiB - 4096);
  // RAM that stays RAM, and what takes nothing from it.
  EXPECT_EQ(usable(map + "e820: update [mem 0x00100018-0x00130e57] usable ==> usable\n" + pfn), 2 * kMiB);
  EXPECT_EQ(usable(map + "e820: remove [mem 0x00100000-0x001fffff] reserved\n" + pfn), 2 * kMiB);
  EXPECT_EQ(usable(map + "e820: update [mem 0x00100000-0x001fffff] reserved ==> unusable\n" + pfn), 2 * kMiB);
}

TEST(BootFacts, ChangesBehindMemblocksBackLeaveTheMap) {
  const std::string log =
      "BIOS-e820: [mem 0x0000000000000000-0x00000000001fffff] usable\n"
      "last_pfn = 0x200 max_arch_pfn = 0x400000000\n"
      "esrt: Reserving ESRT space from 0x0000000000180000 to 0x0000000000180060.\n"
      "e820: update [mem 0x00180000-0x00180fff] usable ==> reserved\n";
  EXPECT_EQ(usable(log), 2 * kMiB);
  const BootFacts facts = facts_of(log);
  ASSERT_EQ(facts.late_reserved.size(), 1U);
  EXPECT_EQ(facts.late_reserved[0], (PhysRange{PhysAddr(0x180000), PhysAddr(0x181000)}));
  EXPECT_EQ(usable(without_lines(log, "last_pfn")), 2 * kMiB);  // known by what follows, too
}

TEST(BootFacts, ALaterMapReplacesTheFirmwares) {
  const std::string firmware = "BIOS-e820: [mem 0x0000000000100000-0x00000000004fffff] usable\n";
  const std::string user = "user: [mem 0x0000000000100000-0x00000000001fffff] usable\n";
  const std::string extended =
      "reserve setup_data: [mem 0x0000000000100000-0x0000000000180017] usable\n"
      "reserve setup_data: [mem 0x0000000000180018-0x00000000004fffff] usable\n";
  EXPECT_EQ(usable(firmware + user), kMiB);
  EXPECT_EQ(usable(user + firmware), kMiB);
  EXPECT_EQ(usable(firmware + extended), 4 * kMiB);
  EXPECT_EQ(usable(firmware + extended + user), kMiB);
  EXPECT_EQ(usable(firmware + "modified: 0000000000100000 - 0000000000300000 (usable)\n"), 2 * kMiB);
}

TEST(BootFacts, WordingsOfTheListOfNodes) {
  const PhysRange range{PhysAddr(0x10000), PhysAddr(0x9f000)};
  for (const char* log : {"Early memory node ranges\n  node   3: [mem 0x0000000000010000-0x000000000009efff]\n",
                          "Early memory node ranges\n  node   3: [mem 0x00010000-0x0009efff]\n",
                          "Early memory PFN ranges\n    3: 0x00000010 -> 0x0000009f\n",
                          "early_node_map[1] active PFN ranges\n    3: 0x00000010 -> 0x0000009f\n",
                          "early_node_map[1] active PFN ranges\n    3:       16 ->      159\n"}) {
    const BootFacts facts = facts_of(log);
    ASSERT_EQ(facts.node_ranges.size(), 1U) << log;
    EXPECT_EQ(facts.node_ranges[0].range, range) << log;
    EXPECT_EQ(facts.node_ranges[0].node, 3U) << log;
  }
}

TEST(BootFacts, WordingsOfTheAffinity) {
  for (const char* log :
       {"ACPI: SRAT: Node 1 PXM 7 [mem 0x880000000-0x107fffffff]",
        "ACPI: SRAT: Node 1 PXM 7 [mem 0x880000000-0x107fffffff] hotplug",
        "SRAT: Node 1 PXM 7 [mem 0x880000000-0x107fffffff] Hot Pluggable", "SRAT: Node 1 PXM 7 880000000-1080000000",
        "SRAT: Node 1 PXM 7 880000000-107fffffff", "Node 1 MemBase 0000000880000000 Limit 0000001080000000"}) {
    const BootFacts facts = facts_of(log);
    ASSERT_EQ(facts.affinity.size(), 1U) << log;
    EXPECT_EQ(facts.affinity[0].range, (PhysRange{PhysAddr(0x880000000), PhysAddr(0x1080000000)})) << log;
    EXPECT_EQ(facts.affinity[0].node, 1U) << log;
    EXPECT_EQ(facts.affinity[0].hotplug, has(log, "otplug") || has(log, "Hot ")) << log;
  }
  EXPECT_TRUE(facts_of("ACPI: SRAT: Node 2 PXM 2 [mem 0x00000000-0xffffffffffffffff] hotplug").affinity.empty());
}

TEST(BootFacts, WordingsOfNodeData) {
  for (const char* log :
       {"NODE_DATA(1) allocated [mem 0x107ffd4000-0x107fffefff]",
        "Initmem setup node 1 [mem 0x880000000-0x107fffffff]\n  NODE_DATA [mem 0x107ffd4000-0x107fffefff]",
        "Initmem setup node 1 0000000880000000-0000001080000000\n"
        "  NODE_DATA [000000107ffd4000 - 000000107fffefff]"}) {
    const BootFacts facts = facts_of(log);
    ASSERT_EQ(facts.node_data.size(), 1U) << log;
    EXPECT_EQ(facts.node_data[0].node, 1U) << log;
    EXPECT_EQ(facts.node_data[0].range, (PhysRange{PhysAddr(0x107ffd4000), PhysAddr(0x107ffff000)})) << log;
  }
}

TEST(BootFacts, SpansAreOnlyThoseWithAllDigits) {
  EXPECT_EQ(facts_of("Initmem setup node 0 [mem 0x0000000000001000-0x000000087fffffff]").node_spans.size(), 1U);
  EXPECT_EQ(facts_of("Initmem setup node 0 [mem 0x00000000-0x87fffffff]").setup_ranges.size(), 1U);
  EXPECT_EQ(facts_of("Initmem setup node 0 0000000000000000-0000000880000000").setup_ranges.size(), 1U);
  EXPECT_TRUE(facts_of("Initmem setup node 2 as memoryless").damaged.empty());
  EXPECT_TRUE(facts_of("Initmem setup node 2 [mem 0x0000000000000000-0x0000000000000000]").node_spans.empty());
}

TEST(BootFacts, TotalsWithoutWhatIsAbsent) {
  EXPECT_EQ(facts_of("Memory: 65400000K/66567804K available (1K kernel code)").present_kib->value, 66567804U);
  EXPECT_EQ(facts_of("Memory: 65797352k/69206016k available (3436k kernel code, 2633104k absent, 775560k reserved)")
                .present_kib->value,
            66572912U);
  EXPECT_FALSE(facts_of("Memory: 16384M available").present_kib);
}

TEST(BootFacts, RunsOfTheVmemmapMayHaveHoles) {
  const BootFacts facts =
      facts_of("[ffffea0000000000-ffffea0008ffffff] PMD -> [ffff880233600000-ffff88023b5fffff] on node 0");
  ASSERT_EQ(facts.vmemmap_runs.size(), 1U);
  EXPECT_EQ(facts.vmemmap_runs[0].end - facts.vmemmap_runs[0].start, 144 * kMiB);
  EXPECT_EQ(facts.vmemmap_runs[0].direct_end - facts.vmemmap_runs[0].direct_start, 128 * kMiB);
  EXPECT_FALSE(facts_of("[ffffea0000000000-ffffea0000ffffff] PMD -> [ffff880233600000-ffff88023b5fffff] on node 0")
                   .damaged.empty());
}

TEST(BootFacts, ACutLineIsNamedAndNotTaken) {
  for (const char* line :
       {"BIOS-e820: [mem 0x0000000000100000-0x0000000", "BIOS-e820: [mem 0x0000000000100000-0x1fffff] usa",
        "  node   0: [mem 0x0000000000100000-0x0000000", "e820: update [mem 0x00000000-0x00000fff] usable ==> ",
        "Memory: 65400000K/66567", "last_pfn = 0x1080000 max_ar", "ACPI: SRAT: Node 1 PXM 1 [mem 0x8800000",
        "NODE_DATA(0) allocated [mem 0x87f", "Initmem setup node 0 [mem 0x0000000000001000-0x00"}) {
    const BootFacts facts = facts_of(std::string("Zone ranges:\n") + line + "\nnoise\n");
    ASSERT_EQ(facts.damaged.size(), 1U) << line;
    EXPECT_EQ(facts.damaged[0], 2U) << line;
    EXPECT_TRUE(facts.map.empty() && facts.node_ranges.empty() && !facts.present_kib) << line;
  }
}

TEST(BootFacts, RootTablesFrom6_18OnAreNotAmongTheReserved) {
  const std::string before = "memblock_reserve: [0x0000000001000000-0x0000000004410fff] setup_arch+0x1/0x2\n";
  const std::string alloc = "memblock_alloc_try_nid: 32768 bytes align=0x40 nid=-1 from=0x0 ";
  const std::string reserve =
      "memblock_reserve: [0x0000000030000000-0x0000000030007fff] memblock_alloc_range_nid+0x1/0x2\n";
  const std::string sparse = alloc + "sparse_index_alloc+0x1/0x2\n";
  EXPECT_EQ(facts_of(before + alloc + "__memblock_alloc_or_panic+0x1/0x2\n" + reserve + sparse).reserved.size(), 1U);
  EXPECT_EQ(facts_of(before + alloc + "another_caller+0x1/0x2\n" + reserve + sparse).reserved.size(), 2U);
  EXPECT_EQ(facts_of(before + alloc + "sparse_init+0x1/0x2\n" + reserve).reserved.size(), 1U);
}

TEST(BootFacts, WordingsOfTheProcessor) {
  const auto cpu = [](const std::string& line) { return facts_of(line).processor; };
  EXPECT_EQ(cpu("smpboot: CPU0: A Xeon (family: 0x6, model: 0x6a, stepping: 0x6)").model, 0x6aU);
  EXPECT_EQ(cpu("smpboot: CPU0: Intel(R) Xeon(R) CPU E7 (fam: 06, model: 3f, stepping: 04)").model, 0x3fU);
  EXPECT_EQ(cpu("CPU0: Intel(R) Xeon(R) CPU X7560 @ 2.27GHz stepping 06").name, "Intel(R) Xeon(R) CPU X7560 @ 2.27GHz");
  EXPECT_EQ(
      cpu("CPU0: Thermal monitoring enabled (TM1)\nCPU0: AMD EPYC (family: 0x19, model: 0x1, stepping: 0x1)").family,
      0x19U);
  EXPECT_TRUE(cpu("mce: CPU0: Thermal monitoring enabled (TM1)").name.empty());
  const ProcessorFact by_microcode = cpu("microcode: CPU0: sig=0x606a6, pf=0x1, revision=0xd000375");
  EXPECT_EQ(by_microcode.family, 6U);
  EXPECT_EQ(by_microcode.model, 0x6aU);
  EXPECT_EQ(by_microcode.stepping, 6U);
  EXPECT_EQ(
      cpu("Performance Events: PEBS fmt4+-baseline, 32-deep LBR, Sapphire Rapids events, Intel PMU driver.").events,
      "Sapphire Rapids");
}

TEST(BootFacts, OtherArchitecturesAreRefusedByName) {
  const std::string map = "Early memory node ranges\n  node   0: [mem 0x0000000040000000-0x00000001ffffffff]\n";
  const auto refusal = [&](const std::string& line) {
    try {
      scenario_from_boot_log(line + "\n" + map, "x");
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_TRUE(has(refusal("Booting Linux on physical CPU 0x0000000000 [0x413fd0c1]"), "ARM"));
  EXPECT_TRUE(has(refusal("Linux version 6.1.0-18-arm64 (b@h) (gcc-12) #1 SMP"), "arm64"));
  EXPECT_TRUE(has(refusal("Linux version 6.1.0-18-riscv64 (b@h) (gcc-12) #1 SMP"), "RISC-V"));
  EXPECT_TRUE(has(refusal("Linux version 6.1.0 (b@h) (powerpc64le-linux-gnu-gcc-12) #1 SMP"), "PowerPC"));
  EXPECT_TRUE(has(refusal("Linux version 4.9.0-8-686-pae (b@h) (gcc 6.3.0) #1 SMP"), "32-bit"));
  EXPECT_TRUE(has(refusal("3200MB HIGHMEM available."), "32-bit"));
  EXPECT_TRUE(has(refusal("last_pfn = 0x140000 max_arch_pfn = 0x1000000"), "32-bit"));
  EXPECT_TRUE(has(refusal("Zone ranges:\n  DMA      [mem 0x0000000040000000-0x00000000ffffffff]"), "16 MiB"));
  EXPECT_EQ(refusal("Linux version 6.1.0 (b@arm64-builder) (x86_64-linux-gnu-gcc) #1 SMP"), "");
}

}  // namespace
}  // namespace mmusim
