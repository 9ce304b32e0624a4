// SPDX-License-Identifier: MIT
// Logs whose lines are cut, lost or wrapped: what is left over tells that memory is missing, or it is put together again.
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/bootlog/log_unwrap.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

std::string first_note(const std::string& log) { return scenario_from_boot_log(log, "server").notes.at(0); }

std::string refusal(const std::string& log) {
  try {
    return "taken: " + first_note(log);
  } catch (const InputError& e) {
    return e.what();
  }
}

/// Each line of `log` cut at a width, as fold(1) does it.
std::string folded(const std::string& log, size_t columns) {
  std::string out;
  for (const std::string& line : split_lines(log)) {
    for (size_t at = 0; at == 0 || at < line.size(); at += columns) out += line.substr(at, columns) + "\n";
  }
  return out;
}

/// Nothing but both lists without node 1's memory, and what `also` has.
std::string cut_alike(const std::string& also) {
  std::string log = without_lines(without_lines(two_nodes(), "node   1: "), "0x0000000100000000-0x000000107fffffff");
  std::string out;
  for (const std::string& line : split_lines(log)) {
    const bool list = has(line, "BIOS-e820") || has(line, "node   0: ") || has(line, "Early memory");
    if (list || (!also.empty() && has(line, also)) || has(line, "Zone ranges")) out += line + "\n";
  }
  return out + "[    0.000000] the log goes on\n";
}

TEST(DamagedLogs, ZonesThatGoOnBehindBothListsTellOfMissingMemory) {
  // The line of zone Normal is told once more, as the lists lack its range.
  const std::string zone = "[    0.000000]   Normal   [mem 0x0000000100000000-0x000000107fffffff]\n";
  const std::string old_zone = "[    0.000000]   Normal   0x00100000 -> 0x01080000\n";
  for (const std::string& line : {zone, old_zone}) {
    const std::string log =
        replaced(cut_alike(""), "[    0.000000] Zone ranges:\n", "[    0.000000] Zone ranges:\n" + line);
    EXPECT_TRUE(has(refusal(log), "the end of the zones")) << refusal(log);
    EXPECT_FALSE(
        has(refusal(log), "taken: memory: 1 node, 1.48 GiB, 389023 pages, from the node ranges (lines 6 to 7); the"));
  }
}

TEST(DamagedLogs, ANodesDataOutsideOfAllMemoryTellsOfMissingMemory) {
  EXPECT_TRUE(has(refusal(cut_alike("NODE_DATA(1)")), "NODE_DATA(1)")) << refusal(cut_alike("NODE_DATA(1)"));
  EXPECT_FALSE(has(refusal(two_nodes()), "NODE_DATA"));
}

TEST(DamagedLogs, ZonesAgreeWithWholeLogs) {
  EXPECT_TRUE(has(first_note(two_nodes()), "the end of the zones"));
  EXPECT_TRUE(has(first_note(two_nodes()), "agree"));
  EXPECT_FALSE(has(first_note(two_nodes()), "disputed"));
}

TEST(DamagedLogs, TwoListsDoNotConfirmEachOtherWhereLinesAreDamaged) {
  std::string log = two_nodes();
  for (const char* total : {"Memory:", "Total pages", "last_pfn", "Initmem", "SRAT", "Zone", "Normal", "NODE_DATA"})
    log = without_lines(log, total);
  EXPECT_FALSE(has(first_note(log), "not confirmed")) << first_note(log);
  const std::string damaged = log + "[    0.000000] BIOS-e820: [mem 0x00000011000g0000-0x00000011ffffffff] usable\n";
  EXPECT_TRUE(has(first_note(damaged), "not confirmed")) << first_note(damaged);
}

TEST(DamagedLogs, AGapInTheNumbersOfNodesIsNotConfirmedByTheOthersTotals) {
  const std::string log = file_bytes(bootlog_file("linux-3.10-four-nodes.txt"));
  std::string late = log.substr(log.rfind('\n', log.find("Zone ranges:")) + 1);  // the ring buffer lost what was before
  late = without_lines(late, "NODE_DATA");
  EXPECT_FALSE(has(first_note(late), "not confirmed")) << first_note(late);
  std::string gap;
  bool node_2 = false;
  for (const std::string& line : split_lines(late)) {
    if (has(line, "On node ")) node_2 = has(line, "On node 2 ");
    if (!node_2 && !has(line, "node   2:")) gap += line + "\n";
  }
  EXPECT_TRUE(has(first_note(gap), "not confirmed")) << first_note(gap);
}

TEST(DamagedLogs, ARangeTwiceWithAnotherEndIsStillOneRange) {
  const std::string line = "[    0.000000]   node   0: [mem 0x0000000000001000-0x000000000009ffff]\n";
  const std::string other = "[    0.000000]   node   0: [mem 0x0000000000001000-0x000000000009fffc]\n";
  EXPECT_EQ(scenario_of(replaced(two_nodes(), line, line + other))["memory"]["ranges"],
            scenario_of(two_nodes())["memory"]["ranges"]);
}

TEST(DamagedLogs, LinesCutAtAWidthArePutTogether) {
  for (const size_t columns : {40U, 60U, 72U, 76U, 80U}) {
    const std::string log = folded(two_nodes(), columns);
    const auto whole = unwrapped(log);
    ASSERT_TRUE(whole) << columns;
    EXPECT_EQ(whole->columns, columns);
    EXPECT_EQ(whole->text, two_nodes()) << columns;
    const DerivedScenario derived = scenario_from_boot_log(log, "server");
    EXPECT_EQ(nlohmann::json::parse(derived.json), scenario_of(two_nodes())) << columns;
    EXPECT_TRUE(has(notes_of(derived), fmt::format("cut at {} columns", columns)));
  }
}

TEST(DamagedLogs, WholeLogsAreNotPutTogether) {
  EXPECT_FALSE(unwrapped(two_nodes()));
  EXPECT_FALSE(unwrapped(""));
  EXPECT_FALSE(unwrapped(file_bytes(bootlog_file("rfc5424.txt"))));
  // Without time stamps nothing tells where a message begins.
  EXPECT_FALSE(unwrapped(folded(replaced(two_nodes(), "[    0.000000] ", ""), 60)));
}

TEST(DamagedLogs, TheSizeOfAStructPageIsThatOfTheZones) {
  const std::string log = file_bytes(bootlog_file("struct-page-56.txt"));
  EXPECT_EQ(scenario_of(log)["kernel"]["struct_page_bytes"], 56U);
  const std::string odd = replaced(replaced(log, "Normal zone: 107520 pages used", "Normal zone: 92160 pages used"),
                                   "DMA32 zone: 5264 pages used", "DMA32 zone: 4512 pages used");  // 48 bytes
  const DerivedScenario derived = scenario_from_boot_log(odd, "server");
  EXPECT_FALSE(nlohmann::json::parse(derived.json)["kernel"].contains("struct_page_bytes"));
  EXPECT_TRUE(has(notes_of(derived), "48 bytes, which no kernel has"));
}

}  // namespace
}  // namespace mmusim
