// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/scenario/recorded_kernel.h"

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
[    0.049000] Memory: 131000000K/133880000K available (14342K kernel code, 2332K rwdata, 9056K rodata, 2792K init, 17412K bss, 2400000K reserved)
[    0.050000] x86/mm: Memory block size: 2048MB
[    0.300000] smpboot: CPU0: AMD EPYC 7763 64-Core Processor (family: 0x19, model: 0x1, stepping: 0x1)
)";

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
  EXPECT_EQ(s["kernel"]["memory_block_bytes"], "2048MiB");
  EXPECT_EQ(s["platform"], "milan");
}

TEST(BootLog, WithoutMemblockLinesReservationsAreAssumedAndSaidSo) {
  const DerivedScenario derived = scenario_from_boot_log(kServer, "server");
  const json s = json::parse(derived.json);
  EXPECT_EQ(s["memory"]["early_tables"], "from_memblock");
  EXPECT_EQ(s["memory"]["reserved"][2]["start"], "0x30d5c000");  // the ramdisk
  EXPECT_TRUE(std::any_of(derived.notes.begin(), derived.notes.end(),
                          [](const std::string& n) { return n.find("memblock=debug") != std::string::npos; }));
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

TEST(BootLog, EarlyNodeRangesWinOverTheFirmwareMap) {
  const std::string log = std::string(kServer) +
                          "[    0.0] Early memory node ranges\n"
                          "[    0.0]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
                          "[    0.0]   node   1: [mem 0x0000000000100000-0x000000007fffffff]\n"
                          "[    0.0] Initmem setup node 0 [mem 0x0000000000001000-0x000000007fffffff]\n";
  const json ranges = json::parse(scenario_from_boot_log(log, "server").json)["memory"]["ranges"];
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[1], (json{{"start", "0x100000"}, {"end", "0x80000000"}, {"node", 1}}));
}

TEST(BootLog, TextWithoutMemoryMapIsRefused) {
  EXPECT_THROW(scenario_from_boot_log("hello\nworld\n", "x"), InputError);
  EXPECT_THROW(scenario_from_boot_log("", "x"), InputError);
}

}  // namespace
}  // namespace mmusim
