// SPDX-License-Identifier: MIT
// Recorded kernels, stage by stage: the scenario that a dump gives builds the same entries, the same leaves share pages,
// and leaves in memory that was added later have the recorded addresses.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "sim/bootlog/derive.h"
#include "sim/recorded/recorded_kernel.h"
#include "sim/recorded/table_comparison.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/untimed_host.h"

namespace mmusim {
namespace {

using nlohmann::json;

std::string folder() { return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/recorded/"; }

std::vector<std::string> recorded_names() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder())) {
    const std::string name = file.path().filename();
    if (name.ends_with(".json.xz")) names.push_back(name.substr(0, name.size() - 8));
  }
  std::sort(names.begin(), names.end());
  return names;
}
std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// A dump, and what the scenario from it builds.
struct Rebuilt {
  explicit Rebuilt(const std::string& name)
      : Rebuilt(json::parse(read_text_file(folder() + name + ".json.xz")), name) {}
  Rebuilt(json recorded, const std::string& name) : dump(std::move(recorded)) {
    json document = json::parse(scenario_from_dump(dump, name).json);
    document["platform"] = json::object();
    const Scenario scenario = scenario_from_json(std::move(document), name);
    for (const mm::MemoryRange& r : scenario.memory.memory)
      boot_memory.push_back({address_of(r.start), address_of(r.end)});
    PhysMem memory;
    UntimedHost host(scenario, memory, UntimedTarget::Accesses::kRefused);
    RunOutputs outputs;
    outputs.tables = [this](StageTables&& stage) { tables.push_back(std::move(stage)); };
    EXPECT_EQ(run_scenario(scenario, host, outputs).failure, "");
  }
  StageAgreement stage(size_t i) const { return compare_stage(tables.at(i), dump["stages"][i], "dump", boot_memory); }
  json dump;
  std::vector<PhysRange> boot_memory;
  std::vector<StageTables> tables;
};

class RecordedTables : public testing::TestWithParam<std::string> {};

TEST_P(RecordedTables, EveryStageAgrees) {
  const Rebuilt r(GetParam());
  ASSERT_EQ(r.tables.size(), r.dump["stages"].size());
  for (size_t i = 0; i < r.tables.size(); ++i) {
    const StageAgreement stage = r.stage(i);
    EXPECT_TRUE(stage.agrees()) << stage.stage << ": " << stage.first_difference;
    // Gigantic pages of the boot are placed by memblock: their addresses are determined where boot maps them.
    const bool gigantic = r.dump.contains("boot_hugetlb") && GetParam().starts_with("hvo-1g");
    if (i != 0 || !gigantic) continue;
    EXPECT_EQ(stage.sum().same_address, stage.sum().recorded) << stage.first_difference;
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, RecordedTables, testing::ValuesIn(recorded_names()), test_name);

TEST(TableComparison, LeavesThatShareAPageAreCompared) {
  Rebuilt r("hvo-2m-4l-k73");
  const StageAgreement alloc = r.stage(1);
  EXPECT_EQ(alloc.shared.recorded, 1U);  // the tails of 64 folios in one zone
  EXPECT_TRUE(alloc.shared.agrees());
  // A tail that maps a page of its own has the same flags, and is seen all the same.
  const std::string tail = "0x8000000000000121";
  for (json& e : r.dump["stages"][1]["entries"]) {
    const uint64_t value = *parse_number(e["value"].get<std::string>());
    if (e["level"] != 1 || (value & ~uint64_t{0x000ffffffffff000}) != *parse_number(tail)) continue;
    e["value"] = "0x8000000000001121";
    break;
  }
  const StageAgreement changed = r.stage(1);
  EXPECT_EQ(changed.sum().same_flags, changed.sum().recorded);
  EXPECT_FALSE(changed.shared.agrees());
  EXPECT_FALSE(changed.agrees());
}

TEST(TableComparison, LeavesInAddedMemoryAreComparedByAddress) {
  Rebuilt r("hotplug-mom-4l-k73");
  EXPECT_EQ(r.stage(0).placed.recorded, 0U);
  EXPECT_EQ(r.stage(3).placed.equal, 5U);
  for (json& e : r.dump["stages"][3]["entries"])
    if (e["level"] == 2 && e["value"] == "0x80000001080001e3") e["value"] = "0x80000001082001e3";
  const StageAgreement changed = r.stage(3);
  EXPECT_EQ(changed.placed.equal, 4U);
  EXPECT_FALSE(changed.agrees());
}

}  // namespace
}  // namespace mmusim
