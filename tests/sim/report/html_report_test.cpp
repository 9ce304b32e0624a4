// SPDX-License-Identifier: MIT
#include "sim/report/html_report.h"

#include <gtest/gtest.h>

#include <regex>

#include "models/base/errors.h"
#include "sim/host/atomic_file.h"
#include "sim/report/summary.h"
#include "sim/report/table_tree.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

ComparedRun small_run(const std::string& name) {
  RunSummary s;
  s.name = name;
  s.configuration = R"({"description":"</script><script>alert(1)</script><!--"})";
  ComparedRun run;
  run.label = "one";
  run.summaries.push_back(to_json(s, {}));
  return run;
}

std::string without_scripts(std::string html) { return html.substr(0, html.find("<script")); }

TEST(HtmlReport, DataCannotBreakOutOfItsScript) {
  const std::string html = html_report("a <b> & c", Comparison({small_run("</script>")}), "");
  size_t scripts = 0;
  for (size_t at = html.find("</script>"); at != std::string::npos; at = html.find("</script>", at + 1)) ++scripts;
  EXPECT_EQ(scripts, 3u) << "data, Vega, and ours";
  EXPECT_NE(html.find("<title>a &lt;b> &amp; c</title>"), std::string::npos);
}

TEST(HtmlReport, NothingIsLoadedFromElsewhere) {
  std::string html = without_scripts(html_report("t", Comparison({small_run("x")}), ""));
  const size_t licences = html.find("<details class=\"licences\">");  // texts, which name addresses
  ASSERT_NE(licences, std::string::npos);
  html.erase(licences, html.find("</details>", licences) - licences);
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos) << "the browser enforces it";
}

TEST(HtmlReport, DataIsTheSummary) {
  const std::string html = html_report("t", Comparison({small_run("x")}), "");
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t start = html.find(open) + open.size();
  const auto data = nlohmann::json::parse(html.substr(start, html.find("</script>", start) - start));
  EXPECT_EQ(data["runs"][0]["summary"]["name"], "x");
  EXPECT_EQ(data["runs"][0]["summary"]["configuration"]["description"], "</script><script>alert(1)</script><!--");
  EXPECT_EQ(data["comparison"]["baseline"], "one");
}

constexpr const char* kTables = R"({"stages":[{"stage":"boot","levels":4,"entries":[
  {"level":4,"va":"0xffffea0000000000","index":468,"table_pa":"0x1000","value":"0x2067"},
  {"level":3,"va":"0xffffea0000000000","index":0,"table_pa":"0x2000","value":"0x3067"},
  {"level":2,"va":"0xffffea0000000000","index":0,"table_pa":"0x3000","value":"0x4063"},
  {"level":1,"va":"0xffffea0000000000","index":0,"table_pa":"0x4000","value":"0x10063"},
  {"level":1,"va":"0xffffea0000001000","index":1,"table_pa":"0x4000","value":"0x11063"},
  {"level":1,"va":"0xffffea0000002000","index":2,"table_pa":"0x4000","value":"0x12063"},
  {"level":1,"va":"0xffffea0000003000","index":3,"table_pa":"0x4000","value":"0x20061"},
  {"level":1,"va":"0xffffea0000004000","index":4,"table_pa":"0x4000","value":"0x20061"},
  {"level":2,"va":"0xffffea0000200000","index":1,"table_pa":"0x3000","value":"0x2000e3"},
  {"level":2,"va":"0xffffea0000400000","index":2,"table_pa":"0x3000","value":"0x4000e3"}]}]})";

TEST(TableTree, LeavesThatContinueEachOtherAreOneNode) {
  const ScratchDir dir;
  write_file(dir / "tables.json", kTables);
  const auto tree = page_table_tree(dir / "tables.json");
  const auto& middle = tree[0]["children"][0]["children"];
  ASSERT_EQ(middle.size(), 2u);
  EXPECT_EQ(middle[0]["children"].size(), 2u);
  EXPECT_EQ(middle[0]["children"][0]["count"], 3);
  EXPECT_EQ(middle[0]["children"][1]["count"], 2);
  EXPECT_EQ(middle[0]["children"][1]["same_frame"], true);
  EXPECT_EQ(middle[1]["count"], 2);
  EXPECT_EQ(middle[1]["value"], "0x2000e3");
}

EntryWrite write_of(uint64_t cycle, unsigned level, uint64_t va, uint64_t entry_pa, uint64_t value, uint32_t function) {
  EntryWrite w;
  w.cycle = w.record = cycle;
  w.level = static_cast<uint8_t>(level);
  w.va = va;
  w.entry_pa = entry_pa;
  w.value = value;
  w.function = function;
  return w;
}

TEST(TableTree, ANodeSaysByWhatAndWhenItWasWrittenLast) {
  const ScratchDir dir;
  write_file(dir / "tables.json", kTables);
  EntryWrites writes;
  writes.functions = {"vmemmap_pte_populate", "vmemmap_remap_pte"};
  for (uint64_t i = 0; i < 3; ++i) {
    writes.writes.push_back(
        write_of(10 + i, 1, 0xffffea0000000000 + (i << 12), 0x4000 + 8 * i, 0x10063 + (i << 12), 0));
  }
  writes.writes.push_back(write_of(20, 1, 0xffffea0000002000, 0x4010, 0x12063, 1));
  const auto tree = page_table_tree(dir / "tables.json", writes);
  const auto& leaves = tree[0]["children"][0]["children"][0]["children"];
  ASSERT_EQ(leaves.size(), 3u) << "the third was written by another function than the two before";
  EXPECT_EQ(leaves[0]["by"], "vmemmap_pte_populate");
  EXPECT_EQ(leaves[0]["cycle"], 10);
  EXPECT_EQ(leaves[0]["last_cycle"], 11);
  EXPECT_EQ(leaves[1]["by"], "vmemmap_remap_pte");
  EXPECT_EQ(leaves[1]["record"], 20);
}

TEST(PopulateStory, LongRowsOfEntriesAreOneStepAfterTheFirstSixteen) {
  EntryWrites writes;
  writes.functions = {"vmemmap_pte_populate"};
  writes.phases = {"boot"};
  for (uint64_t i = 0; i < 512; ++i) {
    writes.writes.push_back(
        write_of(100 + i, 1, 0xffffea0000000000 + (i << 12), 0x4000 + 8 * i, 0x10063 + (i << 12), 0));
  }
  writes.writes.push_back(write_of(700, 2, 0xffff888000000000, 0x8000, 0x1e3, 0));  // not below the tree
  const nlohmann::ordered_json tree = {{{"level", 4}, {"va", "0xffffea0000000000"}}};
  const auto story = populate_story(writes, nlohmann::ordered_json::array({tree[0]}));
  ASSERT_EQ(story["steps"].size(), 17u);
  EXPECT_EQ(story["steps"][16][12], 496) << "entries 16 to 511";
  EXPECT_EQ(story["steps"][16][13], 611) << "the cycle of the last";
  EXPECT_EQ(story["omitted"], 0);
  EXPECT_EQ(populate_story(writes, nlohmann::ordered_json::array({tree[0]}), 4)["omitted"], 508);
  EXPECT_TRUE(populate_story({}, nlohmann::ordered_json::array()).is_null());
}

TEST(EntryWrites, AreReadFromTheLogWithTheSourceOfTheirFrames) {
  const ScratchDir dir;
  write_file(dir / "events.jsonl.zst",
             R"({"event":"header","format":"mmusim-events","version":2}
{"event":"phase","cycle":0,"stage":"boot","name":"boot"}
{"event":"alloc","cycle":3,"pa":"0x5000","cause":"vmemmap_alloc_block_zero"}
{"event":"zero","cycle":4,"pa":"0x5000","cause":"vmemmap_alloc_block_zero"}
{"event":"pte_write","cycle":5,"level":2,"va":"0xffffea0000000000","entry_pa":"0x4008","old":"0x0","new":"0x5067","cause":"vmemmap_pmd_populate"}
{"event":"pte_wri)");
  const EntryWrites writes = read_entry_writes(dir / "events.jsonl.zst");
  ASSERT_EQ(writes.writes.size(), 1u) << "what stands before the cut";
  const EntryWrite& w = writes.writes[0];
  EXPECT_EQ(writes.functions[w.function], "vmemmap_pmd_populate");
  EXPECT_EQ(writes.functions[w.frame_source], "vmemmap_alloc_block_zero");
  EXPECT_TRUE(w.frame_zeroed);
  EXPECT_EQ(w.record, 4u);
  EXPECT_TRUE(read_entry_writes(dir / "none").writes.empty());
  EXPECT_THROW(read_entry_writes(dir / "."), InputError);
}

TEST(TableTree, WhatDoesNotFitIsCounted) {
  const ScratchDir dir;
  write_file(dir / "tables.json", kTables);
  const auto tree = page_table_tree(dir / "tables.json", {}, /*max_nodes=*/4);
  EXPECT_EQ(tree[0]["children"][0]["children"][0]["omitted"], 2);
}

TEST(TableTree, OtherFilesAreRefusedAndMissingOnesAreNoTree) {
  const ScratchDir dir;
  write_file(dir / "tables.json", R"({"stages":[{"entries":[{"level":9}]}]})");
  EXPECT_THROW(page_table_tree(dir / "tables.json"), InputError);
  EXPECT_TRUE(page_table_tree(dir / "none.json").empty());
}

}  // namespace
}  // namespace mmusim
