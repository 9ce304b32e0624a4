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

TEST(TableTree, WhatDoesNotFitIsCounted) {
  const ScratchDir dir;
  write_file(dir / "tables.json", kTables);
  const auto tree = page_table_tree(dir / "tables.json", /*max_nodes=*/4);
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
