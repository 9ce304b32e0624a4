// SPDX-License-Identifier: MIT
// The vmemmap of a dumped kernel beside what the model builds from the memory map in the dump.
#include "sim/crashdump/dumped_machine.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/recorded/table_comparison.h"
#include "tests/support/untimed_run.h"

namespace mmusim {
namespace {

using nlohmann::json;

std::string crash_file(const std::string& name) {
  return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/crash/" + name + ".xz";
}

std::vector<mm::TableEntry> dumped_vmemmap(const DumpedMachine& machine, const Scenario& scenario) {
  const mm::Layout layout = layout_of(scenario);
  return mm::dump_tables(*machine.tables, machine.kernel.root.root, machine.kernel.root.levels, layout.vmemmap_base(),
                         layout.vmemmap_bytes());
}

std::vector<mm::TableEntry> built_vmemmap(const Scenario& scenario) {
  const std::vector<StageTables> tables = tables_of(scenario);
  return tables.empty() ? std::vector<mm::TableEntry>{} : tables.back().entries;
}

Scenario scenario_of(const DumpedMachine& machine) {
  json document = json::parse(machine.derived.json);
  document["platform"] = json::object();
  return scenario_from_json(std::move(document), "dump");
}

/// The number of entries, once it is known that all of them are equal.
size_t equal_entries(const std::string& name) {
  const DumpedMachine machine = read_dumped_machine(crash_file(name));
  EXPECT_TRUE(machine.addresses_determined);
  const Scenario scenario = scenario_of(machine);
  const std::vector<mm::TableEntry> recorded = dumped_vmemmap(machine, scenario);
  const std::vector<mm::TableEntry> built = built_vmemmap(scenario);
  EXPECT_EQ(built.size(), recorded.size());
  constexpr uint64_t kAccessedDirty = 0x60;
  for (size_t i = 0; i < std::min(built.size(), recorded.size()); ++i) {
    EXPECT_EQ(built[i].level, recorded[i].level);
    EXPECT_EQ(built[i].va, recorded[i].va);
    EXPECT_EQ(built[i].index, recorded[i].index);
    EXPECT_EQ(built[i].table_pa, recorded[i].table_pa);
    EXPECT_EQ(built[i].value | kAccessedDirty, recorded[i].value | kAccessedDirty);
  }
  return recorded.size();
}

TEST(DumpedMachine, EveryVmemmapEntryIsThatOfTheModel) {
  // 128 MiB: one leaf of 2 MiB, below a PMD page, a PUD page and the PGD.
  for (const char* form : {"kdump", "flat", "elf"}) EXPECT_EQ(equal_entries(std::string("k61-128m.") + form), 3U);
}

TEST(DumpedMachine, TwoNodesAndRandomBases) {
  EXPECT_EQ(equal_entries("k61-384m-kaslr.kdump"), 5U);  // three leaves
  const DumpedKernel kernel = read_dumped_machine(crash_file("k61-384m-kaslr.kdump")).kernel;
  EXPECT_NE(kernel.vmemmap_base, VirtAddr(0xffffea0000000000));
  ASSERT_EQ(kernel.nodes.size(), 2U);
  EXPECT_EQ(kernel.nodes[1].node, 1U);
  EXPECT_EQ(kernel.nodes[1].start, Pfn(0x8000));
}

TEST(DumpedMachine, SectionsNodesAndAddressesAreRead) {
  const DumpedMachine machine = read_dumped_machine(crash_file("k61-128m.kdump"));
  const DumpedKernel& kernel = machine.kernel;
  ASSERT_EQ(kernel.sections.size(), 1U);
  EXPECT_TRUE(kernel.sections[0].early);
  EXPECT_FALSE(kernel.sections[0].device);
  ASSERT_EQ(kernel.nodes.size(), 1U);
  EXPECT_EQ(kernel.nodes[0].data, PhysAddr(0x7c77000));  // "NODE_DATA(0) allocated [mem 0x07c77000-"
  EXPECT_EQ(kernel.nodes[0].start, Pfn(1));
  EXPECT_EQ(kernel.nodes[0].pages, 32735U);  // as `kmem -n` of the crash utility prints it
  EXPECT_EQ(kernel.vmemmap_base, VirtAddr(0xffffea0000000000));
  EXPECT_EQ(kernel.root.root, PhysAddr(0x2a10000));
  std::vector<BootRange> memory = {{{PhysAddr(0x1000), PhysAddr(0x9f000)}, 0},
                                   {{PhysAddr(kMiB), PhysAddr(0x7fe0000)}, 0}};
  EXPECT_TRUE(compare_sections(kernel, memory).agrees());
  memory.push_back({{PhysAddr(0x8000000), PhysAddr(0x9000000)}, 0});  // a section that the kernel has not
  EXPECT_FALSE(compare_sections(kernel, memory).agrees());
  memory.pop_back();
  memory[1].range.end = PhysAddr(0x7fdf000);  // a page less
  EXPECT_FALSE(compare_sections(kernel, memory).agrees());
}

TEST(DumpedMachine, TheLogIsThatOfTheConsole) {
  const std::string log = read_dumped_machine(crash_file("k61-128m.elf")).kernel.log;
  EXPECT_TRUE(log.starts_with("[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)"));
  EXPECT_NE(log.find("[    0.000000] Command line: console=ttyS0 nokaslr memblock=debug log_buf_len=512K pti=off\n"),
            std::string::npos);
  EXPECT_NE(log.find("Run /init as init process"), std::string::npos);
}

TEST(DumpedMachine, OneChangedEntryIsNoticed) {
  const DumpedMachine machine = read_dumped_machine(crash_file("k61-128m.kdump"));
  const Scenario scenario = scenario_of(machine);
  const mm::TableEntry leaf = dumped_vmemmap(machine, scenario).back();
  machine.tables->store64(leaf.table_pa + leaf.index * uint64_t{8}, leaf.value ^ 2);
  EXPECT_NE(dumped_vmemmap(machine, scenario).back().value | 0x60, built_vmemmap(scenario).back().value | 0x60);
}

}  // namespace
}  // namespace mmusim
