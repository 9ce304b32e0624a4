// SPDX-License-Identifier: MIT
#include "sim/bootlog/memory_agreement.h"

#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

AgreedMemory agreed(const std::string& log) {
  Evidence evidence;
  add_boot_log(evidence, log, "x", {});
  return agree_on_memory(evidence.facts, {}, "x");
}

uint64_t pages_of(const AgreedMemory& memory) {
  uint64_t pages = 0;
  for (const BootRange& r : memory.ranges) pages += r.range.bytes() >> kPageShift;
  return pages;
}

constexpr uint64_t kPages = 16'641'951;

TEST(MemoryAgreement, AllAgrees) {
  const AgreedMemory memory = agreed(two_nodes());
  EXPECT_EQ(memory.agreement, Agreement::kConfirmed);
  EXPECT_EQ(pages_of(memory), kPages);
  EXPECT_TRUE(memory.notes.empty());
  EXPECT_TRUE(has(memory.summary, "2 nodes, 63.48 GiB, 16641951 pages"));
  EXPECT_TRUE(has(memory.summary, "e820 map agree"));
}

TEST(MemoryAgreement, EachWitnessAloneConfirmsOrIsNamed) {
  // What is left out cannot disagree; the rest still confirms.
  for (const char* left_out : {"Memory:", "BIOS-e820", "Initmem", "Total pages", "last_pfn", "SRAT", "NODE_DATA"}) {
    const AgreedMemory memory = agreed(without_lines(two_nodes(), left_out));
    EXPECT_EQ(memory.agreement, Agreement::kConfirmed) << left_out;
    EXPECT_EQ(pages_of(memory), kPages) << left_out;
  }
}

TEST(MemoryAgreement, TheFirmwaresMapStandsInForAMissingList) {
  const AgreedMemory memory = agreed(without_lines(two_nodes(), "  node   "));
  EXPECT_EQ(pages_of(memory), kPages);
  EXPECT_EQ(memory.agreement, Agreement::kConfirmed);
  EXPECT_TRUE(has(memory.summary, "from the firmware's e820 map"));
}

TEST(MemoryAgreement, ALostNodeRangeIsFound) {
  const AgreedMemory memory = agreed(without_lines(two_nodes(), "node   1: "));
  EXPECT_EQ(pages_of(memory), kPages);
  EXPECT_EQ(memory.agreement, Agreement::kDisputed);
  EXPECT_TRUE(has(memory.notes[0], "the node ranges"));
}

TEST(MemoryAgreement, ALostRangeOfEachListIsRefused) {
  const std::string log = without_lines(without_lines(two_nodes(), "node   1: "), "0x0000000100000000-0x000000107f");
  try {
    agreed(log);
    FAIL();
  } catch (const InputError& e) {
    EXPECT_TRUE(has(e.what(), "memory is missing"));
    EXPECT_TRUE(has(e.what(), "66567804 KiB"));
  }
}

TEST(MemoryAgreement, AWrongDigitIsFound) {
  const std::string wrong =
      replaced(two_nodes(), "node   1: [mem 0x0000000880000000", "node   1: [mem 0x0000000890000000");
  EXPECT_EQ(pages_of(agreed(wrong)), kPages);
  EXPECT_EQ(agreed(wrong).agreement, Agreement::kDisputed);
  const std::string node = replaced(two_nodes(), "node   1: [mem", "node   5: [mem");
  const AgreedMemory memory = agreed(node);
  EXPECT_EQ(memory.ranges.back().node, 1U);
  EXPECT_EQ(memory.agreement, Agreement::kDisputed);
}

TEST(MemoryAgreement, AWrongTotalIsNamedAndNotBelieved) {
  const AgreedMemory memory = agreed(replaced(two_nodes(), "/66567804K", "/67567804K"));
  EXPECT_EQ(pages_of(memory), kPages);
  EXPECT_EQ(memory.agreement, Agreement::kDisputed);
  ASSERT_EQ(memory.notes.size(), 1U);
  EXPECT_TRUE(has(memory.notes[0], "disagreement: \"Memory:\" (line 32): 67567804 KiB"));
}

TEST(MemoryAgreement, WhatIsToldOnceIsNotConfirmed) {
  std::string log = two_nodes();
  for (const char* what : {"Memory:", "  node   ", "Initmem", "Total pages", "last_pfn"})
    log = without_lines(log, what);
  const AgreedMemory memory = agreed(log);
  EXPECT_EQ(memory.agreement, Agreement::kUnconfirmed);
  EXPECT_TRUE(has(memory.summary, "not confirmed by anything else"));
}

TEST(MemoryAgreement, NodesToldOnceAreNotConfirmed) {
  std::string log = two_nodes();
  for (const char* what : {"Initmem", "SRAT", "BIOS-e820"}) log = without_lines(log, what);
  const AgreedMemory memory = agreed(log);
  EXPECT_EQ(memory.agreement, Agreement::kUnconfirmed);
  EXPECT_TRUE(has(memory.summary, "told only once"));
}

TEST(MemoryAgreement, AListThatEndsTheLogGivesWay) {
  const std::string log = two_nodes();
  const std::string cut = log.substr(0, log.find("[    0.000000]   node   0: [mem 0x0000000100000000"));
  const AgreedMemory memory = agreed(cut);
  EXPECT_EQ(pages_of(memory), kPages);
  EXPECT_EQ(memory.agreement, Agreement::kDisputed);
}

TEST(MemoryAgreement, NodesOfOldListsAreCounted) {
  const std::string log = file_bytes(bootlog_file("linux-3.2.txt"));
  EXPECT_THROW(agreed(without_lines(without_lines(log, "0: 0x00000100 -> 0x0005f000"), "BIOS-e820")), InputError);
}

TEST(MemoryAgreement, TheFirstPageMayCount) {
  const std::string log =
      "Zone PFN ranges:\nearly_node_map[2] active PFN ranges\n    0:        0 ->      159\n    0:      256 ->   "
      "524208\n"
      "On node 0 totalpages: 524111\n";
  const AgreedMemory memory = agreed(log);
  EXPECT_EQ(memory.agreement, Agreement::kConfirmed);
  EXPECT_EQ(memory.ranges.front().range.start, PhysAddr(0x1000));
}

TEST(MemoryAgreement, MemoryOfOnePageIsRefused) {
  EXPECT_THROW(agreed("Early memory node ranges\n  node   0: [mem 0x0000000000000000-0x0000000000000fff]\n"),
               InputError);
  EXPECT_THROW(agreed("hello\nworld\n"), InputError);
  EXPECT_THROW(agreed(""), InputError);
}

}  // namespace
}  // namespace mmusim
