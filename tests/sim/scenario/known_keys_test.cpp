// SPDX-License-Identifier: MIT
// What the program says about its configuration files must be complete, and must be what it reads.
#include "sim/scenario/known_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "sim/machine/platform.h"
#include "sim/scenario/key_list.h"
#include "sim/scenario/scenario.h"
#include "sim/workloads/workload.h"

namespace mmusim {
namespace {

using nlohmann::json;
using Kind = ValueForm::Kind;

/// Calls fn(path, key) for every key.
template <class Fn>
void each_key(const KeyNode& node, const std::string& path, Fn&& fn) {
  for (const KeyNode& key : node.keys) {
    if (key.remark) continue;
    fn(path + "/" + key.name, key);
    each_key(key.form.kind == Kind::kList && !key.keys.empty() ? key.keys.front() : key, path + "/" + key.name, fn);
  }
  for (const KeyNode& one : node.cases) each_key(one, path + "[" + one.name + "]", fn);
}

TEST(KnownKeys, EachHasAMeaningInOneSentence) {
  each_key(scenario_keys(), "", [](const std::string& path, const KeyNode& key) {
    EXPECT_FALSE(key.meaning.empty()) << path << ": say what it means where it is read";
    EXPECT_TRUE(key.meaning.ends_with('.')) << path << ": " << key.meaning;
    EXPECT_EQ(key.meaning.find(". "), std::string::npos) << path << ": one sentence: " << key.meaning;
    EXPECT_LE(key.meaning.size(), 160U) << path;
  });
}

TEST(KnownKeys, EachQuantityHasAUnit) {
  const std::set<std::string> pure = {"seed", "kaslr_seed", "node", "weight", "exponent", "huge_fraction"};
  each_key(scenario_keys(), "", [&](const std::string& path, const KeyNode& key) {
    const bool quantity =
        key.form.kind == Kind::kInteger || key.form.kind == Kind::kNumber || key.form.kind == Kind::kSize;
    EXPECT_EQ(quantity && !pure.contains(key.name), quantity && !key.unit.empty()) << path;
  });
}

TEST(KnownKeys, OneTreeHoldsPlatformAndDevice) {
  const KeyNode* platform = scenario_keys().find("platform");
  ASSERT_NE(platform, nullptr);
  EXPECT_NE(platform->find("tlbs")->find("stlb")->find("arrays")->keys.front().find("entries"), nullptr);
  EXPECT_NE(platform->find("dram")->find("device")->find("timing_cycles")->find("tRCD"), nullptr);
  const KeyNode& phase = scenario_keys().find("phases")->keys.front();
  EXPECT_EQ(phase.cases.size(), 17U);
  EXPECT_EQ(phase.find_case("workload")->cases.size(), workload_kinds().size());
}

TEST(KnownKeys, KeysWithoutWhichAFileIsAnErrorAreNeeded) {
  for (const char* key : {"memory", "phases"}) EXPECT_TRUE(scenario_keys().find(key)->needed()) << key;
  for (const char* key : {"platform", "kernel", "seed"}) EXPECT_FALSE(scenario_keys().find(key)->needed()) << key;
  EXPECT_TRUE(platform_keys().find("tlbs")->needed());
  EXPECT_FALSE(platform_keys().find("caches")->needed());
}

/// The keys that a document uses must be keys that are known; returns those that are not.
void unknown_keys(const json& value, const KeyNode& node, const std::string& path, std::vector<std::string>& unknown) {
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    const KeyNode* key = node.find(name);
    const KeyNode* chosen = &node;
    while (key == nullptr && !chosen->selector.empty() && value.contains(chosen->selector)) {
      chosen = chosen->find_case(value[chosen->selector].get<std::string>());
      if (chosen == nullptr) break;
      key = chosen->find(name);
    }
    if (key == nullptr) {
      unknown.push_back(path + "/" + name);
    } else if (member.is_array() && !key->keys.empty()) {
      for (const json& element : member) unknown_keys(element, key->keys.front(), path + "/" + name, unknown);
    } else if (key->form.kind == Kind::kObject) {
      unknown_keys(member, *key, path + "/" + name, unknown);
    }
  }
}

TEST(WholeDocuments, OfEveryPlatformIsReadBackAsTheSame) {
  for (const std::string& name : config_names("platforms")) {
    const json whole = json::parse(whole_platform(name).dump());
    std::vector<std::string> unknown;
    unknown_keys(whole, platform_keys(), "", unknown);
    EXPECT_EQ(unknown, std::vector<std::string>{}) << name;
    ConfigErrors errors(name);
    KeyNode again;
    const PlatformConfig read = read_platform(ConfigReader(whole, "", errors, again, Record::kDocument));
    EXPECT_EQ(errors.text(), "");
    EXPECT_EQ(document_of(again).dump(), whole_platform(name).dump()) << name;
    const PlatformConfig shipped = load_platform(name);
    EXPECT_EQ(read.period_ps, shipped.period_ps);
    EXPECT_EQ(read.dram.dram.geometry.channels, shipped.dram.dram.geometry.channels);
    EXPECT_EQ(read.dram.to_memory, shipped.dram.to_memory);
    EXPECT_EQ(read.second_level.data.arrays.size(), shipped.second_level.data.arrays.size());
    EXPECT_EQ(read.l1i.has_value(), shipped.l1i.has_value());
  }
}

TEST(WholeDocuments, OfEveryScenarioIsReadBackAsTheSame) {
  for (const std::string& name : config_names("scenarios")) {
    const std::string file = find_config("scenarios", name);
    const json whole = json::parse(whole_scenario(name).dump());
    std::vector<std::string> unknown;
    unknown_keys(whole, scenario_keys(), "", unknown);
    EXPECT_EQ(unknown, std::vector<std::string>{}) << name;
    const Scenario read = scenario_from_json(whole, file);
    const Scenario shipped = load_scenario(name);
    EXPECT_EQ(read.name, shipped.name);
    EXPECT_EQ(read.phases.size(), shipped.phases.size());
    EXPECT_EQ(read.memory.memory.size(), shipped.memory.memory.size());
    EXPECT_EQ(read.kernel.version, shipped.kernel.version);
  }
}

TEST(WholeDocuments, OfDevicesKernelsAndWorkloadsSayEverything) {
  for (const std::string& name : config_names("dram")) {
    const auto whole = whole_dram_device(name);
    for (const char* key : {"tck_ps", "ranks", "timing_cycles", "controller", "address_map"})
      EXPECT_TRUE(whole.contains(key)) << name << " " << key;
  }
  EXPECT_EQ(whole_kernel("6.12")["version"], "6.12");
  EXPECT_EQ(whole_kernel("6.12")["cpu"]["nx"], true);
  EXPECT_THROW(whole_kernel("2.4"), InputError);
  for (const WorkloadKind& kind : workload_kinds()) {
    const auto whole = whole_workload(std::string(kind.name));
    EXPECT_EQ(whole["kind"], kind.name);
    EXPECT_FALSE(whole["parameters"].empty()) << kind.name;
  }
  EXPECT_EQ(whole_workload("zipf")["parameters"]["exponent"], 0.99);
  EXPECT_EQ(whole_workload("zipf")["parameters"]["unit"], "4KiB");
}

std::vector<std::string> paths_below(const std::string& prefix) {
  std::vector<std::string> paths;
  for (const KeyLine& line : keys_below(list_keys(scenario_keys()), prefix)) paths.push_back(line.path);
  return paths;
}

TEST(KeyList, APrefixIsTakenAsItWasMeant) {
  const auto core = paths_below("/platform/core/");
  EXPECT_EQ(core.front(), "/platform/core/frequency_mhz");
  EXPECT_EQ(paths_below("platform.core."), core);
  EXPECT_EQ(paths_below("core/"), core);
  EXPECT_EQ(paths_below("/platform/tlbs/stlb/arrays/0/entries"),
            std::vector<std::string>{"/platform/tlbs/stlb/arrays/N/entries"});
  const auto zipf = paths_below("zipf");
  EXPECT_NE(std::find(zipf.begin(), zipf.end(), "/phases/N[workload,zipf]/parameters"), zipf.end());
  EXPECT_EQ(paths_below("phases/1/start").front(), "/phases/N[hot_add]/start");
  for (const std::string& path : paths_below("kernel")) EXPECT_TRUE(path.starts_with("/kernel")) << path;
}

TEST(KeyList, AMisspeltPrefixIsToldTheNearestName) {
  try {
    paths_below("platform.tlbs.stbl");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "keys: no key begins with \"platform.tlbs.stbl\", did you mean \"stlb\"?");
  }
}

TEST(KeyList, SaysTypeRangeDefaultUnitAndMeaning) {
  const auto lines = keys_below(list_keys(scenario_keys()), "/platform/core/issue_width");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].type, "integer");
  EXPECT_EQ(lines[0].range, "1 to 32");
  EXPECT_EQ(lines[0].by_default, "4");
  EXPECT_EQ(lines[0].unit, "instructions per cycle");
  EXPECT_NE(lines[0].meaning, "");
  EXPECT_EQ(keys_below(list_keys(scenario_keys()), "/phases/0/trace")[0].by_default, "required");
}

TEST(ConfigsReadme, TablesAreWhatTheCodeSays) {
  std::ifstream file(MMUSIM_SOURCE_DIR "/configs/README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string readme = text.str();
  unsigned tables = 0;
  for (size_t at = 0; (at = readme.find("<!-- mmusim keys --markdown ", at)) != std::string::npos; ++tables) {
    const size_t begin = readme.find(" -->\n", at);
    const std::string path = readme.substr(at + 28, begin - at - 28);
    const size_t end = readme.find("<!-- end -->", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(readme.substr(begin + 5, end - begin - 5), "\n" + key_tables(scenario_keys(), path))
        << "run scripts/update_tables (" << path << ")";
    at = end;
  }
  EXPECT_EQ(tables, 7U);
}

}  // namespace
}  // namespace mmusim
