// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/bootlog/evidence.h"
#include "sim/scenario/scenario.h"

namespace mmusim {
namespace {

using nlohmann::json;

constexpr const char* kServer =
    R"([    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP
[    0.000000] Command line: BOOT_IMAGE=/vmlinuz-6.1.0-18-amd64 root=/dev/sda1 ro quiet nokaslr
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
[    0.000000] BIOS-e820: [mem 0x00000000000a0000-0x00000000000fffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x0000000075daffff] usable
[    0.000000] BIOS-e820: [mem 0x0000000075db0000-0x0000000075ffffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000207fffffff] usable
[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
[    0.000000] e820: remove [mem 0x000a0000-0x000fffff] usable
[    0.000000] RAMDISK: [mem 0x30d5c000-0x34f7dfff]
[    0.011000] ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]
[    0.011000] ACPI: SRAT: Node 0 PXM 0 [mem 0x00100000-0x7fffffff]
[    0.011000] ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x107fffffff]
[    0.011000] ACPI: SRAT: Node 1 PXM 1 [mem 0x1080000000-0x207fffffff]
[    0.011000] Using GB pages for direct mapping
[    0.012000] NODE_DATA(0) allocated [mem 0x107ffd5000-0x107fffffff]
[    0.012000] NODE_DATA(1) allocated [mem 0x207ffd4000-0x207fffefff]
[    0.049000] Memory: 131000000K/134051132K available (14342K kernel code, 2332K rwdata, 9056K rodata, 2792K init, 17412K bss, 2400000K reserved)
[    0.050000] x86/mm: Memory block size: 2048MB
[    0.300000] smpboot: CPU0: AMD EPYC 7763 64-Core Processor (family: 0x19, model: 0x1, stepping: 0x1)
)";

/// Without the lines that contain `what`.
std::string without_lines(const std::string& log, const std::string& what) {
  std::string out;
  size_t start = 0;
  for (size_t at; (at = log.find('\n', start)) != std::string::npos; start = at + 1) {
    const std::string line = log.substr(start, at - start + 1);
    if (line.find(what) == std::string::npos) out += line;
  }
  return out;
}

json server() { return json::parse(scenario_from_boot_log(kServer, "server").json); }

TEST(BootLog, MemoryIsTheUsableMapCutByNodes) {
  const json ranges = server()["memory"]["ranges"];
  ASSERT_EQ(ranges.size(), 4U);
  EXPECT_EQ(ranges[0], (json{{"start", "0x1000"}, {"end", "0xa0000"}, {"node", 0}}));
  EXPECT_EQ(ranges[1], (json{{"start", "0x100000"}, {"end", "0x75db0000"}, {"node", 0}}));
  EXPECT_EQ(ranges[2], (json{{"start", "0x100000000"}, {"end", "0x1080000000"}, {"node", 0}}));
  EXPECT_EQ(ranges[3], (json{{"start", "0x1080000000"}, {"end", "0x2080000000"}, {"node", 1}}));
}

TEST(BootLog, KernelAndProcessorAreRecognised) {
  const json s = server();
  EXPECT_EQ(s["kernel"]["version"], "6.1");
  EXPECT_EQ(s["kernel"]["cpu"]["gbpages"], true);
  EXPECT_EQ(s["kernel"]["memory_block_size"], "2048MiB");
  EXPECT_EQ(s["platform"], "milan");
}

TEST(BootLog, WithoutMemblockLinesReservationsAreAssumedAndSaidSo) {
  const DerivedScenario derived = scenario_from_boot_log(kServer, "server");
  const json s = json::parse(derived.json);
  EXPECT_EQ(s["memory"]["early_tables"], "from_memblock");
  EXPECT_EQ(s["memory"]["reserved"][1], (json{{"start", "0x1000000"}, {"end", "0x4400000"}}));  // the kernel's image
  EXPECT_EQ(s["kernel"]["init_top_pgt_pa"], "0x2a10000");
  EXPECT_EQ(s["memory"]["reserved"][2]["start"], "0x30d5c000");  // the ramdisk
  EXPECT_TRUE(std::any_of(derived.notes.begin(), derived.notes.end(),
                          [](const std::string& n) { return n.find("memblock=debug") != std::string::npos; }));
}

TEST(BootLog, WithoutMemblockLinesAllAboveTheNodeDataIsTaken) {
  const std::string log = std::string(kServer) + "NODE_DATA(1) allocated [mem 0x207e000000-0x207e02afff]\n";
  const json reserved = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["reserved"];
  EXPECT_EQ(reserved.back(), (json{{"start", "0x207e000000"}, {"end", "0x2080000000"}}));
}

TEST(BootLog, NodeDataFarBelowTheTopOfItsMemoryIsTakenAlone) {
  const std::string log = std::string(kServer) + "NODE_DATA(1) allocated [mem 0x1f00000000-0x1f0002afff]\n";
  const json reserved = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["reserved"];
  EXPECT_EQ(reserved.back(), (json{{"start", "0x1f00000000"}, {"end", "0x1f0002b000"}}));
}

TEST(BootLog, TheCrashKernelIsReservedInBothWordings) {
  const std::string log = std::string(kServer) +
                          "crashkernel reserved: 0x000000021e000000 - 0x000000023e000000 (512 MB)\n"
                          "Reserving 256MB of memory at 784MB for crashkernel (System RAM: 3071MB)\n";
  const json reserved = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["reserved"];
  EXPECT_EQ(reserved[3], (json{{"start", "0x21e000000"}, {"end", "0x23e000000"}}));
  EXPECT_EQ(reserved[4], (json{{"start", "0x31000000"}, {"end", "0x41000000"}}));
}

TEST(BootLog, MemblockLinesBeforeSparseInitGiveTheReservations) {
  const std::string log = std::string(kServer) +
                          "[    0.0] memblock_reserve: [0x0000000001000000-0x0000000004410fff] setup_arch+0x1/0x2\n"
                          "[    0.0] memblock_reserve: [0x0000000000000000-0x00000000000fffff] setup_arch+0x1/0x2\n"
                          "[    0.0] memblock_phys_free: [0x0000000000080000-0x00000000000fffff] x+0x1/0x2\n"
                          "[    0.0] memblock_alloc_try_nid: 1 bytes sparse_init+0x9f/0x23c\n"
                          "[    0.0] memblock_reserve: [0x0000000030000000-0x0000000030000fff] late+0x1/0x2\n";
  const json memory = json::parse(scenario_from_boot_log(log, "server").json)["memory"];
  EXPECT_EQ(memory["early_tables"], "inside_reserved");
  EXPECT_EQ(memory["reserved"],
            (json{{{"start", "0x0"}, {"end", "0x80000"}}, {{"start", "0x1000000"}, {"end", "0x4411000"}}}));
}

TEST(BootLog, TheMemblockDumpGivesWhatWasReservedBeforeTheCommandLineWasRead) {
  const std::string log = std::string(kServer) +
                          "[    0.0] memblock_reserve: [0x0000000004400000-0x0000000004410fff] setup_arch+0x1/0x2\n"
                          "[    0.0]  memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x9e000 bytes flags: 0x0\n"
                          "[    0.0]  reserved.cnt  = 0x2\n"
                          "[    0.0]  reserved[0x0]\t[0x0000000001000000-0x0000000004410fff], 0x3411000 bytes\n"
                          "[    0.0]  reserved[0x1]\t[0x0000000030d5c000-0x0000000034f7dfff], 0x4222000 bytes\n"
                          "[    0.0] memblock_reserve: [0x0000000034f7e000-0x0000000034ffffff] late+0x1/0x2\n";
  const json reserved = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["reserved"];
  EXPECT_EQ(reserved, (json{{{"start", "0x1000000"}, {"end", "0x4411000"}},
                            {{"start", "0x30d5c000"}, {"end", "0x34f7e000"}},
                            {{"start", "0x34f7e000"}, {"end", "0x35000000"}}}));
}

TEST(BootLog, LevelsAndExecuteDisableAreTold) {
  const auto kernel = [](const std::string& line) {
    return json::parse(scenario_from_boot_log(kServer + line, "x").json)["kernel"];
  };
  EXPECT_EQ(kernel("last_pfn = 0x2080000 max_arch_pfn = 0x10000000000\n")["levels"], 5);
  EXPECT_EQ(kernel("last_pfn = 0x2080000 max_arch_pfn = 0x400000000\n")["levels"], 4);
  const std::string five = std::string(kServer) + "last_pfn = 0x2080000 max_arch_pfn = 0x10000000000\n";
  EXPECT_EQ(json::parse(scenario_from_boot_log(five, "x").json)["platform"], "genoa");  // milan has four
  EXPECT_EQ(kernel("Notice: NX (Execute Disable) protection missing in CPU!\n")["cpu"]["nx"], false);
  EXPECT_EQ(kernel("NX (Execute Disable) protection: active\n")["cpu"]["nx"], true);
}

TEST(BootLog, EarlyNodeRangesWinOverTheFirmwareMap) {
  // The data of the nodes lie in memory that this list lacks.
  const std::string log = without_lines(without_lines(kServer, "NODE_DATA"), "Memory:") +
                          "[    0.0] Early memory node ranges\n"
                          "[    0.0]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
                          "[    0.0]   node   1: [mem 0x0000000000100000-0x000000007fffffff]\n"
                          "[    0.0] Initmem setup node 0 [mem 0x0000000000001000-0x000000000009efff]\n"
                          "[    0.0] Initmem setup node 1 [mem 0x0000000000100000-0x000000007fffffff]\n";
  const json ranges = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["ranges"];
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[1], (json{{"start", "0x100000"}, {"end", "0x80000000"}, {"node", 1}}));
}

/// An Intel server of two nodes with a hole in low memory, as a 6.12 kernel describes it.
constexpr const char* kTwoNodes =
    R"(Linux version 6.12.9-amd64 (debian-kernel@lists.debian.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0) 14.2.0, GNU ld) #1 SMP PREEMPT_DYNAMIC Debian 6.12.9-1
Command line: BOOT_IMAGE=/boot/vmlinuz-6.12.9-amd64 root=UUID=0xdeadbeef ro quiet hugetlb_free_vmemmap=on
BIOS-provided physical RAM map:
BIOS-e820: [mem 0x0000000000000000-0x000000000003dfff] usable
BIOS-e820: [mem 0x000000000003e000-0x000000000003ffff] reserved
BIOS-e820: [mem 0x0000000000040000-0x000000000009ffff] usable
BIOS-e820: [mem 0x00000000000a0000-0x00000000000fffff] reserved
BIOS-e820: [mem 0x0000000000100000-0x0000000065a4efff] usable
BIOS-e820: [mem 0x0000000065a4f000-0x0000000068b4efff] reserved
BIOS-e820: [mem 0x0000000068b4f000-0x0000000069d7cfff] ACPI NVS
BIOS-e820: [mem 0x0000000069d7d000-0x0000000069efefff] ACPI data
BIOS-e820: [mem 0x0000000069eff000-0x000000006fffffff] usable
BIOS-e820: [mem 0x0000000070000000-0x000000008fffffff] reserved
BIOS-e820: [mem 0x00000000fe010000-0x00000000fe010fff] reserved
BIOS-e820: [mem 0x0000000100000000-0x000000407fffffff] usable
efi: Remove mem31: MMIO range=[0x80000000-0x8fffffff] (256MB) from e820 map
e820: remove [mem 0x80000000-0x8fffffff] reserved
e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
e820: remove [mem 0x000a0000-0x000fffff] usable
Using GB pages for direct mapping
RAMDISK: [mem 0x2bd63000-0x34b16fff]
ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x7fffffff]
ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x207fffffff]
ACPI: SRAT: Node 1 PXM 1 [mem 0x2080000000-0x407fffffff]
NUMA: Initialized distance table, cnt=2
NUMA: Node 0 [mem 0x00000000-0x7fffffff] + [mem 0x100000000-0x207fffffff] -> [mem 0x00000000-0x207fffffff]
NODE_DATA(0) allocated [mem 0x207ffd5940-0x207fffffff]
NODE_DATA(1) allocated [mem 0x407ffd4940-0x407fffefff]
Early memory node ranges
  node   0: [mem 0x0000000000001000-0x000000000003dfff]
  node   0: [mem 0x0000000000040000-0x000000000009ffff]
  node   0: [mem 0x0000000000100000-0x0000000065a4efff]
  node   0: [mem 0x0000000069eff000-0x000000006fffffff]
  node   0: [mem 0x0000000100000000-0x000000207fffffff]
  node   1: [mem 0x0000002080000000-0x000000407fffffff]
Initmem setup node 0 [mem 0x0000000000001000-0x000000207fffffff]
Initmem setup node 1 [mem 0x0000002080000000-0x000000407fffffff]
On node 0, zone DMA: 1 pages in unavailable ranges
Memory: 263500000K/268000000K available (16384K kernel code, 2486K rwdata, 11780K rodata, 4148K init, 5000K bss, 4300000K reserved, 0K cma-reserved)
smpboot: CPU0: INTEL(R) XEON(R) GOLD 6530 (family: 0x6, model: 0xcf, stepping: 0x2)
x86/mm: Memory block size: 2048MB
)";

/// Each line after `prefix`, with `end` after it.
std::string prefixed(const std::string& log, const std::string& prefix, const std::string& end) {
  std::string out;
  size_t start = 0;
  for (size_t at; (at = log.find('\n', start)) != std::string::npos; start = at + 1) {
    out += prefix + log.substr(start, at - start) + end + "\n";
  }
  return out;
}

TEST(BootLog, PrefixesAndLineEndsDoNotMatter) {
  const json plain = json::parse(scenario_from_boot_log(kTwoNodes, "x").json);
  ASSERT_EQ(plain["memory"]["ranges"].size(), 6U);
  EXPECT_EQ(plain["memory"]["ranges"][3], (json{{"start", "0x69eff000"}, {"end", "0x70000000"}, {"node", 0}}));
  EXPECT_EQ(plain["memory"]["ranges"][5], (json{{"start", "0x2080000000"}, {"end", "0x4080000000"}, {"node", 1}}));
  EXPECT_EQ(plain["kernel"]["hvo"], true);
  EXPECT_EQ(plain["kernel"]["memory_block_size"], "2048MiB");
  for (const char* prefix : {"[    0.000000] ", "[Thu Nov 20 10:11:12 2025] ", "Nov 20 10:11:12 db7 kernel: ",
                             "2025-11-20T10:11:12,345678+00:00 db7 kernel: ", "<6>[    0.000000] "}) {
    EXPECT_EQ(json::parse(scenario_from_boot_log(prefixed(kTwoNodes, prefix, ""), "x").json), plain) << prefix;
    EXPECT_EQ(json::parse(scenario_from_boot_log(prefixed(kTwoNodes, prefix, "\r"), "x").json), plain) << prefix;
  }
}

TEST(BootLog, EveryLogGivesAScenarioThatReads) {
  const std::string two = kTwoNodes;
  for (const std::string& log : {std::string(kServer), two, without_lines(two, "node   "), without_lines(two, "SRAT"),
                                 without_lines(without_lines(two, "node   "), "SRAT"), without_lines(two, "e820"),
                                 without_lines(two, "CPU0"), without_lines(two, "Linux version")}) {
    const DerivedScenario derived = scenario_from_boot_log(log, "x");
    EXPECT_NO_THROW(scenario_from_json(json::parse(derived.json), "x.json")) << derived.json;
  }
}

TEST(BootLog, ProcessorsWithoutAPlatformGetTheirNearestRelative) {
  const auto platform = [](const char* cpu) {
    const DerivedScenario derived =
        scenario_from_boot_log(without_lines(kServer, "CPU0") + "smpboot: CPU0: " + cpu + "\n", "x");
    const bool said = std::any_of(derived.notes.begin(), derived.notes.end(),
                                  [](const std::string& n) { return n.find("no platform of its own") != n.npos; });
    return json::parse(derived.json)["platform"].get<std::string>() + (said ? ", not its own" : "");
  };
  EXPECT_EQ(platform("INTEL(R) XEON(R) GOLD 6530 (family: 0x6, model: 0xcf, stepping: 0x2)"),
            "sapphire-rapids, not its own");
  EXPECT_EQ(platform("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz (family: 0x6)"), "icelake-sp");
  EXPECT_EQ(platform("Intel Xeon Processor (Cascadelake) (family: 0x6)"), "cascade-lake");
  EXPECT_EQ(platform("AMD EPYC 9654 96-Core Processor (family: 0x19)"), "genoa");
  EXPECT_EQ(platform("AMD EPYC 9755 128-Core Processor"), "turin");
  EXPECT_EQ(platform("AMD EPYC-Rome Processor"), "rome");
  EXPECT_EQ(platform("Some other processor"), "milan, not its own");
}

TEST(BootLog, MemoryLimitedOnTheCommandLineIsRemovedUpToTheEnd) {
  std::string log = without_lines(without_lines(without_lines(kServer, "SRAT"), "Memory:"), "NODE_DATA");
  log.insert(log.find("[    0.000000] RAMDISK"), "e820: remove [mem 0x100000000-0xfffffffffffffffe] usable\n");
  const json ranges = json::parse(scenario_from_boot_log(log, "x").json)["memory"]["ranges"];
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[1]["end"], "0x75db0000");
}

TEST(BootLog, MoreMemoryThanFourLevelsMapMeansFive) {
  const std::string log = "BIOS-e820: [mem 0x0000000000100000-0x00004fffffffffff] usable\n";
  EXPECT_EQ(json::parse(scenario_from_boot_log(log, "x").json)["kernel"]["levels"], 5);
}

TEST(BootLog, TextWithoutMemoryMapIsRefused) {
  EXPECT_THROW(scenario_from_boot_log("hello\nworld\n", "x"), InputError);
  EXPECT_THROW(scenario_from_boot_log("", "x"), InputError);
}

}  // namespace
}  // namespace mmusim
