// SPDX-License-Identifier: MIT
// Logs in the forms real machines leave them, and what each must give: tests/data/bootlogs/expect.json lists for each log
// the outcomes that are right.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>

#include "models/base/errors.h"
#include "sim/scenario/scenario.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

using nlohmann::json;

json expectations() { return json::parse(file_bytes(bootlog_file("expect.json"))); }

std::vector<std::string> names() {
  const json expect = expectations();
  std::vector<std::string> out;
  for (const auto& [name, outcomes] : expect.items()) out.push_back(name);
  return out;
}

/// [node, start, end], neighbours of one node joined, from the second page on.
std::vector<std::array<uint64_t, 3>> merged(std::vector<std::array<uint64_t, 3>> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a[1] < b[1]; });
  std::vector<std::array<uint64_t, 3>> out;
  for (auto r : ranges) {
    r[1] = std::max<uint64_t>(r[1], 0x1000);
    if (!out.empty() && out.back()[0] == r[0] && out.back()[2] == r[1])
      out.back()[2] = r[2];
    else
      out.push_back(r);
  }
  return out;
}

uint64_t number(const json& text) { return std::stoull(text.get<std::string>(), nullptr, 16); }

class BootLogCase : public testing::TestWithParam<std::string> {
 protected:
  /// Why an outcome is not that of the log; empty if it is.
  std::string differs(const json& want) const {
    if (want.contains("said") &&
        !std::regex_search(said_, std::regex(want["said"].get<std::string>(), std::regex::icase))) {
      return "does not say " + want["said"].get<std::string>();
    }
    if (want["exit"] != (refused_ ? 2 : 0)) return refused_ ? "refused" : "not refused";
    if (refused_) return "";
    if (want.contains("ranges")) {
      std::vector<std::array<uint64_t, 3>> right, ours;
      for (const json& r : want["ranges"]) right.push_back({r[0].get<uint64_t>(), number(r[1]), number(r[2])});
      for (const json& r : scenario_["memory"]["ranges"]) {
        ours.push_back({r["node"].get<uint64_t>(), number(r["start"]), number(r["end"])});
      }
      if (merged(right) != merged(ours)) return "memory " + scenario_["memory"]["ranges"].dump();
    }
    if (want.contains("platform") && want["platform"] != scenario_["platform"]) return scenario_["platform"].dump();
    const json kernel = want.value("kernel", json::object());
    for (const auto& [key, value] : kernel.items()) {
      std::string pointer = "/kernel/" + key;
      std::replace(pointer.begin(), pointer.end(), '.', '/');
      const json::json_pointer at(pointer);
      if (!scenario_.contains(at) || scenario_[at] != value) return pointer;
    }
    return "";
  }

  bool refused_ = false;
  std::string said_;
  json scenario_;
};

TEST_P(BootLogCase, GivesWhatIsRight) {
  try {
    const DerivedScenario derived = scenario_from_boot_log(file_bytes(bootlog_file(GetParam() + ".txt")), "LOG");
    scenario_ = json::parse(derived.json);
    said_ = notes_of(derived);
    std::replace(said_.begin(), said_.end(), '\n', ' ');
  } catch (const InputError& e) {
    refused_ = true;
    said_ = e.what();
  }
  std::vector<std::string> reasons;
  const json expected = expectations()[GetParam()];
  for (const json& outcome : expected) reasons.push_back(differs(outcome));
  EXPECT_NE(std::find(reasons.begin(), reasons.end(), ""), reasons.end()) << reasons[0] << "\n" << said_;
  if (!refused_) {
    EXPECT_NO_THROW(scenario_from_json(scenario_, "x.json"));
  }
}

std::string plain_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Logs, BootLogCase, testing::ValuesIn(names()), plain_name);

}  // namespace
}  // namespace mmusim
